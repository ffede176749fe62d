"""What one dispatcher does with what it knows of its providers: choose, hold, tell, look, try and wake."""

import asyncio
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.database import read, write
from care.base.vocabulary import Channel, Purpose
from care.delivery import breaker, doorkeeper, health, what_follows
from care.delivery.breaker import FIRST_PAUSE, IN_ROW, REST, SLOW_SECONDS, Cause, Door, Health, State
from care.delivery.channels.base import Outgoing, Result, refusal
from care.delivery.channels.errors import classify_transport
from care.delivery.counts import TELL_SECONDS
from care.delivery.doorkeeper import Doorkeeper
from care.delivery.failover import HOLD, LAST_TRY, Choice
from care.delivery.maintenance import Window, plan_maintenance
from care.delivery.model import Claimed, Contact, Prepared, Ready
from care.delivery.record import STALE, Answer
from care.delivery.routes import Routes
from care.messages.model import Outcome
from care.messages.tables import message
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House

FIRST, BACKUP = Door(Channel.SMS, "postbox", ""), Door(Channel.SMS, "postbox.backup", "")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NUMBER = 7
GOOD = Result(attempt_id=1, outcome=Outcome.ACCEPTED)
LOST = refusal(1, classify_transport("no-answer"), "no-answer")
GIVEN_UP = Result(attempt_id=1, outcome=Outcome.ABANDONED, error_code=STALE)


class Desk(Postbox):
    """An account whose front door says what is wrong, or nothing at all."""

    problem, is_deaf = "", False

    async def check(self) -> str:
        if self.is_deaf:
            await asyncio.Event().wait()
        return self.problem


class Keeper:
    """A doorkeeper over one account, or two, and what it stands between."""

    def __init__(self, house: House, *, has_backup: bool = False, **senders: str) -> None:
        self.house = house
        self.box = Desk()
        boxes: list[Postbox] = [self.box]
        if has_backup:
            boxes.append(Postbox())
            boxes[1].provider = BACKUP.provider
        self.made = Doorkeeper(house.engine, house.clock, Routes(tuple(boxes)), senders, random.Random(1))
        self.begin()

    def begin(self) -> None:
        with write(self.house.engine) as conn:
            self.made.begin(conn, NUMBER)

    def close(self, cause: Cause = Cause.IN_ROW, why: str = "no answer") -> None:
        now = self.house.clock.now()
        self.put(lambda stands: breaker.closed(stands, cause, why, now))

    def try_one(self, cause: Cause = Cause.IN_ROW) -> None:
        """Let the trial of the first provider wait for its message."""
        self.close(cause)
        self.put(breaker.looked_well)

    def put(self, rule, door: Door = FIRST) -> None:
        with write(self.house.engine) as conn:
            health.change(conn, door, rule)
        self.made.refresh()

    def stands(self) -> Health:
        with read(self.house.engine) as conn:
            return health.read_health(conn)[FIRST]

    def message(self, purpose: Purpose = Purpose.GREETING, minutes: float = 120) -> Prepared:
        """Return a message that may be used for so many minutes."""
        now = self.house.clock.now()
        claimed = Claimed(
            id=1,
            campaign_id="birthday",
            occasion="birthday:solar-2026",
            customer_id=1,
            leg="main",
            purpose=purpose,
            due_at=now,
            use_by=now + minutes * MINUTE,
            attempts=0,
            occasion_on=now.date(),
        )
        words = {"text": "", "subject": "", "html": "", "locale": "", "template": "", "country": ""}
        contact = Contact(channel=Channel.SMS, address="", address_hash="h" * 32)
        return Prepared(message=claimed, contact=contact, parts=1, **words)

    def ready(self, prepared: Prepared | None = None, choice: Choice | None = None) -> Ready:
        """Return a message whose intent is committed for a provider."""
        prepared, now = prepared or self.message(), self.house.clock.now()
        outgoing = Outgoing(attempt_id=1, message_id=1, token="t" * 22, to="", body="", valid_until=now)
        made = Ready(prepared=prepared, outgoing=outgoing, leaves_at=0.0, leave_by=0.0)
        with write(self.house.engine) as conn:
            self.made.committed(conn, prepared, choice or Choice(FIRST.provider), [made])
        return made

    def answer(self, result: Result, *, ready: Ready | None = None, seconds: float = 0.1) -> None:
        self.made.note(Answer(ready=ready or self.ready(), result=result, at=self.house.clock.now(), seconds=seconds))

    def tell(self) -> None:
        """Let the tables hear what there is."""
        news = self.made.to_tell(is_end=True)
        with write(self.house.engine) as conn:
            self.made.tell(conn, news)
        self.made.told(news)

    def take_trial(self) -> Ready:
        prepared = self.message()
        choice = self.made.choose(prepared)
        assert choice == Choice(FIRST.provider, is_probe=True)
        with write(self.house.engine) as conn:
            assert self.made.take_trial(conn, prepared, choice)
        return self.ready(prepared, choice)

    def look(self) -> None:
        """Let the looks that are wanted be taken, and what they brought be heard."""

        async def looked() -> None:
            self.made.look_around()
            for _ in range(3):  # begin, answer, end
                await asyncio.sleep(0)

        self.made.refresh()
        asyncio.run(looked())
        self.made.wake()


