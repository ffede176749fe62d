"""End to end over real HTTP: our sender, Twilio's look-alike, our web process."""

import socket
from collections.abc import Callable, Iterator

import pytest

from care.base.database import write
from care.customers.tables import suppression
from care.inbound.tables import inbound_message, webhook
from care.messages.tables import attempt, message, receipt
from care.simulators.twilio.process import ACCOUNT_SID, AUTH_TOKEN, TwilioSimulator, start_twilio_simulator
from tests.factories import make_customer
from tests.inbound.house import dispatch, make_message
from tests.web.conftest import Site

NUMBER = "+8610690000"
PHONE = "+8613800001111"
OTHER = "+8613800002222"


@pytest.fixture(scope="module")
def _simulator() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(senders=[NUMBER]) as simulator:
        yield simulator


@pytest.fixture
def house(_simulator: TwilioSimulator, open_site: Callable[..., Site]) -> Iterator[tuple[Site, TwilioSimulator]]:
    """A web process that Twilio reaches, and Twilio."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    site = open_site(
        operator={"public_url": url},
        web={"port": port},
        sms={"provider": "twilio"},
        twilio={
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "from_number": NUMBER,
            "base_url": _simulator.url,
        },
    )
    _simulator.configure(inbound_url=f"{url}/webhooks/twilio/inbound")
    yield site, _simulator
    _simulator.script(None)
    _simulator.configure(inbound_url=None, advanced_opt_out=False)


def add_due(site: Site, phone: str) -> int:
    with write(site.services.engine) as conn:
        customer_id = make_customer(conn, phone=phone, consents=("greeting",))
        return make_message(conn, customer_id=customer_id, now=site.services.clock.now())


class TestAMessage:
    def test_is_sent_and_delivered(self, house: tuple[Site, TwilioSimulator]) -> None:
        """From planned to delivered with nothing but HTTP between; the callbacks are signed and heard."""
        site, _ = house
        for n in range(20):
            add_due(site, f"+86138{n:08d}")
        assert dispatch(site.services) == 20

        site.wait(lambda: {r.status for r in site.rows(message)} == {"delivered"})
        assert all(r.provider_ref for r in site.rows(attempt))

    def test_survives_every_fault_of_callbacks(self, house: tuple[Site, TwilioSimulator]) -> None:
        """Doubled, shuffled and late: each message ends delivered, each word is kept once."""
        site, simulator = house
        simulator.script({"callbacks": {"duplicate": 0.5, "shuffle": 0.5, "delay_seconds": [0, 0.05]}})
        for n in range(20):
            add_due(site, f"+86139{n:08d}")
        dispatch(site.services)

        site.wait(lambda: {r.status for r in site.rows(message)} == {"delivered"})
        site.wait(lambda: all(r.done_at for r in site.rows(webhook)))
        words = [(r.provider_ref, r.status) for r in site.rows(receipt)]
        assert len(words) == len(set(words))


class TestACustomer:
    def test_who_refuses_in_chinese_is_confirmed_by_us(self, house: tuple[Site, TwilioSimulator]) -> None:
        """Twilio does not know 退订: we silence the number and say so once."""
        site, simulator = house
        add_due(site, PHONE)
        before = len(simulator.accepted())
        assert simulator.reply(PHONE, NUMBER, "退订").status == 204
        site.wait(lambda: site.rows(suppression))
        assert dispatch(site.services) == 1

        (sent,) = simulator.accepted()[before:]
        assert sent["to"] == PHONE
        assert "已退订" in sent["body"]
        assert {r.campaign_id: r.status for r in site.rows(message)}["greeting"] == "skipped"

    def test_who_says_stop_is_confirmed_by_twilio(self, house: tuple[Site, TwilioSimulator]) -> None:
        """One confirmation in all: ours would be the second, and refused."""
        site, simulator = house
        add_due(site, OTHER)
        before = len(simulator.accepted())
        assert simulator.reply(OTHER, NUMBER, "STOP").status == 204
        site.wait(lambda: [r.handled_as for r in site.rows(inbound_message)] == ["opt_out"])

        assert dispatch(site.services) == 0
        assert simulator.accepted()[before:] == []
        assert simulator.reply(OTHER, NUMBER, "START").status == 204
        site.wait(lambda: all(r.lifted_at for r in site.rows(suppression)))

    def test_who_writes_is_kept_with_what_it_is_about(self, house: tuple[Site, TwilioSimulator]) -> None:
        """A thank-you waits in the inbox beside the greeting it answers."""
        site, simulator = house
        made = add_due(site, PHONE)
        dispatch(site.services)
        simulator.reply(PHONE, NUMBER, "谢谢，也祝你们节日快乐")

        site.wait(lambda: site.rows(inbound_message))
        (kept,) = site.rows(inbound_message)
        assert (kept.handled_as, kept.about_message_id, kept.address) == ("inbox", made, PHONE)
