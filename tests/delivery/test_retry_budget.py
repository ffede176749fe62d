"""Further tries take a tenth of a channel's pace at most, over all processes."""

import asyncio
import random
from bisect import bisect_left
from datetime import datetime, timedelta

import pytest

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel, Purpose
from care.delivery import tally
from care.delivery.channels.base import Outgoing, Result
from care.delivery.channels.errors import classify_transport, classify_twilio
from care.delivery.dispatcher import Dispatcher
from care.delivery.pace import join_retry_queue, open_retry_pace, retry_queue
from care.delivery.retry import is_budgeted
from care.delivery.routes import Routes
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.warped import WarpedLoop
from tests.house import House, build_house

HOUR, STORM = timedelta(hours=1), timedelta(minutes=30)
RATE = 2
BURST_SECONDS = 30.0
"""What was refused within the jitter of a first try may come back at once."""
TOO_MANY = classify_twilio(429, 20429)
GREETING, SERVICE = Purpose.GREETING, Purpose.SERVICE


class Storm(Postbox):
    """Refuses everything until an instant, and notes when each message was offered."""

    def __init__(self, clock: VirtualClock, ends_at: datetime) -> None:
        super().__init__()
        self._clock, self._ends_at = clock, ends_at
        self.calls: list[tuple[float, int]] = []

    async def send(self, outgoing: Outgoing) -> Result:
        self.calls.append((self._clock.monotonic(), outgoing.message_id))
        if self._clock.now() < self._ends_at:
            self.answers[outgoing.to] = ["429/20429"]
        return await super().send(outgoing)

    def further(self) -> list[float]:
        """Return when messages were offered again."""
        seen, again = set[int](), []
        for at, message_id in self.calls:
            if message_id in seen:
                again.append(at)
            seen.add(message_id)
        return again


def run_until(house: House, storm: Storm, at: datetime, *, every: float = 10.0) -> None:
    """Let one dispatcher work on the house's own time until an instant."""

    async def work() -> None:
        stop = asyncio.Event()
        made = house.services.work(Routes((storm, Postbox(Channel.EMAIL))))
        made.tick_seconds, made.dice = every, random.Random(3)
        asyncio.get_running_loop().call_later((at - house.clock.now()).total_seconds(), stop.set)
        await Dispatcher(made).run(stop)

    with asyncio.Runner(loop_factory=lambda: WarpedLoop(house.clock)) as runner:
        runner.run(work())


def most_within(calls: list[float], seconds: float) -> int:
    """Return how many calls fell into the fullest window."""
    return max((bisect_left(calls, at + seconds) - place for place, at in enumerate(calls)), default=0)


