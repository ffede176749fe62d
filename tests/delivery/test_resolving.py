"""Messages in doubt are settled by the provider's own list, over real HTTP, and otherwise by their class."""

import asyncio
import random
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock, VirtualClock
from care.base.database import read, write
from care.base.settings import TwilioSettings
from care.base.vocabulary import Channel
from care.delivery.channels.base import Gateway, Idempotency
from care.delivery.channels.twilio_sms import TwilioSms
from care.delivery.doubt import SETTLE, Seen, Step
from care.delivery.maintenance import Window, plan_maintenance
from care.delivery.open_doubts import count_open, known_refs, open_cases
from care.delivery.resolving import Case, look, settle
from care.delivery.routes import Routes
from care.messages import stops
from care.messages.store import IN_DOUBT_STILL
from care.messages.tables import attempt
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.keyed import KeyedGateway
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import BIRTHDAY, House, build_house

OURS = "+8610690000001"
NOTICE = BIRTHDAY.replace("greeting", "service").replace("channels: [sms, email]", "channels: [sms]")
PROVIDER = "twilio"


@pytest.fixture
def simulator() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(callbacks=False, senders=[OURS]) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, engine: sa.Engine) -> House:
    """A house whose clock is the provider's, at an hour when contact is allowed anywhere it looks."""
    return build_house(tmp_path, engine, VirtualClock(SystemClock().now()), SMS__PROVIDER=PROVIDER, **ACCOUNT)


ACCOUNT = {
    "OPERATOR__PUBLIC_URL": "https://care.example.com",
    "TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO__AUTH_TOKEN": "simulated-token",
    "TWILIO__FROM_NUMBER": OURS,
}


def adapter(simulator: TwilioSimulator, *, is_complete: bool) -> TwilioSms:
    settings = TwilioSettings(
        account_sid=simulator.account_sid,
        auth_token=simulator.auth_token,
        from_number=OURS,
        base_url=simulator.url,
        timeout_seconds=1,
    )
    return TwilioSms(settings, public_url="https://care.example.com", clock=SystemClock(), list_is_complete=is_complete)


def resolve(house: House, *gateways: Gateway) -> dict[Step, int]:
    """Let the time to settle pass, and resolve."""
    house.clock.advance(SETTLE)
    return decide(house, ask(house, *gateways))


def ask(house: House, *gateways: Gateway) -> list[Case]:
    """Ask the providers about what is in doubt now."""

    def known(refs: Collection[str]) -> frozenset[str]:
        with read(house.engine) as conn:
            return known_refs(conn, refs)

    with read(house.engine) as conn:
        rows = open_cases(conn, now=house.clock.now())
    return asyncio.run(look(Routes(gateways), rows, known=known, campaigns=house.services.campaigns))


def decide(house: House, cases: list[Case]) -> dict[Step, int]:
    """Do what follows from their answers."""
    with write(house.engine) as conn:
        return dict(settle(conn, cases, now=house.clock.now(), dice=random.Random(0)))


def send(house: House, gateway: TwilioSms) -> int:
    return house.dispatch({Channel.SMS: gateway, Channel.EMAIL: Postbox(Channel.EMAIL)})


def noon(house: House, count: int, campaign: str = BIRTHDAY, **fields: object) -> None:
    """Plan a message that is due now, at noon on the customers' clock."""
    now = house.clock.now()
    ahead = 12 - now.hour
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
    day = (now + timedelta(hours=ahead)).date()
    greet(house, count, campaign, birth_mmdd=day.month * 100 + day.day, timezone=zone, **fields)


