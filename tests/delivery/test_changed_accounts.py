"""The settings put another account behind a provider's name: what the old one got is asked for at the old one alone."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock, VirtualClock
from care.base.database import read, write
from care.base.settings import TwilioSettings
from care.base.vocabulary import Channel
from care.delivery import asking
from care.delivery.accounts import account_digest, digest_of
from care.delivery.adopting import adopt
from care.delivery.channels.base import Capabilities, Gateway, Idempotency
from care.delivery.channels.twilio_sms import TwilioSms
from care.delivery.doubt import Step
from care.delivery.incarnation import BEFORE_RESTORE
from care.delivery.registry import places_with_records
from care.delivery.routes import Routes
from care.messages.tables import attempt, message
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from care.watch.provider_books import BookState, compare_day
from tests.contracts.keyed import KeyedGateway
from tests.delivery.test_dispatcher import Postbox
from tests.delivery.test_journal import forget
from tests.delivery.test_resolving import ACCOUNT, OURS, noon, resolve, send
from tests.house import BIRTHDAY, House, build_house

OTHERS = "+8610690000002"


@pytest.fixture
def old() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(callbacks=False, senders=[OURS], has_second=True, second_senders=[OTHERS]) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, engine: sa.Engine) -> House:
    """A house whose clock is the provider's, at an hour when contact is allowed anywhere it looks."""
    return build_house(tmp_path, engine, VirtualClock(SystemClock().now()), SMS__PROVIDER="twilio", **ACCOUNT)


def account(simulator: TwilioSimulator, url: str, *, number: str = OURS, name: str = "twilio") -> TwilioSms:
    """Return the adapter of one account, its list proven to be complete."""
    settings = TwilioSettings(
        account_sid=simulator.account_sid,
        auth_token=simulator.auth_token,
        from_number=number,
        base_url=url,
        timeout_seconds=1,
    )
    return TwilioSms(
        settings, provider=name, public_url="https://care.example.com", clock=SystemClock(), list_is_complete=True
    )


def doubtful(home: House, old: TwilioSimulator, fault: str) -> None:
    """Greet somebody through the old account, whose answer is lost."""
    noon(home, 1)
    old.script({"create": [fault]})
    send(home, account(old, old.url))
    assert {row.status for row in home.messages()} == {"unknown"}


class TestDoubts:
    def test_are_not_told_by_the_list_of_another_account(self, home: House, old: TwilioSimulator) -> None:
        """The old account has the greeting; the new one's list, proven complete, lacks it: nobody is told twice."""
        doubtful(home, old, "lost-reply")
        new = account(old.second(), old.url, number=OTHERS)
        assert resolve(home, new) == {Step.LEAVE: 1}
        assert send(home, new) == 0
        assert (len(old.accepted()), len(old.second().accepted())) == (1, 0)

    @pytest.mark.parametrize(("fault", "step"), [("lost-reply", Step.TAKEN), ("503", Step.SEND_AGAIN)])
    def test_are_asked_at_the_old_account_that_is_the_second_now(
        self, home: House, old: TwilioSimulator, fault: str, step: Step
    ) -> None:
        """[twilio] and [twilio.backup] were exchanged: the account tells, whatever it is called."""
        doubtful(home, old, fault)
        first = account(old.second(), old.url, number=OTHERS)
        second = account(old, old.url, name="twilio.backup")
        assert resolve(home, first, second) == {step: 1}
        home.dispatch(Routes((first, second, Postbox(Channel.EMAIL))))
        assert len(old.accepted()) + len(old.second().accepted()) == 1

    def test_of_before_the_upgrade_belong_to_whoever_bears_the_name(self, home: House, old: TwilioSimulator) -> None:
        """Such an attempt names no account; it is settled as it was until now."""
        doubtful(home, old, "503")
        with write(home.engine) as conn:
            conn.execute(sa.update(attempt).values(account=None))
        assert resolve(home, account(old, old.url)) == {Step.SEND_AGAIN: 1}

    @pytest.mark.parametrize(("now", "step"), [("old", Step.SEND_AGAIN), ("new", Step.LEAVE)])
    def test_are_repeated_only_where_the_first_request_is_known(
        self, tmp_path: Path, engine: sa.Engine, now: str, step: Step
    ) -> None:
        """Another account has never seen the key, and would send a copy."""
        house = build_house(tmp_path, engine, VirtualClock(SystemClock().now()), EMAIL__PROVIDER="smtp")
        noon(house, 1, BIRTHDAY.replace("[sms, email]", "[email]"), email="ann@example.com")
        house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Named("old", loses=1)})
        assert {row.status for row in house.messages()} == {"unknown"}
        assert resolve(house, Named(now)) == {step: 1}


