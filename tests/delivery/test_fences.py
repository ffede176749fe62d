"""What stands between one step of a message and the next, each where nothing else would catch it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import dispatcher as dispatching
from care.delivery import incarnation as lives
from care.delivery import pace as paces
from care.delivery.channels.base import Capabilities, ListByRecipient, Outgoing, ProviderMessage, Result
from care.delivery.claiming import Claimer
from care.delivery.committing import Committer
from care.delivery.dispatcher import Dispatcher
from care.delivery.doorkeeper import Doorkeeper
from care.delivery.doubt import Step
from care.delivery.journal import JournalError
from care.delivery.life import FencedError, Life
from care.delivery.model import Prepared
from care.delivery.record import Answer
from care.delivery.routes import Routes
from care.delivery.standstill import why_still
from care.delivery.tables import incarnation, pace
from care.delivery.turns import Turns
from care.messages import stops
from care.messages.expiring import expire_overdue
from care.messages.tables import attempt, message, move
from tests.delivery.crew import just_before
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_journal import forget
from tests.delivery.test_resolving import NOTICE, resolve
from tests.house import House


def count_attempts(house: House) -> int:
    with read(house.engine) as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(attempt)).scalar_one())


@contextmanager
def after_rendering(house: House, act: Callable[[], Any]) -> Iterator[None]:
    """Do something each time a message is rendered: after its claim, before its intent."""
    preparer = type(house.services.preparer)
    real = preparer.prepare

    def prepare(self, claimed, now):
        prepared = real(self, claimed, now)
        act()
        return prepared

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparer, "prepare", prepare)
        yield


class TestAClaimThatIsLost:
    def test_gets_no_intent(self, house: House) -> None:
        """Another sender has it by the time of the intent: not one request of the first is begun."""

        def hand_over() -> None:
            with write(house.engine) as conn:
                conn.execute(sa.update(message).values(lease_owner=999))

        greet(house, 2)
        box = Postbox()
        with after_rendering(house, hand_over):
            house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
        assert (box.taken, count_attempts(house)) == ([], 0)
        assert {(row.status, row.lease_owner) for row in house.messages()} == {("sending", 999)}


OTHER = 999


def take_over(house: House) -> None:
    """Do what another sender does that takes everybody else for dead."""
    with write(house.engine) as conn:
        lives.recover(conn, OTHER, dead=lives.dead_incarnations(conn, OTHER), now=house.clock.now())


class TestALifeThatIsOver:
    """Another sender has settled what it left, and this one was only frozen."""

    def test_ends_before_its_next_intent(self, house: House) -> None:
        """It is told while it renders; what it held waits for others."""
        greet(house, 2)
        box = Postbox()
        with after_rendering(house, lambda: take_over(house)), pytest.raises(FencedError, match="Start it again"):
            house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
        assert (box.taken, count_attempts(house)) == ([], 0)
        assert house.statuses() == {f"planned: {lives.SUSPECT}": 2}

    def test_ends_where_nothing_that_it_holds_is_missing(self, hands: "Hands") -> None:
        """All it had claimed has its intents: what it claims next is its own, and yet it is over. Its answers count."""
        first, second = hands.claim()
        answers = [*hands.commit(first, []), *hands.commit(second, [])]
        take_over(hands.house)
        assert hands.house.statuses() == {"unknown: the sender ended between request and answer": 2}
        greet(hands.house)
        (third,) = hands.claim()
        with pytest.raises(FencedError):
            hands.commit(third, answers)
        hands.write_what_is_left(answers)
        assert count_attempts(hands.house) == 2
        assert {row.attempts for row in hands.house.messages(status="planned")} == {1}  # refused, as it learnt

    def test_is_seen_when_it_shows_progress(self, hands: "Hands") -> None:
        """Though it has nothing to send."""
        hands.life.keep([])
        take_over(hands.house)
        with pytest.raises(FencedError):
            hands.life.keep([])

    def test_is_any_other_where_a_lock_keeps_others_out(self, house: House) -> None:
        """A fresh life closes those before it, though they hold nothing; no life of another role."""
        with write(house.engine) as conn:
            frozen = lives.begin_incarnation(conn, lives.DISPATCH, house.clock.now())
            web = lives.begin_incarnation(conn, "web", house.clock.now())
        fresh = Hands(house, sole=True)
        with read(house.engine) as conn:
            assert [lives.goes_on(conn, number, "") for number in (frozen, web, fresh.number)] == [False, True, True]
        fresh.close()


class TestAHousehold:
    def test_is_told_once_by_groups_that_know_nothing_of_each_other(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody in either group shares a phone with another of it: only the claim of the address tells."""
        monkeypatch.setattr(paces, "GROUP_LIMIT", 1)
        greet(house, 3, NOTICE, phone="+8613900000001")  # no cap stops a notice
        box = Postbox()
        assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 1
        (told,) = house.messages(status="accepted")
        assert {row.reason for row in house.messages(status="skipped")} == {f"told_via:{told.id}"}


