"""Plays a week on a virtual clock: the daemon's own schedule, the real dispatcher, the sandbox's carrier and customers.

Time jumps from one event to the next: a message falls due, the carrier or a customer has something to say, an hour
begins. Nothing is written that the live product would not write.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import read
from care.base.vocabulary import Purpose
from care.bootstrap import Services
from care.delivery.channels.around import Around
from care.delivery.channels.base import Gateway, Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.routes import Routes
from care.demo.clock import WeekClock
from care.demo.dice import Dice
from care.demo.errors import DemoError
from care.demo.tickets import Post, post_until
from care.messages.model import CLAIMABLE
from care.messages.tables import message
from care.planning.run import plan_all
from care.schedule import JOBS, Job, run_due_jobs

WEEK = timedelta(days=7)
BETWEEN_FULL_TICKS = timedelta(hours=24)
"""How often the whole schedule runs; planning looks 36 hours ahead, so nothing is late by it."""

GRAIN = timedelta(minutes=10)
"""What the carrier and customers say is worked on in steps of this; what falls due, at its instant."""

PARTS_PER_SECOND = 200
_UNPACED = "1000000"
_REACTIONS = tuple(job for job in JOBS if job.name in ("sandbox", "inbox"))
_AFTER_TICKETS = tuple(job for job in JOBS if job.name in ("events", "follow_up", "cases"))
BETWEEN_POSTS = timedelta(hours=6)
"""How often the ticket system posts; what follows a ticket is planned then, so far ahead as the next post comes."""

UNPACED_ENV = {"CARE_SMS__RATE_PER_SECOND": _UNPACED, "CARE_EMAIL__RATE_PER_SECOND": _UNPACED}
"""Settings for the past week: the clock moves with each message instead of letting us wait for its turn."""


class Played(Around):
    """A sandbox gateway whose every message takes its time on the virtual clock."""

    def __init__(self, inner: Gateway, clock: WeekClock) -> None:
        """Hand over to `inner`."""
        super().__init__(inner)
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Result:
        """Let the time of one message pass, then hand it over."""
        self._clock.advance(timedelta(seconds=1 / PARTS_PER_SECOND))
        return await self.inner.send(outgoing)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekStory:
    """How the playing went."""

    handed_over: int
    steps: int


def play_week(
    services: Services,
    clock: WeekClock,
    *,
    until: datetime,
    seed: int,
    posts: Sequence[Post],
    on_progress: Callable[[datetime], None],
) -> WeekStory:
    """Live from the clock's instant to `until`; what is open then, the live product goes on with.

    `posts` is what the ticket system has to tell, in its order.

    Raises:
        DemoError: one of the daemon's jobs failed.
    """
    routes = Routes(tuple(Played(gateway, clock) for gateway in services.gateways().all()))
    dice = Dice(f"dispatch:{seed}")
    next_full, next_posts, sent, steps = clock.now(), clock.now(), 0, 0
    waiting = deque(posts)
    while True:
        is_full, is_posting = clock.now() >= next_full, clock.now() >= next_posts
        if is_posting:
            post_until(services, waiting, clock.now())
            next_posts = min(next_posts + BETWEEN_POSTS, until)
        _run_jobs(services, JOBS if is_full else _REACTIONS)
        if is_posting and not is_full:
            _run_jobs(services, _AFTER_TICKETS)
            _ask(services)
        if is_full:
            next_full = min(next_full + BETWEEN_FULL_TICKS, until)
        sent += _dispatch(services, routes, dice)
        steps += 1
        on_progress(clock.now())
        if clock.now() >= until:
            return WeekStory(handed_over=sent, steps=steps)
        clock.set(min(next_full, next_posts, until, _next_event(services, clock.now())))


def _run_jobs(services: Services, jobs: tuple[Job, ...]) -> None:
    """Run what is due; the daemon goes on after a failure, the demo does not hide one."""
    failed = {job.name for job in jobs if not job.every} - set(run_due_jobs(services, jobs))
    if failed:
        raise DemoError(f"the week stopped on {services.clock.now():%Y-%m-%d}: {', '.join(sorted(failed))} failed")


def _ask(services: Services) -> None:
    """Plan what follows a ticket; greetings and notices wait for the whole schedule."""
    asking = [campaign for campaign in services.campaigns if campaign.purpose is Purpose.SURVEY]
    plan_all(
        services.engine,
        asking,
        rules=services.planning_rules,
        now=services.clock.now(),
        ahead=BETWEEN_POSTS,
        last_run_at=services.clock.now() - BETWEEN_POSTS,
        keep=[campaign.id for campaign in services.campaigns],
    )


def _dispatch(services: Services, routes: Routes, dice: Dice) -> int:
    wakes = _next_wake(services)
    if wakes is None or wakes > services.clock.now():
        return 0
    work = services.work(routes)
    work.dice = dice
    return asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))


def _next_wake(services: Services) -> datetime | None:
    """Return when the next message may be sent."""
    statuses = [str(status) for status in CLAIMABLE]
    with read(services.engine) as conn:
        wake: datetime | None = conn.execute(
            sa.select(sa.func.min(message.c.wake_at)).where(message.c.status.in_(statuses))
        ).scalar_one()
    return wake


def _next_event(services: Services, now: datetime) -> datetime:
    """Return the next instant at which something happens, never in the past."""
    wakes, speaks = _next_wake(services), services.sandbox_life.next_at()
    known = [at for at in (wakes, _rounded_up(speaks) if speaks else None) if at is not None]
    return max(min(known, default=datetime.max.replace(tzinfo=now.tzinfo)), now + timedelta(seconds=1))


def _rounded_up(at: datetime) -> datetime:
    past = timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond) % GRAIN
    return at + (GRAIN - past) if past else at


def hurry(engine: sa.Engine) -> None:
    """Let SQLite forget about power cuts while the past is played: a broken demo is simply made again."""

    @sa.event.listens_for(engine, "connect", insert=False)
    def relax(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")