@pytest.fixture
def keeper(house: House) -> Keeper:
    return Keeper(house)


@pytest.fixture
def pair(house: House) -> Keeper:
    return Keeper(house, has_backup=True)


class TestWhatIsChosen:
    def test_is_nothing_while_nobody_carries_but_for_a_last_try(self, keeper: Keeper) -> None:
        """Ten minutes before its time is over a message goes all the same: another channel may still reach."""
        assert keeper.made.choose(keeper.message()) == Choice(FIRST.provider)
        keeper.close()
        assert keeper.made.choose(keeper.message(minutes=10.1)) is None
        assert keeper.made.choose(keeper.message(minutes=10)) == Choice(FIRST.provider)

    def test_is_the_trial_unless_an_emergency_has_a_better_way(self, house: House) -> None:
        """Where there is no other way, an emergency is the trial."""
        pair, emergency = Keeper(house, has_backup=True), Purpose.EMERGENCY
        pair.try_one()
        probe = Choice(FIRST.provider, is_probe=True)
        assert pair.made.choose(pair.message()) == probe
        assert pair.made.choose(pair.message(emergency)) == Choice(BACKUP.provider)
        now = house.clock.now()
        pair.put(lambda stands: breaker.closed(stands, Cause.ERRORS, "", now), BACKUP)
        assert pair.made.choose(pair.message(emergency)) == probe

    def test_is_dealt_by_shares(self, pair: Keeper) -> None:
        """Of ten groups one goes to the first, and only what was committed counts."""
        now = pair.house.clock.now()
        pair.put(lambda stands: breaker.proven(stands, now))
        pair.house.clock.advance(REST)
        pair.made.refresh()
        pair.made.refresh()
        chosen = []
        for _ in range(10):
            prepared = pair.message()
            choice = pair.made.choose(prepared)
            assert choice is not None
            assert choice.share == 10
            assert pair.made.choose(prepared) == choice
            pair.ready(prepared, choice)
            chosen.append(choice.provider)
        assert sorted(chosen) == [FIRST.provider] + [BACKUP.provider] * 9

    def test_may_be_a_trial_of_which_nothing_leaves(self, keeper: Keeper) -> None:
        """Its message turned out to have ended: the next one takes the trial."""
        keeper.try_one()
        prepared = keeper.message()
        choice = Choice(FIRST.provider, is_probe=True)
        with write(keeper.house.engine) as conn:
            assert keeper.made.take_trial(conn, prepared, choice)
            assert keeper.made.choose(prepared) is None
            keeper.made.committed(conn, prepared, choice, [])
        keeper.made.refresh()
        assert keeper.made.choose(prepared) == choice


class TestWhatHasItsSlot:
    def test_stays_when_its_provider_has_closed_meanwhile(self, keeper: Keeper) -> None:
        """But not the one message of a trial, nor a last try."""
        ready, late = keeper.ready(), keeper.ready(keeper.message(minutes=10))
        assert not keeper.made.is_shut(ready)
        keeper.try_one()
        probe = keeper.take_trial()
        assert [keeper.made.is_shut(one) for one in (ready, late, probe)] == [True, False, False]

    def test_stays_while_the_tables_decide(self, keeper: Keeper) -> None:
        """Several in a row went wrong: nothing more leaves, and nothing new is begun, until they have heard."""
        for _ in range(IN_ROW):
            keeper.answer(LOST)
        assert (keeper.made.is_deciding, keeper.made.is_shut(keeper.ready())) == (True, True)
        keeper.tell()
        assert not keeper.made.is_deciding
        assert keeper.stands().state is State.CLOSED


