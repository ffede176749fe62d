"""Two accounts at Twilio behind one address: each webhook counts for the account that signed it, and for no other."""

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from care.base.database import write
from care.base.vocabulary import Channel
from care.inbound.tables import inbound_message, webhook
from care.messages.tables import message, receipt
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.harnesses import outgoing
from tests.factories import make_customer
from tests.inbound.house import TOKEN, dispatch, inbound_form, make_attempt, make_message, new_sid, status_form
from tests.web.conftest import Site

FIRST, SECOND = "AC" + "1" * 32, "AC" + "2" * 32
SECOND_TOKEN, NEXT_TOKEN = "the second account's token", "the second account's next token"
PHONE = "+8613800001111"
OURS, THEIRS = "+8610690000001", "+8610690000002"
STATUS, INBOUND = "/webhooks/twilio/status/", "/webhooks/twilio/inbound"
ACCOUNTS = {
    "account_sid": FIRST,
    "auth_token": TOKEN,
    "backup": {"account_sid": SECOND, "auth_token": SECOND_TOKEN, "next_auth_token": NEXT_TOKEN},
}


def taken(site: Site, provider: str, **attempt: object) -> str:
    """A message that one account took; return its attempt's token."""
    now = site.services.clock.now()
    with write(site.services.engine) as conn:
        customer_id = make_customer(conn, phone=PHONE)
        made = make_message(conn, customer_id=customer_id, now=now, status="accepted", attempts=1, channel="sms")
        return make_attempt(conn, message_id=made, phone=PHONE, now=now, provider=provider, **attempt)


class TestSignature:
    @pytest.mark.parametrize(
        ("provider", "sid", "token"),
        [
            ("twilio", FIRST, TOKEN),
            ("twilio.backup", SECOND, SECOND_TOKEN),
            ("twilio.backup", SECOND, NEXT_TOKEN),
        ],
    )
    def test_of_either_account_counts(
        self, open_site: Callable[..., Site], provider: str, sid: str, token: str
    ) -> None:
        """The receipt is kept under the account that signed it, and its attempt is found."""
        site = open_site(twilio=ACCOUNTS)
        path = STATUS + taken(site, provider)
        form = {**status_form(new_sid(), "delivered"), "AccountSid": sid}
        assert site.post_signed(path, form, token=token).status_code == 204
        site.wait(lambda: [r.status for r in site.rows(message)] == ["delivered"])
        assert [r.provider for r in site.rows(receipt)] == [provider]

    @pytest.mark.parametrize(
        ("sid", "token"),
        [
            (FIRST, SECOND_TOKEN),
            (SECOND, TOKEN),
            (FIRST, NEXT_TOKEN),
            ("AC" + "3" * 32, TOKEN),
            ("AC" + "3" * 32, SECOND_TOKEN),
            (SECOND, "another"),
        ],
    )
    def test_under_another_accounts_name_is_refused(self, open_site: Callable[..., Site], sid: str, token: str) -> None:
        """Whoever holds one account's token does not speak for the other, on neither door."""
        site = open_site(twilio=ACCOUNTS)
        path = STATUS + taken(site, "twilio")
        form = {**status_form(new_sid(), "delivered"), "AccountSid": sid}
        assert site.post_signed(path, form, token=token).status_code == 403
        stop = {**inbound_form(PHONE, "STOP"), "AccountSid": sid}
        assert site.post_signed(INBOUND, stop, token=token).status_code == 403
        assert (site.rows(webhook), site.rows(receipt)) == ([], [])

    def test_of_a_second_account_that_is_not_set_up_is_refused(self, site: Site) -> None:
        """No empty token opens the door."""
        form = {**status_form(new_sid(), "delivered"), "AccountSid": SECOND}
        assert site.post_signed(STATUS + taken(site, "twilio"), form, token="").status_code == 403


@pytest.fixture
def house(open_site: Callable[..., Site]) -> Iterator[tuple[Site, TwilioSimulator]]:
    """A web process that both accounts reach, and both accounts on one port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    inbound = f"{url}{INBOUND}"
    with start_twilio_simulator(
        senders=[OURS], has_second=True, second_senders=[THEIRS], inbound_url=inbound
    ) as simulator:
        second = simulator.second()
        backup = {"account_sid": second.account_sid, "auth_token": second.auth_token, "from_number": THEIRS}
        first = {"account_sid": simulator.account_sid, "auth_token": simulator.auth_token, "from_number": OURS}
        site = open_site(
            operator={"public_url": url},
            web={"port": port},
            sms={"provider": "twilio"},
            twilio={**first, "base_url": simulator.url, "backup": backup},
        )
        yield site, simulator


class TestTheSecondAccount:
    def test_is_heard_to_the_end_of_a_message(self, house: tuple[Site, TwilioSimulator]) -> None:
        """Sent there, signed there, and delivered here: its callbacks find their attempt."""
        site, simulator = house
        token = taken(site, "twilio.backup")
        gateway = site.services.gateways().by_name("twilio.backup", Channel.SMS)
        assert gateway is not None

        async def send() -> str:
            await gateway.open()
            try:
                return (await gateway.send(outgoing(PHONE, token=token))).provider_ref
            finally:
                await gateway.close()

        ref = asyncio.run(send())
        assert [each["sid"] for each in simulator.second().accepted()] == [ref]
        assert simulator.accepted() == []
        site.wait(lambda: [r.status for r in site.rows(message)] == ["delivered"])
        assert {(r.provider, r.provider_ref) for r in site.rows(receipt)} == {("twilio.backup", ref)}

    def test_hears_customers_and_the_answer_goes_the_usual_way(self, house: tuple[Site, TwilioSimulator]) -> None:
        """A refusal that came to the second number silences, and is confirmed by the account that sends now."""
        site, simulator = house
        with write(site.services.engine) as conn:
            make_customer(conn, phone=PHONE, consents=("greeting",))
        assert simulator.second().reply(PHONE, THEIRS, "退订").status == 204
        site.wait(lambda: [r.handled_as for r in site.rows(inbound_message)] == ["opt_out"])
        assert dispatch(site.services) == 1
        (sent,) = simulator.accepted()
        assert (sent["to"], sent["from"]) == (PHONE, OURS)
