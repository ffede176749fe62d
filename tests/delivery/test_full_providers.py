"""A provider that refuses everything for want of room: the other account carries, or what is due waits unspent."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read
from care.base.vocabulary import Channel
from care.delivery import breaker, health
from care.delivery.breaker import TODAY_PAUSE, Cause, Door, Health, State
from care.delivery.failover import Choice
from care.delivery.retry import MAX_ATTEMPTS
from care.messages.model import Outcome
from care.messages.tables import attempt
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.mail_server import Handler, MailServer
from tests.delivery.test_closed_providers import DeadBox
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_doorkeeper import Keeper
from tests.delivery.test_failover import FIRST, SECOND, Pair
from tests.house import BIRTHDAY, House, build_house

OURS, THEIRS, FULL_SENDER = "+8610690000001", "+8610690000002", "+15005550008"
TOO_MANY, QUEUE_FULL, FULL_TODAY = "429/20429", "400/63017", "400/63038"
BEAT = timedelta(seconds=6)
FEW = 3  # greeted with each beat


def beats(house: House, channel: Channel = Channel.SMS) -> None:
    """For half a minute let a few be due every few seconds, and send, each time as a process of its own."""
    for beat in range(5):
        for n in range(FEW):
            greet(house, email=f"c{beat}-{n}@example.com", campaign=BIRTHDAY.replace("[sms, email]", f"[{channel}]"))
        house.dispatch()
        house.clock.advance(BEAT)


def accepted(house: House) -> Counter[str]:
    wanted = sa.select(attempt.c.provider).where(attempt.c.outcome == str(Outcome.ACCEPTED))
    with read(house.engine) as conn:
        return Counter(conn.execute(wanted).scalars())


def stands(house: House, provider: str, channel: Channel = Channel.SMS) -> Health:
    with read(house.engine) as conn:
        return health.read_health(conn)[Door(channel, provider, "")]


@pytest.fixture
def twilio() -> Iterator[TwilioSimulator]:
    senders, others = [OURS, FULL_SENDER], [THEIRS]
    with start_twilio_simulator(callbacks=False, senders=senders, has_second=True, second_senders=others) as running:
        yield running


@pytest.fixture
def full_first(tmp_path: Path, engine: sa.Engine, clock: VirtualClock, twilio: TwilioSimulator, sender: str) -> House:
    """A house with two accounts, the first of which takes nothing, from whatever number."""
    second = twilio.second()
    given = {
        "OPERATOR__PUBLIC_URL": "https://care.example.com",
        "SMS__PROVIDER": "twilio",
        "TWILIO__ACCOUNT_SID": twilio.account_sid,
        "TWILIO__AUTH_TOKEN": twilio.auth_token,
        "TWILIO__FROM_NUMBER": sender,
        "TWILIO__BASE_URL": twilio.url,
        "TWILIO__BACKUP__ACCOUNT_SID": second.account_sid,
        "TWILIO__BACKUP__AUTH_TOKEN": second.auth_token,
        "TWILIO__BACKUP__FROM_NUMBER": THEIRS,
    }
    twilio.script({"create_rates": {"429": 1.0}} if sender == OURS else {})
    return build_house(tmp_path, engine, clock, **given)


class TestTwoAccountsAtTwilio:
    @pytest.mark.parametrize(
        ("sender", "why"),
        [(OURS, "too many requests at a time; never processed"), (FULL_SENDER, "the sender's queue is full")],
    )
    def test_share_nothing_while_the_first_is_full(
        self, full_first: House, twilio: TwilioSimulator, sender: str, why: str
    ) -> None:
        """The second takes over within seconds, and everybody is told, once."""
        house = full_first
        beats(house)
        shut = stands(house, "twilio")
        assert (shut.state, shut.cause, shut.why) == (State.CLOSED, Cause.FULL, why)
        assert accepted(house)["twilio.backup"] > 0
        for _ in range(8):
            house.clock.advance(timedelta(minutes=2))
            house.dispatch()
        assert house.statuses() == {"accepted": 5 * FEW}
        assert set(accepted(house)) == {"twilio.backup"}
        assert (len(twilio.accepted()), len(twilio.second().accepted())) == (0, 5 * FEW)


class Closing(Handler):
    """A relay that takes no mail for now, each time it is asked to."""

    word = "421 4.3.2 no mail for now"

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:  # noqa: N802
        return self.word


class TestTwoRelays:
    @pytest.mark.parametrize("word", ["421 4.3.2 no mail for now", "421 closing", "451 try again", "452 4.3.1 full"])
    def test_share_nothing_while_the_first_is_full(
        self, tmp_path: Path, engine: sa.Engine, clock: VirtualClock, word: str
    ) -> None:
        """As with accounts for SMS."""
        with ExitStack() as servers:
            first, second = (servers.enter_context(MailServer()) for _ in range(2))
            first.controller.handler = Closing(pipelining=False)
            first.controller.handler.word = word
            given = {
                "EMAIL__PROVIDER": "smtp",
                "SMTP__HOST": "localhost",
                "SMTP__PORT": str(first.port),
                "SMTP__TLS": "none",
                "SMTP__BACKUP__HOST": "localhost",
                "SMTP__BACKUP__PORT": str(second.port),
                "SMTP__BACKUP__TLS": "none",
            }
            house = build_house(tmp_path, engine, clock, **given)
            beats(house, Channel.EMAIL)
            assert stands(house, "smtp", Channel.EMAIL).cause is Cause.FULL
            house.clock.advance(timedelta(minutes=5))
            house.dispatch()
        assert house.statuses() == {"sent": 5 * FEW}
        assert set(accepted(house)) == {"smtp.backup"}


class Full(DeadBox):
    """An account with no room, whose front door is open."""

    async def check(self) -> str:
        return ""


class Choosy(Full):
    """One that takes one of ten."""

    async def send(self, outgoing):
        self.answers[outgoing.to] = ["ok" if len(self.taken) % 10 == 0 else self.word]
        return await Postbox.send(self, outgoing)


class TestAFullFirst:
    def test_is_left_only_after_a_while(self, house: House) -> None:
        """Many refused at once are a pace that was set, however many there are."""
        greet(house, 60)
        pair = Pair(house)
        pair.first = Full(TOO_MANY)
        pair.dispatch()
        assert stands(house, FIRST).state is State.WELL
        pair.later(timedelta(minutes=1))
        assert (stands(house, FIRST).cause, pair.changes()[0][:2]) == (Cause.FULL, (FIRST, SECOND))

    def test_is_not_left_while_it_takes_some(self, house: House) -> None:
        """Nine of ten refused and one accepted, for a minute."""
        pair = Pair(house)
        pair.first = Choosy(TOO_MANY)
        for _ in range(10):
            greet(house, 10)
            pair.later(BEAT)
        assert len(pair.first.taken) >= 100
        assert (stands(house, FIRST).state, pair.changes()) == (State.WELL, [])

    def test_for_today_gives_all_to_the_second_at_once(self, house: House) -> None:
        """What it refused was to wait for tomorrow: it goes too, and the first is looked at only now and then."""
        pair = Pair(house)
        pair.first = Full(FULL_TODAY)
        for _ in range(5):
            greet(house, FEW)
            pair.later(BEAT)
        shut = stands(house, FIRST)
        assert (shut.cause, shut.pause) == (Cause.TODAY, TODAY_PAUSE)
        pair.later(timedelta(seconds=1))
        assert house.statuses() == {"accepted": 5 * FEW}
        pair.first.taken.clear()
        for _ in range(60):
            greet(house)
            pair.later(timedelta(minutes=2))
        assert 2 <= len(pair.first.taken) <= 4
        assert max(row.attempts for row in house.messages()) == 2


class TestAFullProviderAlone:
    def test_uses_no_message_up(self, house: House) -> None:
        """More refusals than a message has tries; each is held with the reason, and goes when there is room."""
        box = Full(QUEUE_FULL)
        only = {Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}
        greet(house, 2)
        for _ in range(200):
            house.dispatch(only)
            house.clock.advance(timedelta(minutes=2))
        assert stands(house, FIRST).state is not State.WELL
        assert len(box.taken) > 2 * MAX_ATTEMPTS
        box.word = ""
        for _ in range(20):
            house.dispatch(only)
            house.clock.advance(timedelta(minutes=2))
        assert house.statuses() == {"accepted": 2}

    def test_is_not_asked_by_messages_that_are_held(self, house: House) -> None:
        """One message at a time is its trial."""
        box = Full(QUEUE_FULL)
        only = {Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}
        for _ in range(5):
            greet(house, FEW)
            house.dispatch(only)
            house.clock.advance(BEAT)
        box.taken.clear()
        greet(house, 20)
        for _ in range(10):
            house.dispatch(only)
            house.clock.advance(timedelta(minutes=1))
        assert len(box.taken) <= 10
        reasons = {row.reason for row in house.messages() if row.status == "held"}
        assert reasons == {"channel_closed:sms: over the account's rate"}


class TestTheTrial:
    @pytest.mark.parametrize("cause", breaker.FULL_CAUSES)
    def test_is_not_what_was_refused_while_another_carries(self, house: House, cause: Cause) -> None:
        """It would be refused again; where nobody carries there is nothing to lose."""
        pair, probe = Keeper(house, has_backup=True), Choice(FIRST, is_probe=True)
        fresh, again = pair.message(), pair.message()
        again.message.attempts = 1
        pair.try_one(cause)
        assert [pair.made.choose(one) for one in (fresh, again)] == [probe, Choice(SECOND)]
        now = house.clock.now()
        pair.put(lambda stands: breaker.closed(stands, Cause.ERRORS, "", now), Door(Channel.SMS, SECOND, ""))
        assert pair.made.choose(again) == probe
