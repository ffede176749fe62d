"""Databases and providers for stories: everything real, nothing shared."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.mail_server import MailServer
from tests.stories.operator import OURS


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'care.db'}"
    return str(request.getfixturevalue("empty_postgres"))


@pytest.fixture
def twilio() -> Iterator[TwilioSimulator]:
    """Twilio, with one number of ours."""
    with start_twilio_simulator(senders=[OURS]) as simulator:
        yield simulator


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A relay that wants STARTTLS."""
    with MailServer(tls="starttls") as server:
        yield server