class TestResolving:
    @pytest.mark.parametrize("fault", ["lost-reply", "503-after"])
    def test_finds_what_the_provider_took(self, home: House, simulator: TwilioSimulator, fault: str) -> None:
        """Its reply was lost; its list has the message under our text, and that settles it."""
        noon(home, 3)
        simulator.script({"create": [fault] * 3})
        gateway = adapter(simulator, is_complete=False)
        send(home, gateway)
        assert {row.status for row in home.messages()} == {"unknown"}
        assert resolve(home, gateway) == {Step.TAKEN: 3}
        assert {row.status for row in home.messages()} <= {"accepted", "sent", "delivered"}
        with read(home.engine) as conn:
            assert count_open(conn) == 0
            refs = set(conn.execute(sa.select(attempt.c.provider_ref)).scalars())
        assert refs == {taken["sid"] for taken in simulator.accepted()}

    def test_sends_again_what_a_complete_list_does_not_have(self, home: House, simulator: TwilioSimulator) -> None:
        """The process that asked lives and gave the request up: nothing of it is under way."""
        noon(home, 3)
        simulator.script({"create": ["503", "503", "ok"]})
        gateway = adapter(simulator, is_complete=True)
        send(home, gateway)
        assert resolve(home, gateway) == {Step.SEND_AGAIN: 2}
        assert send(home, gateway) == 2
        assert len({taken["to"] for taken in simulator.accepted()}) == len(simulator.accepted()) == 3

    def test_says_nothing_of_a_request_that_was_not_asked_about(self, home: House, simulator: TwilioSimulator) -> None:
        """Two ask at once and one is slow: by then it was sent again, was taken, and its answer is lost."""
        noon(home, 1)
        simulator.script({"create": ["503", "lost-reply"]})
        gateway = adapter(simulator, is_complete=True)
        send(home, gateway)
        home.clock.advance(SETTLE)
        quick, slow = ask(home, gateway), ask(home, gateway)
        assert decide(home, quick) == {Step.SEND_AGAIN: 1}
        send(home, gateway)
        assert decide(home, slow) == {}
        assert send(home, gateway) == 0
        assert len(simulator.accepted()) == 1
        assert {row.status for row in home.messages()} == {"unknown"}

    def test_counts_what_came_of_it(self, home: House, simulator: TwilioSimulator) -> None:
        """Two doubts that match one message of the list: one of them has it, the other is asked about again."""
        noon(home, 2)
        simulator.script({"create": ["lost-reply", "503"]})
        gateway = adapter(simulator, is_complete=False)
        send(home, gateway)
        home.clock.advance(SETTLE)
        cases = ask(home, gateway)
        (found,) = [case.found for case in cases if case.found]
        assert decide(home, [replace(case, found=found, seen=Seen.LISTED) for case in cases]) == {
            Step.TAKEN: 1,
            Step.LEAVE: 1,
        }
        with read(home.engine) as conn:
            assert count_open(conn) == 1

    def test_leaves_a_greeting_where_the_list_was_never_proven(self, home: House, simulator: TwilioSimulator) -> None:
        """Absence proves nothing then; it stays in doubt, by name, and is not asked about at every turn."""
        noon(home, 1)
        simulator.script({"create": ["503"]})
        gateway = adapter(simulator, is_complete=False)
        send(home, gateway)
        assert resolve(home, gateway) == {Step.LEAVE: 1}
        assert resolve(home, gateway) == {}
        assert send(home, gateway) == 0
        assert simulator.accepted() == []

    def test_sends_a_notice_that_must_arrive_once_more(self, home: House, simulator: TwilioSimulator) -> None:
        """One copy more at the most, however often its answer is lost."""
        noon(home, 1, NOTICE + "delivery: at_least_once\n")
        simulator.script({"create": ["503", "503"]})
        gateway = adapter(simulator, is_complete=False)
        send(home, gateway)
        assert resolve(home, gateway) == {Step.SEND_AGAIN: 1}
        send(home, gateway)
        assert resolve(home, gateway) == {Step.LEAVE: 1}

    @pytest.mark.parametrize("end", ["21614", "cancelled"])
    def test_denies_nothing_of_which_a_request_is_in_doubt(
        self, home: House, simulator: TwilioSimulator, end: str
    ) -> None:
        """Sent again, and then refused or withdrawn: the first may have arrived, so nobody says that it never went."""
        noon(home, 1, NOTICE + "delivery: at_least_once\n")
        simulator.script({"create": ["503", end] if end.isdigit() else ["503"]})
        gateway = adapter(simulator, is_complete=False)
        send(home, gateway)
        assert resolve(home, gateway) == {Step.SEND_AGAIN: 1}
        if end == "cancelled":
            done = stops.cancel_campaign(home.engine, "birthday", by="test", now=home.clock.now())
            assert done.cancelled == 0
        send(home, gateway)
        (row,) = home.messages()
        assert (row.status, row.reason.startswith(IN_DOUBT_STILL)) == ("unknown", True)
        resolve(home, gateway)
        assert send(home, gateway) == 0
        assert {row.status for row in home.messages()} == {"unknown"}

    def test_does_not_decide_between_several_alike(self, home: House, simulator: TwilioSimulator) -> None:
        """Two messages of the same words to the number, neither of them known: nobody can tell which is ours."""
        noon(home, 1)
        simulator.script({"create": ["lost-reply"]})
        gateway = adapter(simulator, is_complete=True)
        send(home, gateway)
        (taken,) = simulator.accepted()
        again = adapter(simulator, is_complete=True)
        asyncio.run(copy(again, taken["to"], taken["body"]))
        assert resolve(home, gateway) == {Step.LEAVE: 1}

    def test_waits_for_a_provider_that_does_not_answer(self, home: House, simulator: TwilioSimulator) -> None:
        """No answer is no absence."""
        noon(home, 2)
        simulator.script({"create": ["503", "503"]})
        gateway = adapter(simulator, is_complete=True)
        send(home, gateway)
        simulator.stop()
        assert resolve(home, gateway) == {Step.LEAVE: 2}

    def test_repeats_at_a_provider_that_knows_a_repeat(self, tmp_path: Path, engine: sa.Engine) -> None:
        """A greeting by mail whose answer was lost: under the same reference once more, and one copy in the world."""
        clock = VirtualClock(SystemClock().now())
        house = build_house(tmp_path, engine, clock, EMAIL__PROVIDER="smtp")
        noon(house, 1, BIRTHDAY.replace("[sms, email]", "[email]"), email="ann@example.com")
        gateway = KeyedGateway(Idempotency.KEY, provider="smtp", loses=1)
        box = {Channel.SMS: Postbox(), Channel.EMAIL: gateway}
        house.dispatch(box)
        assert {row.status for row in house.messages()} == {"unknown"}
        assert resolve(house, gateway) == {Step.SEND_AGAIN: 1}
        house.dispatch(box)
        assert {row.status for row in house.messages()} == {"accepted"}
        assert len(gateway.taken) == 1
        assert gateway.asked == 2

    def test_repeats_nothing_that_another_account_might_get(self, tmp_path: Path, engine: sa.Engine) -> None:
        """The key means nothing there: while the first is closed the second would send a copy."""
        clock = VirtualClock(SystemClock().now())
        house = build_house(tmp_path, engine, clock, EMAIL__PROVIDER="smtp")
        noon(house, 1, BIRTHDAY.replace("[sms, email]", "[email]"), email="ann@example.com")
        first = KeyedGateway(Idempotency.KEY, provider="smtp", loses=1)
        second = KeyedGateway(Idempotency.KEY, provider="smtp.backup")
        routes = Routes((Postbox(), first, second))
        house.dispatch(routes)
        assert {row.status for row in house.messages()} == {"unknown"}
        steps = resolve(house, first, second)
        now = clock.now()
        away = Window(provider="smtp", starts_at=now, ends_at=now + timedelta(hours=1), why="", by="ops:test")
        with write(house.engine) as conn:
            plan_maintenance(conn, away, now)
        house.dispatch(routes)
        assert len(first.taken) + len(second.taken) == 1
        assert steps == {Step.LEAVE: 1}


async def copy(gateway: TwilioSms, to: str, body: str) -> None:
    from tests.contracts.harnesses import outgoing

    await gateway.open()
    try:
        await gateway.send(outgoing(to, 99)._replace(body=body))
    finally:
        await gateway.close()
