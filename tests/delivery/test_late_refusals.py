"""An account that accepts everything and says by receipt that it had no room: it closes as one that refuses."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import breaker, health
from care.delivery.breaker import LONGEST_PAUSE, TODAY_PAUSE, Cause, Door, Health, State
from care.delivery.channels.base import Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.late_refusals import LateRefusals
from care.delivery.receipts import Receipt
from care.delivery.routes import Routes
from care.delivery.tally import FULL, FULL_FOR, Counted
from care.messages.tables import attempt
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_failover import SECOND, Pair
from tests.delivery.test_receipts import hear
from tests.delivery.warped import WarpedLoop
from tests.house import House, build_house

FIRST = Door(Channel.SMS, "postbox", "")
OVER_RATE, OVERFLOW, OVER_DAY, OFF = "30022", "30001", "30023", "30003"
PEOPLE, MINUTE = 40, timedelta(minutes=1)


def stands(house: House, provider: str = FIRST.provider) -> Health:
    with read(house.engine) as conn:
        return health.read_health(conn)[FIRST._replace(provider=provider)]


class Later(Postbox):
    """Accepts, and a second later tells by receipt what became of it."""

    def __init__(self, house: House, codes: str | Callable[[], str] = "") -> None:
        super().__init__()
        self._house, self._codes = house, codes

    async def send(self, outgoing: Outgoing) -> Result:
        result = await super().send(outgoing)
        asyncio.get_running_loop().call_later(1.0, self._tell, outgoing, result)
        return result

    def _tell(self, outgoing: Outgoing, result: Result) -> None:
        code = self._codes if isinstance(self._codes, str) else self._codes()
        word = {"provider_ref": result.provider_ref, "status": "failed" if code else "sent", "error_code": code}
        hear(self._house, Receipt(provider=self.provider, token=outgoing.token, at=self._house.clock.now(), **word))


@pytest.fixture
def paced(tmp_path: Path, engine: sa.Engine, clock: VirtualClock) -> House:
    """Two messages a second."""
    return build_house(tmp_path, engine, clock, SMS__RATE_PER_SECOND="2")


def work(house: House, first: Later, span: timedelta) -> Later:
    """Greet everybody, let one sender work through two accounts for so long, and return the second."""
    greet(house, PEOPLE)
    second = Later(house)
    second.provider = SECOND

    async def run() -> None:
        stop = asyncio.Event()
        made = house.services.work(Routes((first, second, Postbox(Channel.EMAIL))))
        made.tick_seconds = 10.0
        asyncio.get_running_loop().call_later(span.total_seconds(), stop.set)
        await Dispatcher(made).run(stop)

    with asyncio.Runner(loop_factory=lambda: WarpedLoop(house.clock)) as runner:
        runner.run(run())
    return second


class TestTheOtherAccount:
    @pytest.mark.parametrize(("code", "minutes"), [(OVER_RATE, 8), (OVER_DAY, 2)])
    def test_takes_over_within_seconds(self, paced: House, code: str, minutes: int) -> None:
        """Everybody is told, once; what was to wait for tomorrow goes at once."""
        first = Later(paced, code)
        second = work(paced, first, minutes * MINUTE)
        assert paced.statuses() == {"sent": PEOPLE}
        assert len(first.taken) < PEOPLE * 3 / 4
        assert set(Counter(out.to for out in second.taken).values()) == {1}
        assert len(second.taken) == PEOPLE
        assert max(row.attempts for row in paced.messages()) == 2
        (change, *_) = Pair(paced).changes()
        assert change[:3] == (FIRST.provider, SECOND, 0)
        assert change[3].startswith("postbox is closed: over the registered ")

    def test_takes_nothing_while_some_go_on(self, paced: House) -> None:
        """One that merely sets the pace sends others of the same seconds on."""
        turns = itertools.cycle([OVER_RATE, OVER_RATE, OVER_RATE, ""])
        second = work(paced, Later(paced, lambda: next(turns)), MINUTE)
        assert (stands(paced).state, second.taken) == (State.WELL, [])


class Ear:
    """What one sender has heard, and attempts that were made so many seconds after it began."""

    def __init__(self, house: House) -> None:
        self.house, self.start = house, house.clock.now()
        with write(house.engine) as conn:
            health.enter_doors(conn, [FIRST], self.start - MINUTE)
        self.ear = LateRefusals(house.engine, {}, lambda _: stands(house))
        self.ear.listen(self.start)

    def sent(self, *seconds: float) -> list[sa.Row]:
        """Send a greeting for each moment, and return their attempts."""
        greet(self.house, len(seconds))
        self.house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)})
        with write(self.house.engine) as conn:
            found = conn.execute(sa.select(attempt).order_by(attempt.c.id.desc()).limit(len(seconds))).all()[::-1]
            for row, after in zip(found, seconds, strict=True):
                at = self.start + timedelta(seconds=after)
                conn.execute(sa.update(attempt).where(attempt.c.id == row.id).values(intent_at=at))
        return list(found)

    def hear(self, *words: tuple[sa.Row, str]) -> Health:
        """Hear what became of attempts, all at once; return how the provider stands then."""
        now = self.house.clock.now()
        for row, code in words:
            told = {"provider_ref": row.provider_ref, "status": "failed" if code else "sent", "error_code": code}
            hear(self.house, Receipt(provider=row.provider, token=row.token, at=now, **told))
        self.ear.listen(now)
        return stands(self.house)


@pytest.fixture
def ear(house: House) -> Ear:
    return Ear(house)


SPAN = FULL_FOR.total_seconds()
FEW = [n * SPAN / (FULL - 1) for n in range(FULL)]
"""Moments of as many attempts as close, over as long a time."""


class TestWhatIsHeard:
    @pytest.mark.parametrize(
        ("code", "pause"), [(OVER_RATE, LONGEST_PAUSE), (OVERFLOW, LONGEST_PAUSE), (OVER_DAY, TODAY_PAUSE)]
    )
    def test_closes_after_several_over_a_while(self, ear: Ear, code: str, pause: timedelta) -> None:
        """What was under way and is accepted then opens nothing: this account accepts everything."""
        *some, last = ear.sent(*FEW)
        assert ear.hear(*((row, code) for row in some)).state is State.WELL
        shut = ear.hear((last, code))
        assert (shut.state, shut.cause, shut.pause) == (State.CLOSED, Cause.TOLD, pause)
        now = ear.house.clock.now()
        assert breaker.learn(shut, Counted(answers=1, accepted=1), [], now=now, another_is_well=False) == shut
        assert breaker.look_soon(shut, now) == shut
        assert [breaker.may_look(shut, now + wait) for wait in (timedelta(0), pause)] == [False, True]
        assert breaker.looking(shut, 1, now + pause).look_at == now + 2 * pause

    def test_closes_nothing_by_a_burst_or_by_phones(self, ear: Ear) -> None:
        """Many of the same seconds say little; a phone that is off says nothing."""
        assert ear.hear(*((row, OVER_RATE) for row in ear.sent(*[0.0] * 10, SPAN - 1))).state is State.WELL
        assert ear.hear(*((row, OFF) for row in ear.sent(*(SPAN * 10 + at for at in FEW)))).state is State.WELL

    @pytest.mark.parametrize("is_first", [True, False])
    def test_is_refuted_by_a_younger_one_that_went_on(self, ear: Ear, *, is_first: bool) -> None:
        """Also where an inbox catches up and all is heard at once, in whatever order."""
        rows = ear.sent(*FEW, SPAN + 1)
        words = [(row, OVER_RATE) for row in rows[:-1]]
        good = [(rows[-1], "")]
        assert ear.hear(*(good + words if is_first else words + good)).state is State.WELL

    def test_is_not_refuted_by_one_sent_before(self, ear: Ear) -> None:
        """A phone that was off for an hour says nothing of the account now."""
        early, *rows = ear.sent(-1, *FEW)
        ear.hear(*((row, OVER_RATE) for row in rows[:-1]))
        assert ear.hear((early, ""), (rows[-1], OVER_RATE)).state is State.CLOSED

    def test_is_refuted_by_what_went_on_before_it_was_heard(self, ear: Ear) -> None:
        """What was asked about after a day speaks of a day ago."""
        *rows, today = ear.sent(*FEW, 3_600)
        ear.hear((today, ""))
        assert ear.hear(*((row, OVERFLOW) for row in rows)).state is State.WELL

    def test_counts_from_when_the_provider_opened(self, ear: Ear) -> None:
        """What waited in its queue for hours comes back after it is well again."""
        rows = ear.sent(*(at - 120 for at in FEW))
        assert ear.hear(*((row, OVERFLOW) for row in rows)).state is State.WELL
