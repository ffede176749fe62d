"""The books against Twilio's look-alike: real lists over real HTTP, with what never left and what was deleted."""

import asyncio
import random
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock, VirtualClock
from care.base.database import read, write
from care.base.settings import TwilioSettings
from care.delivery.channels.twilio_sms import TwilioSms
from care.delivery.routes import Routes
from care.messages.tables import message
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from care.watch.provider_books import BookState, ProviderPage, compare_day
from tests.contracts.harnesses import outgoing
from tests.reports.ledger import make_attempt, make_message

BLOCKED, NEVER_LEFT = "+8613805530004", "+8613805530001"
NOW = SystemClock().now()


@pytest.fixture(scope="module")
def simulator() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(callbacks=False) as running:
        yield running


def adapter(simulator: TwilioSimulator, *, token: str = "") -> TwilioSms:
    settings = TwilioSettings(
        account_sid=simulator.account_sid,
        auth_token=token or simulator.auth_token,
        from_number="+15005550006",
        base_url=simulator.url,
    )
    return TwilioSms(settings, public_url="https://care.example.com", clock=SystemClock())


async def send(gateway: TwilioSms, *phones: str) -> list[str]:
    await gateway.open()
    try:
        return [(await gateway.send(outgoing(to, n))).provider_ref for n, to in enumerate(phones)]
    finally:
        await gateway.close()


def compare(engine: sa.Engine, gateway: TwilioSms) -> ProviderPage:
    """Compare the day in which the test began, seen from an hour later."""
    compared = compare_day(
        engine,
        Routes((gateway,)),
        day=(NOW - timedelta(hours=1)).date(),
        zone="UTC",
        clock=VirtualClock(NOW + timedelta(hours=1)),
        dice=random.Random(0),
    )
    (page,) = asyncio.run(compared)
    return page


class TestWithTwilio:
    def test_every_kind_of_fate_balances(self, engine: sa.Engine, simulator: TwilioSimulator) -> None:
        """Delivered, blocked by a carrier, failed before it left: each is found; parts and price are kept."""
        gateway = adapter(simulator)
        refs = asyncio.run(send(gateway, "+8613800000001", BLOCKED, NEVER_LEFT))
        simulator.wait_until_settled()
        with write(engine) as conn:
            for ref in refs:
                made = make_message(conn, status="accepted", sent_at=NOW)
                about = {"provider": "twilio", "intent_at": NOW - timedelta(hours=1), "done_at": NOW}
                make_attempt(conn, made, provider_ref=ref, **about)
        page = compare(engine, gateway)
        mine = set(refs)
        assert (page.ours, list(page.missing_there)) == (3, [])
        assert mine.isdisjoint(page.unknown_here)
        assert [(bill.currency, bill.parts_billed) for bill in page.bills if bill.price] == [("USD", 2)]
        with read(engine) as conn:
            stand = conn.execute(sa.select(message.c.status).order_by(message.c.id)).scalars().all()
        assert stand[0] == "delivered"
        assert "accepted" not in stand

    def test_a_message_deleted_there_is_missing(self, engine: sa.Engine, simulator: TwilioSimulator) -> None:
        """By name."""
        gateway = adapter(simulator)
        kept, deleted = asyncio.run(send(gateway, "+8613800000001", "+8613800000002"))
        simulator.wait_until_settled()
        url = f"{simulator.url}/2010-04-01/Accounts/{simulator.account_sid}/Messages/{deleted}.json"
        assert httpx.delete(url, auth=(simulator.account_sid, simulator.auth_token)).status_code == 204
        with write(engine) as conn:
            for ref in (kept, deleted):
                made = make_message(conn, status="accepted", sent_at=NOW)
                make_attempt(conn, made, provider="twilio", provider_ref=ref, intent_at=NOW - timedelta(hours=1))
        page = compare(engine, gateway)
        assert page.state is BookState.DIFFERS
        assert [each.provider_ref for each in page.missing_there] == [deleted]

    def test_what_twilio_answers_by_itself_is_no_difference(
        self, engine: sa.Engine, simulator: TwilioSimulator
    ) -> None:
        """Each STOP is confirmed by a message that nobody here asked for, and it stands on the list."""
        gateway = adapter(simulator)
        before = compare(engine, gateway)
        simulator.reply("+8613800139003", "+15005550006", "STOP")
        simulator.wait_until_settled()
        page = compare(engine, gateway)
        assert (page.differences, page.unknown_here) == (before.differences, before.unknown_here)

    def test_a_wrong_token_is_no_balance(self, engine: sa.Engine, simulator: TwilioSimulator) -> None:
        """Refused is not the same as empty."""
        page = compare(engine, adapter(simulator, token="wrong"))
        assert page.state is BookState.FAILED
        assert "wrong" not in page.words
