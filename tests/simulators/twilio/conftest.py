"""A running simulator, the official SDK pointed at it, and a web server for its webhooks."""

from collections.abc import Iterator

import pytest
from twilio.rest import Client

from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.simulators.twilio.receiver import Receiver


@pytest.fixture(scope="module")
def _running() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(_running: TwilioSimulator) -> Iterator[TwilioSimulator]:
    """A simulator without faults and webhooks; earlier messages of the module may still be there."""
    yield _running
    _running.script(None)
    _running.configure(inbound_url=None, status_callback=None, advanced_opt_out=False, parts_per_second=None)


@pytest.fixture
def client(simulator: TwilioSimulator) -> Client:
    return client_of(simulator)


@pytest.fixture
def receiver(simulator: TwilioSimulator) -> Iterator[Receiver]:
    receiver = Receiver(simulator.auth_token)
    yield receiver
    receiver.close()


def client_of(simulator: TwilioSimulator, auth_token: str | None = None) -> Client:
    """The official SDK; `environment` keeps the machine's own settings out."""
    client = Client(simulator.account_sid, auth_token or simulator.auth_token, environment={"_": ""})
    client.api.base_url = simulator.url
    return client