class Complete(Postbox):
    """A provider whose list is complete, and has nothing."""

    @property
    def capabilities(self) -> Capabilities:
        proven = ListByRecipient(settle=timedelta(0), is_authoritative=True)
        return Capabilities(two_way=True, callback_per_message=True, list_by_recipient=proven, keeps_records=True)

    async def list_to(self, number: str, after: Any) -> list[ProviderMessage]:
        return []


class TestAGreetingInDoubt:
    @pytest.mark.parametrize(
        ("why", "step"),
        [
            (lives.PROCESS_ENDED, Step.SEND_AGAIN),
            (lives.LEASE_LOST, Step.LEAVE),
            (lives.BEFORE_RESTORE, Step.LEAVE),
        ],
    )
    def test_stays_so_while_its_sender_may_live(self, house: House, why: str, step: Step) -> None:
        """A complete list that lacks it proves something only where the sender is certainly gone."""
        greet(house)
        box = Complete()
        (number,) = (contact for contact in phones(house))
        box.answers[number] = ["crash"]
        house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).values(error_code=why))
        assert resolve(house, box) == {step: 1}


class TestADatabaseThatForgot:
    """It was brought back while its sender lives, or a standby took over that lacks the last of it."""

    def test_gets_no_further_intent(self, hands: "Hands") -> None:
        """Not even where no connection broke; whoever begins anew finds out why."""
        first, second = hands.claim()
        hands.commit(first, [])
        with write(hands.house.engine) as conn:
            conn.execute(sa.delete(attempt))
        with pytest.raises(FencedError, match="the database is an older one"):
            hands.commit(second, [])
        with pytest.raises(FencedError):
            hands.life.keep([])
        assert count_attempts(hands.house) == 0

    def test_stops_every_sender_at_once(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also before the one that saw it is started again, if it ever is."""

        class Forgetting(Postbox):
            async def send(self, outgoing: Outgoing) -> Result:
                with write(house.engine) as conn:
                    conn.execute(sa.delete(attempt))
                return await super().send(outgoing)

        monkeypatch.setattr(paces, "GROUP_LIMIT", 1)
        greet(house, 3)
        with pytest.raises(FencedError):
            house.dispatch({Channel.SMS: Forgetting(), Channel.EMAIL: Postbox(Channel.EMAIL)})
        with read(house.engine) as conn:
            assert "the database is older than what was sent (" in why_still(conn)

    def test_does_not_know_a_life_that_began_since(self, hands: "Hands") -> None:
        """It has sent nothing yet, and its number may be another's soon."""
        with write(hands.house.engine) as conn:
            conn.execute(sa.delete(incarnation))
        with pytest.raises(FencedError):
            hands.life.keep([])

    def test_stands_still_once_it_is_back(self, house: House) -> None:
        """Who lost the connection looks into the journal before anything else leaves; its process goes on."""
        greet(house, 2)
        house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)})
        box = Postbox()
        dispatcher = Dispatcher(house.services.work(Routes((box, Postbox(Channel.EMAIL)))))

        async def regain(_error: Any, stop: asyncio.Event, again: Callable[[], Awaitable[None]]) -> None:
            forget(house)
            await again()
            stop.set()

        def fail() -> None:
            raise sa.exc.OperationalError("", None, Exception("server closed the connection unexpectedly"))

        with pytest.MonkeyPatch.context() as patch, just_before(house.engine, "UPDATE message", fail):
            patch.setattr(dispatching, "sit_out", regain)
            asyncio.run(dispatcher.run(asyncio.Event()))
        with read(house.engine) as conn:
            assert "the database is older than what was sent (2 attempts" in why_still(conn)
        assert box.taken == []