@pytest.fixture
def paced(tmp_path, engine, house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The house at two messages a second, of a provider that does not close, as while others have room there."""
    monkeypatch.setattr(tally, "FULL", 1_000_000)
    return build_house(tmp_path, engine, house.clock, SMS__RATE_PER_SECOND=str(RATE))


class TestAStormOfRefusals:
    @pytest.mark.slow
    @pytest.mark.timeout(280)
    def test_is_answered_with_a_tenth_of_the_pace(self, paced: House) -> None:
        """Half an hour of 429 for everybody: no window has more further tries than its tenth, and nobody is lost."""
        if paced.engine.dialect.name != "sqlite":
            pytest.skip("one long run is enough: the queue itself is tried on both")
        people, seconds = 100, STORM.total_seconds()
        greet(paced, people)
        start, share = paced.clock.now(), RATE / 10
        storm = Storm(paced.clock, start + STORM)
        run_until(paced, storm, start + STORM)

        again = storm.further()
        assert len(storm.calls) - len(again) == people
        assert share * seconds * 0.9 < len(again) <= share * (seconds + BURST_SECONDS)  # all of its share, and no more
        assert most_within(again, 60) <= share * (60 + 240)  # jitter may bring some of four minutes together
        assert most_within(again, 600) <= share * (600 + 240)

        run_until(paced, storm, start + STORM * 2)
        assert {row.status for row in paced.messages()} == {"accepted"}

    def test_costs_first_tries_nothing(self, paced: House) -> None:
        """While further tries wait in their queue, what was never tried leaves at its own pace."""
        greet(paced, 60)
        start = paced.clock.now()
        storm = Storm(paced.clock, start + HOUR)
        run_until(paced, storm, start + timedelta(minutes=1))
        again = set(storm.further())
        firsts = [at for at, _ in storm.calls if at not in again]
        assert len(firsts) == 60
        assert firsts[-1] - firsts[0] <= 60 / RATE * 1.1


class TestTheQueue:
    def test_is_one_for_all_processes(self, house: House) -> None:
        """Each place taken puts the next one a tenth of the pace later, whoever takes it."""
        now = house.clock.now()
        for _ in range(3):  # three processes start
            with write(house.engine) as conn:
                open_retry_pace(conn, Channel.SMS, rate_per_second=RATE, now=now)
                queued = retry_queue(conn, Channel.SMS, GREETING, now)
                join_retry_queue(conn, Channel.SMS, GREETING, queued, now)
        with read(house.engine) as conn:
            assert retry_queue(conn, Channel.SMS, GREETING, now) == timedelta(seconds=3 / (RATE / 10))

    def test_keeps_no_notice_behind_greetings(self, house: House) -> None:
        """A notice stands behind notices only; who else fails stands behind both, so the slots stay a tenth apart."""
        now, gap = house.clock.now(), timedelta(seconds=10 / RATE)
        with write(house.engine) as conn:
            open_retry_pace(conn, Channel.SMS, rate_per_second=RATE, now=now)
            join_retry_queue(conn, Channel.SMS, GREETING, timedelta(hours=9), now)
            assert retry_queue(conn, Channel.SMS, SERVICE, now) == timedelta(0)
            join_retry_queue(conn, Channel.SMS, SERVICE, timedelta(hours=10), now)
            queues = [retry_queue(conn, Channel.SMS, purpose, now) for purpose in (SERVICE, GREETING)]
            assert queues == [timedelta(hours=10) + gap] * 2

    def test_forgets_what_was_taken_before_the_clock_was_set_back(self, house: House) -> None:
        """A clock that was years ahead for a minute stops no try for years."""
        now = house.clock.now()
        with write(house.engine) as conn:
            open_retry_pace(conn, Channel.SMS, rate_per_second=RATE, now=now + timedelta(days=900))
            assert retry_queue(conn, Channel.SMS, GREETING, now) == timedelta(0)

    def test_is_not_for_what_cannot_wait_nor_for_our_own_fault(self) -> None:
        """An outage waits behind nobody; a wrong token is not the message's doing."""
        assert is_budgeted(TOO_MANY, Purpose.GREETING)
        assert not is_budgeted(TOO_MANY, Purpose.EMERGENCY)
        assert not is_budgeted(TOO_MANY, Purpose.REPLY)
        assert not is_budgeted(classify_transport("not-sent"), Purpose.GREETING)

    def test_ends_by_name_what_would_come_too_late(self, paced: House) -> None:
        """Nobody is tried after his time, and nobody who ends takes a place from the others."""
        greet(paced)
        now = paced.clock.now()
        with write(paced.engine) as conn:
            open_retry_pace(conn, Channel.SMS, rate_per_second=RATE, now=now)
            join_retry_queue(conn, Channel.SMS, GREETING, timedelta(hours=9), now)
        run_until(paced, Storm(paced.clock, now + HOUR), now + timedelta(minutes=1))
        assert paced.statuses() == {"expired: no time left after capacity": 1}
        with read(paced.engine) as conn:
            assert retry_queue(conn, Channel.SMS, GREETING, now) == timedelta(hours=9, seconds=10 / RATE)
