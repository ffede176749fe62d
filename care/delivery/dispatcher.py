"""One event loop that claims, prepares, commits intents, sends and records, with bounded work in flight.

Database work runs in one thread of its own, so no commit stalls the sending and no transaction is open while a
provider thinks. Part of a group of intents is committed while the rest is on its way, so neither waits for long.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from care.base.vocabulary import Channel
from care.delivery import incarnation as lives
from care.delivery.accounts import digest_of
from care.delivery.claiming import CLAIM_LIMIT, Claimer
from care.delivery.committing import Committer
from care.delivery.doorkeeper import Doorkeeper
from care.delivery.failover import Choice
from care.delivery.hand import Hand, Way
from care.delivery.lanes import Lane
from care.delivery.life import FencedError, Life
from care.delivery.lookout import Lookout
from care.delivery.model import Prepared
from care.delivery.pace import group_size
from care.delivery.record import Answer
from care.delivery.recorder import Recorder
from care.delivery.sending import SILENCE_LOOK_SECONDS, Senders
from care.delivery.sit_out import TROUBLE, sit_out
from care.delivery.turns import Turns, next_group
from care.delivery.wall_clock import WallClock
from care.delivery.work import Work

SHORT_SECONDS = 0.25
"""Sending time that a commit may cover though nothing is committed beside it: what is more urgent waits no longer."""

LANDING_SECONDS, BREATH_SECONDS = 1.0, 0.004
"""How long is waited for room on a full way, and then for what lands at the same moment: the next commit is larger."""

SENDING_SECONDS, LOOKING_SECONDS = 0.01, 0.25
"""How soon it looks again while messages are on their way, and while a provider is asked how it is."""

log = structlog.get_logger()
Answered = TypeVar("Answered")


class Dispatcher:
    """Send what is due until told to stop, then finish what is in hand."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._hand = Hand(self._way_of)
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._recorder = Recorder(self._write_soon)
        self._doors = Doorkeeper(work.engine, work.clock, work.routes, work.rules.senders, work.dice)
        self._senders = Senders(work.routes, work.clock, self._take, self._doors.is_shut)
        self._life = Life(work, self._doors)
        self._renew_at = 0.0  # monotonic
        self._turns = Turns(work.clock.monotonic)
        self._wall = WallClock(work.clock)
        self._claimer = Claimer(work, self._turns, self._doors.verdict)
        self._accounts = {(each.channel, each.provider): digest_of(each) for each in work.routes.all()}
        self._committer = Committer(work, self._doors, self._life)
        self._lookout = Lookout(
            self._hand,
            self._turns,
            channels=work.routes.channels,
            is_full=self._is_full,
            half_group=self._half_group,
            next_parts=self._next_parts,
            monotonic=work.clock.monotonic,
        )

    async def run(self, stop: asyncio.Event, *, until_idle: bool = False) -> int:
        """Work until `stop` is set, or until nothing is due; return how many messages were handed over.

        Raises:
            FencedError: another sender took this one for dead, or the database forgot. What was on its way has landed.
        """
        await self._in_thread(self._life.begin)
        for gateway in self._work.routes.all():
            await gateway.open()
        recording = asyncio.create_task(self._recorder.run())
        try:
            while not stop.is_set():
                try:
                    has_worked = await self._step()
                except TROUBLE as error:
                    if until_idle:
                        raise
                    await sit_out(error, stop, self._regain)
                    continue
                except FencedError:
                    with contextlib.suppress(*TROUBLE):  # then the next start looks
                        await self._in_thread(self._work.sentry.look_and_tell)
                    raise
                if has_worked:
                    continue
                if until_idle and not self._is_busy:
                    break
                await self._rest(stop, until_idle=until_idle)
        finally:
            await self._finish(recording)
        return self._senders.sent

    @property
    def _is_busy(self) -> bool:
        """Tell whether something flies, is not recorded yet, or was just let go."""
        return bool(self._is_sending or self._doors.is_busy)

    @property
    def _is_sending(self) -> bool:
        return bool(self._senders.in_flight or self._recorder.is_busy)

    async def _regain(self) -> None:
        """Give back what is claimed and not on its way: of the last transactions we may not know the end.

        The database that is back may be another, which lacks the last of them.
        """
        await self._in_thread(self._life.give_back, self._open_ids)
        await self._in_thread(self._work.sentry.journal.probe)
        await self._in_thread(self._work.sentry.look_and_tell)
        self._hand.clear()

    @property
    def _open_ids(self) -> set[int]:
        return self._senders.open_ids | self._recorder.open_ids

    async def _step(self) -> bool:
        """Do one round of claiming and committing; return whether anything was done."""
        if step := self._wall.step():
            log.warning("dispatch.clock_was_set", seconds=round(step.total_seconds()))
            await asyncio.sleep(self._work.tick_seconds)  # it may be set back in the next moment
        if self._work.clock.monotonic() >= self._renew_at:
            self._renew_at = self._work.clock.monotonic() + lives.LEASE.total_seconds() / 4
            held = [*self._open_ids, *(prepared.message.id for prepared in self._hand)]
            await self._in_thread(self._life.keep, held)
        if self._doors.is_due:
            await self._in_thread(self._doors.refresh)
            self._doors.look_around()
        if self._doors.has_news:
            await self._in_thread(self._doors.wake)
        if not self._work.has_room():
            return False
        way = self._readiest()
        if self._lookout.should_claim(way):
            has_found = await self._claim(way)
            if not has_found and not self._hand:
                return False
            way = self._readiest()
        if way is not None:
            await self._send_some(way)
        elif self._hand:
            await self._let_pass()
        return True  # even if none of those claimed may go: there may be more

    async def _claim(self, way: Way | None) -> bool:
        """Look for what goes before the front of a way, or for anything; return whether something was due."""
        before = self._hand[way][0].message.purpose if way else None
        claimed = await self._in_thread(self._claimer.claim, self._life.number, before)
        self._hand.put(claimed or ())
        self._lookout.note(way, claimed)
        return claimed is not None

    def _readiest(self) -> Way | None:
        return self._hand.readiest(self._work.clock.monotonic(), self._is_full)

    def _way_of(self, prepared: Prepared) -> Way:
        return prepared.contact.channel, self._work.rules.senders.get(prepared.message.purpose, "")

    def _is_full(self, way: Way) -> bool:
        """Tell whether so much is on its way that a crash may not find more."""
        return self._senders.parts_in_flight(way) > self._half_group(way[0])

    def _next_parts(self, channel: Channel) -> int:
        """Return the parts of the commits that come soon."""
        rate = self._work.rules.lanes[channel].rate_per_second
        return max(self._half_group(channel), min(CLAIM_LIMIT, int(rate * SHORT_SECONDS)))

    async def _let_pass(self) -> None:
        """Wait until something in hand may go: a slot of its pace comes, or something on its way has landed."""
        seconds = self._hand.next_change(self._work.clock.monotonic())
        full = next(filter(self._is_full, self._hand.ways()), None)
        if full is not None:
            await self._senders.wait_below(full, self._half_group(full[0]), min(seconds or 1.0, LANDING_SECONDS))
            await self._senders.wait_below(full, 0, BREATH_SECONDS)
        else:
            self._recorder.hurry()
            await asyncio.sleep(min(seconds or 0.0, 1.0))

    async def _send_some(self, way: Way) -> None:
        """Commit intents for the front of what waits on a way, and let them leave."""
        if self._doors.is_deciding:
            self._recorder.hurry()
            await asyncio.sleep(0.01)
            return
        waiting = self._hand[way]
        choice = self._doors.choose(waiting[0])
        if choice is None:
            self._hand.replace(way, await self._in_thread(partial(self._doors.hold, waiting, owner=self._life.number)))
            return
        if not choice.is_probe and self._senders.is_silent(self._doors.door(waiting[0], choice)):
            self._hand.rest(way, self._work.clock.monotonic() + SILENCE_LOOK_SECONDS)
            return
        channel, purpose = way[0], waiting[0].message.purpose
        lane = self._lane(channel, choice)
        group = next_group(waiting, 1 if choice.is_probe else self._room_for(way))
        async with self._recorder.lend() as answers:
            news = self._doors.to_tell() if answers else None
            try:
                ready, too_early = await self._in_thread(self._committer.commit, group, lane, choice, answers, news)
            except BaseException:
                if not answers:  # they are durable: what came after them failed
                    self._doors.told(news)
                raise
            self._doors.told(news)
        if ready is None:
            waiting.extendleft(reversed(group))
            self._hand.rest(way, self._work.clock.monotonic() + min(too_early, 1.0))
            return
        self._turns.sent(purpose, sum(prepared.parts for prepared in group))
        self._senders.send_soon(ready)

    def _lane(self, channel: Channel, choice: Choice) -> Lane:
        is_backup = choice.provider != self._work.routes.primary(channel).provider
        account = self._accounts[channel, choice.provider]
        return self._work.rules.lanes[channel].through(choice.provider, is_backup=is_backup, account=account)

    def _half_group(self, channel: Channel) -> int:
        """Return the parts of one commit: two of them are what a crash may leave in doubt."""
        return max(1, group_size(self._work.rules.lanes[channel].rate_per_second) // 2)

    def _room_for(self, way: Way) -> int:
        """Return the parts of the next commit: half of what may be in doubt, or all that is left at a fast pace."""
        rate = self._work.rules.lanes[way[0]].rate_per_second
        left = group_size(rate) - self._senders.parts_in_flight(way)
        return max(self._half_group(way[0]), min(left, int(rate * SHORT_SECONDS)))

    def _take(self, answer: Answer) -> None:
        self._doors.note(answer)
        self._recorder.take(answer)

    async def _write_soon(self, answers: list[Answer]) -> None:
        news = self._doors.to_tell()
        await self._in_thread(self._committer.write_answers, answers, news)
        self._doors.told(news)

    async def _rest(self, stop: asyncio.Event, *, until_idle: bool) -> None:
        if self._senders.in_flight:
            await self._senders.wait_for_all(SENDING_SECONDS)
        elif self._recorder.is_busy:  # nothing else will come: nothing to wait for
            await self._recorder.wait_for_all(SENDING_SECONDS)
        else:
            seconds = LOOKING_SECONDS if self._doors.is_busy else self._work.tick_seconds
            seconds = SENDING_SECONDS if until_idle else min(seconds, self._work.tick_seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)

    async def _finish(self, recording: asyncio.Task[None]) -> None:
        """Land what flies, record it, give back what was claimed and not begun."""
        await self._senders.wait_for_all()
        await self._senders.close()
        await self._recorder.close(recording)
        await self._doors.close()
        with contextlib.suppress(*TROUBLE):  # then the next start finds what is still claimed
            await self._in_thread(
                partial(self._life.give_back, self._open_ids, is_end=True), self._doors.to_tell(is_end=True)
            )
        for gateway in self._work.routes.all():
            await gateway.close()
        await self._in_thread(self._work.sentry.end_life)
        self._threads.shutdown()
        self._work.close()

    async def _in_thread(self, work: Callable[..., Answered], *args: object) -> Answered:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