def phones(house: House) -> list[str]:
    with read(house.engine) as conn:
        return list(conn.execute(sa.text("SELECT address FROM contact_point WHERE channel = 'sms'")).scalars())


class Hands:
    """The steps of a dispatcher one by one: claim, commit, and what was answered."""

    def __init__(self, house: House, *, sole: bool) -> None:
        self.house, self.box = house, Postbox()
        self.work = house.services.work(Routes((self.box, Postbox(Channel.EMAIL))), sole=sole)
        self.doors = Doorkeeper(house.engine, house.clock, self.work.routes, {}, self.work.dice)
        self.life = Life(self.work, self.doors)
        self.life.begin()
        self.number = self.life.number
        self.committer = Committer(self.work, self.doors, self.life)
        self.claimer = Claimer(self.work, Turns(house.clock.monotonic), self.doors.verdict)

    def claim(self) -> list[Prepared]:
        return self.claimer.claim(self.number, None) or []

    def commit(self, one: Prepared, answers: list[Answer]) -> list[Answer]:
        """Write an intent with the answers; return how the provider refuses it."""
        lane = self.work.rules.lanes[Channel.SMS].through("postbox", is_backup=False)
        ready, _ = self.committer.commit([one], lane, self.doors.choose(one), answers, None)
        (mine,) = ready or ()
        self.box.answers[mine.outgoing.to] = ["429/0"]
        return [Answer(mine, asyncio.run(self.box.send(mine.outgoing)), self.house.clock.now())]

    def write_what_is_left(self, answers: list[Answer]) -> None:
        """Try again as the recorder does with whatever is given back to it."""
        if answers:
            self.committer.write_answers(answers, None)

    def close(self) -> None:
        self.work.sentry.end_life()
        self.work.close()


@pytest.fixture(params=[True, False], ids=["alone", "with others"])
def hands(request: pytest.FixtureRequest, house: House) -> Iterator[Hands]:
    greet(house, 2)
    made = Hands(house, sole=request.param)
    yield made
    made.close()


def refusals(hands: Hands, one: Prepared) -> tuple[int, datetime]:
    """Return how often the story of a message tells of a refusal, and where the queue for another try ends."""
    told = sa.select(sa.func.count()).where(move.c.message_id == one.message.id, move.c.status == "planned")
    queue = sa.select(pace.c.next_free_at).where(pace.c.sender == "sms:retry")
    with read(hands.house.engine) as conn:
        return int(conn.execute(told).scalar_one()), conn.execute(queue).scalar_one()


