"""Row 19: the provider takes nothing for half an hour and comes back; time runs thirty times as fast."""

import asyncio
import bisect
import itertools
import selectors
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import pace
from care.delivery.breaker import ERRORS, FIRST_PAUSE
from care.delivery.channels.base import Outgoing, Result, refusal
from care.delivery.channels.errors import classify_transport
from care.delivery.counts import TELL_ERRORS
from care.delivery.dispatcher import Dispatcher
from care.delivery.routes import Routes
from care.messages.model import Outcome
from care.messages.tables import message
from tests.chaos.conftest import Figures, Scale
from tests.delivery.crew import Crew, at_once
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House

SPEED = 30
RATE = 2.0
PROCESSES = 3
CLAIMED = 16 * PROCESSES
"""Messages that the processes hold ahead: so far the order of what leaves may differ from that of the deadlines."""

START = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class FastClock(VirtualClock):
    """A clock that runs thirty times as fast as the machine's."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._begun = time.monotonic()

    def start(self) -> None:
        self._begun = time.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._begun) * SPEED

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.monotonic())


class FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None):
        return super().select(timeout / SPEED if timeout and timeout > 0 else timeout)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop on which a second lasts a thirtieth of one."""

    def __init__(self) -> None:
        super().__init__(FastSelector())

    def time(self) -> float:
        return super().time() * SPEED