class TestWhatIsHeld:
    def test_waits_half_an_hour_or_until_its_last_try(self, keeper: Keeper) -> None:
        """With the reason; whoever may go is not held."""
        assert keeper.made.verdict(keeper.message()) is None
        keeper.close(why="token")
        now = keeper.house.clock.now()
        for minutes, wake_at in ((120, now + HOLD), (25, now + 25 * MINUTE - LAST_TRY)):
            verdict = keeper.made.verdict(keeper.message(minutes=minutes))
            assert verdict is not None
            assert (verdict.status, verdict.reason, verdict.wake_at) == ("held", "channel_closed:sms: token", wake_at)
        assert keeper.made.verdict(keeper.message(minutes=10)) is None

    def test_waits_for_the_end_of_maintenance(self, keeper: Keeper) -> None:
        """If that is sooner."""
        now = keeper.house.clock.now()
        window = Window(provider="postbox", starts_at=now, ends_at=now + 5 * MINUTE, why="", by="ops:test")
        with write(keeper.house.engine) as conn:
            plan_maintenance(conn, window, now)
        keeper.made.refresh()
        verdict = keeper.made.verdict(keeper.message())
        assert verdict is not None
        assert (verdict.reason, verdict.wake_at) == ("channel_closed:sms: in maintenance", now + 5 * MINUTE)


class TestWhatTheTablesHear:
    def test_is_what_providers_answered(self, keeper: Keeper) -> None:
        """Once a second, with how slow it was; what was given up before it left tells nothing."""
        keeper.answer(GIVEN_UP)
        keeper.house.clock.advance(TELL_SECONDS * SECOND)
        assert keeper.made.to_tell() is None
        keeper.answer(GOOD, seconds=SLOW_SECONDS + 1)
        keeper.tell()
        with read(keeper.house.engine) as conn:
            ((bucket,),) = health.read_tallies(conn, Channel.SMS, "", keeper.house.clock.now()).values()
        assert (bucket.answers, bucket.errors, bucket.slow) == (1, 0, 1)

    def test_is_everything_at_the_end(self, keeper: Keeper) -> None:
        """Though no second has passed."""
        keeper.answer(GOOD)
        keeper.tell()
        keeper.answer(GOOD)
        assert keeper.made.to_tell() is None
        news = keeper.made.to_tell(is_end=True)
        assert news is not None
        assert news.seen[FIRST].accepted == 1

    @pytest.mark.parametrize(
        ("result", "state", "why"),
        [(GOOD, State.WELL, ""), (LOST, State.CLOSED, "lost"), (GIVEN_UP, State.TRIAL, "no answer")],
    )
    def test_is_at_once_what_became_of_a_trial(self, keeper: Keeper, result: Result, state: State, why: str) -> None:
        """Accepted, refused with the reason, or not left."""
        keeper.try_one()
        keeper.answer(result, ready=keeper.take_trial())
        news = keeper.made.to_tell()
        assert news is not None
        with write(keeper.house.engine) as conn:
            keeper.made.tell(conn, news)
        stands, said = keeper.stands(), LOST.rule.meaning if why == "lost" and LOST.rule else why
        assert (stands.state, stands.why, stands.probe_by) == (state, said, None)

    def test_keeps_the_end_of_a_trial_that_came_while_they_heard(self, keeper: Keeper) -> None:
        """What was told is taken off, and nothing else."""
        keeper.try_one()
        keeper.answer(GIVEN_UP, ready=keeper.take_trial())
        news = keeper.made.to_tell()
        keeper.answer(GOOD, ready=keeper.ready(choice=Choice(FIRST.provider, is_probe=True)))
        keeper.made.told(news)
        left = keeper.made.to_tell()
        assert left is not None
        assert [answer.result for answer in left.probes] == [GOOD]

    def test_does_not_take_a_slow_answer_for_the_end_of_slowness(self, keeper: Keeper) -> None:
        """A provider closed for being slow is proven by a quick one."""
        for seconds, state in ((SLOW_SECONDS + 1, State.CLOSED), (SLOW_SECONDS, State.WELL)):
            keeper.try_one(Cause.SLOW)
            keeper.answer(GOOD, ready=keeper.take_trial(), seconds=seconds)
            keeper.tell()
            assert keeper.stands().state is state