class Named(KeyedGateway):
    """A provider that knows a repeat, by account."""

    def __init__(self, name: str, *, loses: int = 0) -> None:
        super().__init__(Idempotency.KEY, provider="smtp", loses=loses)
        self._name = name

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, account=self._name)


class TestAttempts:
    def test_name_the_account_and_so_does_the_journal(self, home: House, old: TwilioSimulator) -> None:
        """The gateway that sends says which it is."""
        noon(home, 2)
        gateway = account(old, old.url)
        send(home, gateway)
        with read(home.engine) as conn:
            assert set(conn.execute(sa.select(attempt.c.account)).scalars()) == {account_digest(old.account_sid)}
        forget(home)
        adopt(home.services.sentry(), dry_run=False, alone=False)
        send(home, gateway)
        with read(home.engine) as conn:
            rows = conn.execute(sa.select(attempt.c.account, attempt.c.error_code)).all()
        assert {tuple(row) for row in rows} == {(account_digest(old.account_sid), BEFORE_RESTORE)}
        assert digest_of(gateway) == account_digest(old.account_sid)
        assert digest_of(Postbox()) is None
        assert old.account_sid not in repr(gateway.capabilities)


def taken(home: House, old: TwilioSimulator) -> None:
    """Greet somebody through the old account; no receipt comes."""
    noon(home, 1)
    assert send(home, account(old, old.url)) == 1
    old.wait_until_settled()


class TestAsking:
    def test_leaves_what_another_account_has(self, home: House, old: TwilioSimulator) -> None:
        """It would not be found there; nor does it take the turn of what can be asked."""
        taken(home, old)
        home.clock.advance(timedelta(days=2))
        with read(home.engine) as conn:
            about = {"places": places_with_records(home.services.settings), "now": home.clock.now()}
            assert asking.silent_attempts(conn, accounts={account_digest("new")}, **about) == []
            rows = asking.silent_attempts(conn, accounts={account_digest(old.account_sid)}, **about)
        assert [row.account for row in rows] == [account_digest(old.account_sid)]
        new = account(old.second(), old.url, number=OTHERS)
        assert asyncio.run(asking.ask(Routes((new,)), rows)) == []
        exchanged = Routes((new, account(old, old.url, name="twilio.backup")))
        (answer,) = asyncio.run(asking.ask(exchanged, rows))
        assert answer.record is not None
        with write(home.engine) as conn:
            asking.take_answers(conn, [answer], now=home.clock.now(), dice=random.Random(0))
            assert conn.execute(sa.select(message.c.status)).scalar() == "delivered"


class TestBooks:
    def test_miss_nothing_that_another_account_has(self, home: House, old: TwilioSimulator) -> None:
        """One line says how many; where the old account is the second now, it is compared there."""
        taken(home, old)
        new = account(old.second(), old.url, number=OTHERS)
        (page,) = self._compare(home, new)
        assert (page.state, page.ours, page.differences) == (BookState.BALANCED, 0, 0)
        assert page.words.endswith("; 1 more of another account")
        first, second = self._compare(home, new, account(old, old.url, name="twilio.backup"))
        assert (first.state, first.ours, second.state, second.ours) == (BookState.BALANCED, 0, BookState.BALANCED, 1)
        with read(home.engine) as conn:
            assert conn.execute(sa.select(message.c.status)).scalar() == "delivered"

    @staticmethod
    def _compare(home: House, *gateways: Gateway) -> list:
        home.clock.advance(timedelta(minutes=20))
        with read(home.engine) as conn:
            day = conn.execute(sa.select(attempt.c.intent_at)).scalar_one().astimezone(UTC).date()
        routes, dice = Routes(gateways), random.Random(0)
        return asyncio.run(compare_day(home.engine, routes, day=day, zone="UTC", clock=home.clock, dice=dice))