class TestAnAnswerThatIsDurable:
    """It is out of everybody's hands: whoever tries again with what is left does not count it a second time."""

    def test_is_not_recorded_again_when_the_journal_fails(self, hands: Hands) -> None:
        """The intents written with it are durable too, and do not leave."""
        first, second = hands.claim()
        answers = hands.commit(first, [])
        hands.work.sentry.journal._leave_page()
        hands.work.sentry.journal._handle = os.open("/dev/full", os.O_WRONLY)
        with pytest.raises(JournalError):
            hands.commit(second, answers)
        once = refusals(hands, first)
        hands.write_what_is_left(answers)
        assert refusals(hands, first) == once
        assert once[0] == 1

    def test_is_not_recorded_again_when_intents_fail(self, hands: Hands) -> None:
        """On a shared database it was written before them; alone it went with them, and waits."""
        first, second = hands.claim()
        answers = hands.commit(first, [])

        def fail() -> None:
            raise sa.exc.OperationalError("", None, Exception("the disk is full"))

        with pytest.raises(sa.exc.OperationalError), just_before(hands.house.engine, "INSERT INTO attempt", fail):
            hands.commit(second, answers)
        before = refusals(hands, first)
        hands.write_what_is_left(answers)
        assert refusals(hands, first)[0] == 1
        assert (before == refusals(hands, first)) is not hands.work.sole


class Slow(Postbox):
    """Answers only when its sender has been asked to end, and then takes its time."""

    def __init__(self, stop: asyncio.Event, seconds: float) -> None:
        super().__init__()
        self._stop, self._seconds = stop, seconds
        self.begun = asyncio.Event()

    async def send(self, outgoing: Outgoing) -> Result:
        answer = await super().send(outgoing)
        self.begun.set()
        await self._stop.wait()
        await asyncio.sleep(self._seconds)
        return answer


async def end_while_one_is_on_its_way(house: House, seconds: float) -> Slow:
    """Ask a dispatcher to end when the first request is with the provider."""
    stop = asyncio.Event()
    box = Slow(stop, seconds)
    running = asyncio.create_task(Dispatcher(house.services.work(Routes((box, Postbox(Channel.EMAIL))))).run(stop))
    await box.begun.wait()
    stop.set()
    await running
    return box


class TestAnEnd:
    def test_lands_what_is_on_its_way(self, house: House) -> None:
        """However long the answer takes; nothing is in doubt, nothing stays claimed."""
        greet(house, 20)
        box = asyncio.run(end_while_one_is_on_its_way(house, 0.5))
        with read(house.engine) as conn:
            outcomes = set(conn.execute(sa.select(attempt.c.outcome)).scalars())
        assert outcomes == {"accepted"}
        sent, left = len(box.taken), 20 - len(box.taken)
        assert house.statuses() == {"accepted": sent, **({"planned": left} if left else {})}

    def test_gives_back_what_it_has_claimed(self, house: House) -> None:
        """What waits in hand for its group is claimed by the next sender at once."""
        greet(house, 600)
        box = asyncio.run(end_while_one_is_on_its_way(house, 0))
        rows = house.messages()
        assert {row.status for row in rows} == {"accepted", "planned"}
        assert {row.lease_owner for row in rows} == {None}
        assert 0 < len(box.taken) < 600
        assert {row.wake_at <= house.clock.now() for row in rows} == {True}


class TestATimeThatIsOver:
    def test_is_noticed_at_the_last_moment(self, house: House) -> None:
        """It was in time when it was rendered: no intent is written any more."""
        greet(house)
        box = Postbox()
        with after_rendering(house, lambda: house.clock.advance(timedelta(hours=9))):
            assert house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)}) == 0
        assert (box.taken, count_attempts(house)) == ([], 0)
        assert house.statuses() == {"expired: its time passed while it waited": 1}

    def test_has_a_name(self, house: House) -> None:
        """What nobody could send, as everything was stopped, ends by the watchdog."""
        greet(house, 3)
        with write(house.engine) as conn:
            stops.put_pause(conn, "all", until=None, by="ops:ann", now=house.clock.now())
            assert expire_overdue(conn, now=house.messages()[0].use_by - timedelta(seconds=1)) == 0
            assert expire_overdue(conn, now=house.messages()[0].use_by) == 3
        assert house.statuses() == {"expired: its time passed while it waited": 3}