class TestLooks:
    def test_lead_to_one_message_now_and_another_when_that_was_not_it(self, keeper: Keeper) -> None:
        """The front door is open: one held message is woken, and one more each ten seconds until one has tried."""
        held(keeper, 3)
        keeper.close()
        keeper.look()
        assert due(keeper) == 0
        for wait, count in ((FIRST_PAUSE, 1), (SECOND, 1), (FIRST_PAUSE, 2)):
            keeper.house.clock.advance(wait)
            keeper.look()
            assert due(keeper) == count
        keeper.take_trial()
        keeper.house.clock.advance(FIRST_PAUSE)
        keeper.look()
        assert due(keeper) == 2
        assert not keeper.made.has_news

    def test_wake_one_for_each_sender(self, house: House) -> None:
        """Nobody knows whose message comes first."""
        keeper = Keeper(house, greeting="+8610690000002", survey="+8610690000003")
        held(keeper, 9)
        keeper.close()
        house.clock.advance(FIRST_PAUSE)
        keeper.look()
        assert due(keeper) == 3

    def test_say_once_what_to_do(self, keeper: Keeper) -> None:
        """And again after it was mended in between."""
        with capture_logs() as said:
            for problem in ("token", "token", "", "token"):
                keeper.box.problem = problem
                keeper.close()
                keeper.house.clock.advance(FIRST_PAUSE)
                keeper.look()
        told = [one for one in said if one["event"] == "channel.out_of_order"]
        assert [(one["provider"], one["problem"]) for one in told] == [("postbox", "token")] * 2

    def test_end_with_the_dispatcher(self, keeper: Keeper) -> None:
        """Whatever they still wait for."""

        async def begin_and_end() -> None:
            keeper.made.look_around()
            assert keeper.made.is_busy
            async with asyncio.timeout(5):
                await keeper.made.close()

        keeper.made.wake()
        keeper.box.is_deaf = True
        keeper.close()
        keeper.house.clock.advance(FIRST_PAUSE)
        keeper.made.refresh()
        asyncio.run(begin_and_end())
        assert not keeper.made.is_busy


class TestWhatWaits:
    def test_goes_when_its_channel_is_open_at_the_beginning(self, keeper: Keeper) -> None:
        """Whoever held it may be gone: all are woken, some at a time, the refused among them."""
        held(keeper, 5)
        with write(keeper.house.engine) as conn:
            last = sa.select(sa.func.max(message.c.id)).scalar_subquery()
            refused = {"status": "planned", "reason": what_follows.OUR_FAULT[0], "channel": "sms"}
            conn.execute(sa.update(message).where(message.c.id == last).values(refused))
        keeper.begin()
        assert keeper.made.has_news
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(doorkeeper, "WOKEN", 2)
            woken = []
            while keeper.made.has_news:
                keeper.made.wake()
                woken.append(due(keeper))
        assert woken == [2, 4, 5]

    def test_stays_where_nobody_carries_at_the_beginning(self, keeper: Keeper) -> None:
        """Nothing would come of it."""
        held(keeper, 2)
        keeper.close()
        keeper.made.wake()
        with write(keeper.house.engine) as conn:
            conn.execute(sa.update(message).values(wake_at=keeper.house.clock.now() + HOLD))
        keeper.begin()
        assert not keeper.made.has_news


def held(keeper: Keeper, count: int) -> None:
    """Plan messages that wait for their channel; none is woken by what the doorkeeper knows already."""
    while keeper.made.has_news:
        keeper.made.wake()
    greet(keeper.house, count)
    wait = {"status": "held", "reason": "channel_closed:sms: no answer", "wake_at": keeper.house.clock.now() + HOLD}
    with write(keeper.house.engine) as conn:
        conn.execute(sa.update(message).values(wait))


def due(keeper: Keeper) -> int:
    """Return how many may be claimed now."""
    with read(keeper.house.engine) as conn:
        mine = sa.select(sa.func.count()).where(message.c.wake_at <= keeper.house.clock.now())
        return int(conn.execute(mine).scalar_one())
