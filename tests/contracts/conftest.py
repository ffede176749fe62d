"""Every adapter of the gateway port, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from care.base.vocabulary import Channel
from care.simulators.twilio.process import TwilioSimulator
from tests.contracts.harnesses import Opener, sandbox, smtp, twilio, twilio_backup, twilio_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[TwilioSimulator]:
    """One Twilio look-alike for all tests of a module."""
    with twilio_simulator() as running:
        yield running


@pytest.fixture(
    params=[
        "twilio",
        "twilio-backup",
        "smtp",
        "smtp-pipelined",
        "smtp-starttls",
        "smtp-implicit",
        "sandbox-sms",
        "sandbox-email",
        "sandbox-sms-backup",
    ]
)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """How to open one adapter; the test runs once on each."""
    kind: str = request.param
    if kind == "twilio":
        return twilio(request.getfixturevalue("simulator"))
    if kind == "twilio-backup":
        return twilio_backup(request.getfixturevalue("simulator"))
    if kind == "sandbox-sms-backup":
        return sandbox(Channel.SMS, tmp_path / "outbox", provider="sandbox.backup")
    if kind.startswith("smtp"):
        tls = kind.partition("-")[2]
        return smtp(pipelining=tls == "pipelined", tls=tls if tls in ("starttls", "implicit") else "none")
    return sandbox(Channel(kind.partition("-")[2]), tmp_path / "outbox")