@dataclass
class Company:
    """A provider with an accept log: between two seconds it refuses whatever comes, though its front door is open."""

    clock: FastClock
    down: tuple[float, float]
    people: int
    calls: list[tuple[float, int, bool]] = field(default_factory=list)  # second, message, accepted
    checks: list[float] = field(default_factory=list)
    waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message_id: int) -> bool:
        with self.lock:
            now = self.clock.monotonic()
            is_up = not self.down[0] <= now < self.down[1]
            self.calls.append((now, message_id, is_up))
            if len(self.accepted) == self.people:
                for loop, stop in self.waiting:
                    loop.call_soon_threadsafe(stop.set)
            return is_up

    def when_told(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
        """End a sender's work when everybody is told."""
        with self.lock:
            self.waiting.append((loop, stop))

    @property
    def accepted(self) -> list[tuple[float, int]]:
        return [(at, who) for at, who, is_up in self.calls if is_up]

    @property
    def refused(self) -> list[float]:
        return [at for at, _, is_up in self.calls if not is_up]


class Desk(Postbox):
    """One process's line to the company."""

    def __init__(self, company: Company) -> None:
        super().__init__(Channel.SMS)
        self.company = company

    async def check(self) -> str:
        with self.company.lock:
            self.company.checks.append(self.company.clock.monotonic())
        return ""

    async def send(self, outgoing: Outgoing) -> Result:
        await asyncio.sleep(0.05)
        if self.company.take(outgoing.message_id):
            return Result(
                attempt_id=outgoing.attempt_id, outcome=Outcome.ACCEPTED, provider_ref=f"P{outgoing.message_id}"
            )
        return refusal(outgoing.attempt_id, classify_transport("not-sent"), "not-sent")


async def send_all(house: House, company: Company) -> None:
    """Work as one of several dispatchers until everybody is told, or an hour is over."""
    stop = asyncio.Event()
    work = house.services.work(Routes((Desk(company), Postbox(Channel.EMAIL))), sole=False)
    running = asyncio.create_task(Dispatcher(work).run(stop))
    company.when_told(asyncio.get_running_loop(), stop)
    async with asyncio.timeout(4_000):
        await running


def dispatch(house: House, company: Company) -> None:
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(send_all(house, company))


def set_deadlines(house: House) -> Mapping[int, datetime]:
    """Give messages deadlines in an order of their own; return them."""
    with write(house.engine) as conn:
        for row in conn.execute(sa.select(message.c.id, message.c.due_at)).all():
            hours = 3 + row.id * 7 % 5
            conn.execute(
                sa.update(message).where(message.c.id == row.id).values(use_by=row.due_at + timedelta(hours=hours))
            )
    with read(house.engine) as conn:
        return dict(conn.execute(sa.select(message.c.id, message.c.use_by)).all())


def most_within(times: list[float], seconds: float) -> int:
    """Return how many fell into the fullest window of so many seconds."""
    return max(bisect.bisect_left(times, at + seconds) - n for n, at in enumerate(times))


def furthest_from_order(order: list[datetime]) -> int:
    """Return by how many places somebody was overtaken by later deadlines."""
    return max(sum(other > mine for other in order[:n]) for n, mine in enumerate(order))


class TestAProviderThatIsDown:
    def test_is_left_alone_and_catches_up(
        self, tmp_path: Path, postgres_engine: sa.Engine, scale: Scale, figures: Figures
    ) -> None:
        """Three processes: few errors, one probe at a time, then the earliest deadlines first, never too fast."""
        clock, url = FastClock(START), postgres_engine.url.render_as_string(hide_password=False)
        minutes, people = scale.of((8, 150), (30, 600))
        crew = Crew(tmp_path, url, clock, PROCESSES, SMS__RATE_PER_SECOND=str(RATE))
        house = crew.houses[0]
        greet(house, people)
        deadlines = set_deadlines(house)
        clock.start()
        company = Company(clock, (30.0, 30.0 + 60 * minutes), people)
        at_once(*(lambda house=each: dispatch(house, company) for each in crew.houses), seconds=400)
        statuses = house.statuses()
        crew.close()
        self.judge(company, deadlines, minutes, figures)
        assert statuses == {"accepted": people}
        assert Counter(who for _, who in company.accepted) == Counter(deadlines.keys())

    @staticmethod
    def judge(company: Company, deadlines: Mapping[int, datetime], minutes: int, figures: Figures) -> None:
        pause = FIRST_PAUSE.total_seconds()
        over = company.down[1]
        first = [at for at in company.refused if at < company.checks[0]]
        probes = [at for at in company.refused if at >= company.checks[0]]
        drained = [(at, who) for at, who in company.accepted if at >= over]
        times = [at for at, _ in company.accepted]
        overtaken = furthest_from_order([deadlines[who] for _, who in drained])
        figures.show(
            19,
            f"down for {minutes} min, {PROCESSES} processes, {company.people} messages",
            f"≤ {ERRORS} errors, probes ≥ {pause:.0f} s apart, none lost, ≤ {RATE:g}/s",
            f"{len(first)} errors, {len(probes)} probes, {len(set(deadlines))} told once, "
            f"{most_within(times, 60) / 60:.2f}/s, overtaken by {overtaken}",
        )
        assert 0 < len(first) <= ERRORS
        assert probes
        for tried in (probes, company.checks):
            assert min((b - a for a, b in itertools.pairwise(tried)), default=pause) >= pause
        assert most_within(times, 60) <= 60 * RATE * 1.01 + 2
        assert overtaken <= CLAIMED
        assert drained[0][0] < over + 60 + pause


class EachOther(Postbox):
    """A provider that answers nothing certain to each other message: never several errors in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.errors = 0

    async def send(self, outgoing: Outgoing) -> Result:
        if len(self.taken) % 2:
            self.errors += 1
            self.answers[outgoing.to] = ["503/0"]
        return await super().send(outgoing)


class TestAProviderThatFailsEachOther:
    def test_is_closed_at_fifty(self, house: House, monkeypatch: pytest.MonkeyPatch, figures: Figures) -> None:
        """What was on its way then, and what the table had not heard, is all that comes on top."""
        group, people = 8, 300
        monkeypatch.setattr(pace, "GROUP_LIMIT", group)
        greet(house, people)
        box = EachOther()
        house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
        statuses = Counter(row.status for row in house.messages())
        most = ERRORS + group + TELL_ERRORS
        figures.show(
            19, "every other answer an error", f"{ERRORS} to {most} errors, the rest held", f"{box.errors} errors"
        )
        assert ERRORS <= box.errors <= most
        assert statuses == {
            "unknown": box.errors,
            "accepted": len(box.taken) - box.errors,
            "held": people - len(box.taken),
        }
