"""One event loop that claims, prepares, commits intents, sends and records, with bounded work in flight.

Database work runs in one thread of its own, so no commit stalls the sending and no transaction is open while a
provider thinks. Half a group of intents is committed while the other half is on its way, so neither waits for long.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
import structlog

from care.base.database import read, write
from care.base.failpoints import failpoint
from care.base.vocabulary import LANES, Channel, Purpose
from care.delivery import incarnation as lives
from care.delivery.doorkeeper import Doorkeeper
from care.delivery.intent import commit_intents, move_by_verdict
from care.delivery.material import gather
from care.delivery.model import Claimed, Prepared, Ready, Verdict
from care.delivery.pace import LATE, group_size, move_slots, pace_key, seconds_until_free
from care.delivery.record import Answer, record_answers
from care.delivery.recorder import Recorder
from care.delivery.sending import Senders
from care.delivery.sit_out import TROUBLE, sit_out
from care.delivery.turns import Turns, next_group
from care.delivery.work import Work
from care.messages import store as ledger

CLAIM_LIMIT = 500
CLAIM_SECONDS = 5.0
"""A claim takes at most this much sending time."""

PACE_AHEAD_SECONDS = 1.0
"""Slices of pace are taken at most this far ahead: what waits for its slot is not yet in doubt."""

LANDING_SECONDS = 1.0

log = structlog.get_logger()
Answered = TypeVar("Answered")


class Dispatcher:
    """Send what is due until told to stop, then finish what is in hand."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[Prepared] = deque()
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._recorder = Recorder(self._write_soon)
        self._doors = Doorkeeper(work.engine, work.clock, work.gateways, work.rules.senders)
        self._senders = Senders(work.gateways, work.clock, self._take)
        self._number = 0
        self._renew_at = 0.0  # monotonic
        self._turns = Turns(work.clock.monotonic)

    async def run(self, stop: asyncio.Event, *, until_idle: bool = False) -> int:
        """Work until `stop` is set, or until nothing is due; return how many messages were handed over."""
        self._number = await self._in_thread(self._begin)
        for gateway in self._work.gateways.values():
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
        return bool(self._senders.in_flight or self._recorder.is_busy or self._doors.has_news)

    def _begin(self) -> int:
        work, now = self._work, self._work.clock.now()
        lock_name = work.sentry.begin_life()
        with write(work.engine) as conn:
            number = lives.begin_incarnation(conn, "dispatch", now, lock_name=lock_name)
            if work.sole:
                recovered = lives.recover(conn, dead=lives.dead_incarnations(conn, number), now=now)
            else:
                recovered = work.sentry.recover(conn, number, now)
            self._doors.begin(conn)
            failpoint("recover.before_commit")
        _tell(recovered)
        return number

    async def _regain(self) -> None:
        """Give back what is claimed and not on its way: of the last transactions we may not know the end."""
        await self._in_thread(self._give_back, self._open_ids)
        await self._in_thread(self._work.sentry.journal.probe)
        self._waiting.clear()

    @property
    def _open_ids(self) -> set[int]:
        return self._senders.open_ids | self._recorder.open_ids

    def _keep_leases(self, ids: Collection[int]) -> None:
        """Show progress, which keeps what we hold, and take over what a sender that ended has left."""
        work, now = self._work, self._work.clock.now()
        recovered = (0, 0)
        with write(work.engine) as conn:
            lives.see_incarnation(conn, self._number, now)
            ledger.renew_leases(conn, owner=self._number, ids=ids, lease_until=now + lives.LEASE)
            if not work.sole:
                recovered = work.sentry.recover(conn, self._number, now)
        _tell(recovered)

    async def _step(self) -> bool:  # noqa: PLR0911 - each is one reason to look again, or to rest
        """Do one round of claiming and committing; return whether anything was done."""
        if self._work.clock.monotonic() >= self._renew_at:
            self._renew_at = self._work.clock.monotonic() + lives.LEASE.total_seconds() / 4
            held = [*self._open_ids, *(prepared.message.id for prepared in self._waiting)]
            await self._in_thread(self._keep_leases, held)
        if not self._work.has_room():
            return False
        self._doors.look_around()
        if self._doors.has_news:
            await self._in_thread(self._doors.wake)
        if not self._waiting or self._turns.is_time_to_look(self._waiting, self._half_group):
            claimed = await self._in_thread(self._claim)
            if claimed is None and not self._waiting:
                return False
            self._waiting.extendleft(reversed(claimed or ()))
        if not self._waiting:
            return True  # none of those claimed may go; there may be more
        if self._doors.verdict(self._waiting[0]):
            self._waiting = await self._in_thread(partial(self._doors.hold, self._waiting, owner=self._number))
            return True
        channel, purpose = self._waiting[0].contact.channel, self._waiting[0].message.purpose
        half = self._half_group(channel)
        if self._senders.parts_in_flight(channel) > half:
            await self._senders.wait_below(channel, half, LANDING_SECONDS)
            return True
        ahead = await self._in_thread(self._pace_ahead, channel, purpose)
        if ahead > PACE_AHEAD_SECONDS:
            self._recorder.hurry()
            await asyncio.sleep(min(ahead - PACE_AHEAD_SECONDS, 1.0))
            return True
        group = next_group(self._waiting, half)
        self._turns.sent(purpose, sum(prepared.parts for prepared in group))
        self._senders.send_soon(channel, await self._in_thread(self._commit, group))
        return True

    def _half_group(self, channel: Channel) -> int:
        """Return the parts of one commit: two of them are what a crash may leave in doubt."""
        return max(1, group_size(self._work.rules.lanes[channel].rate_per_second) // 2)

    def _claim(self) -> list[Prepared] | None:
        """Claim due messages of the lane whose turn it is, and render them; None if nothing (more urgent) is due."""
        work, now = self._work, self._work.clock.now()
        slowest = min(lane.rate_per_second for lane in work.rules.lanes.values())
        limit = int(min(CLAIM_LIMIT, max(16, slowest * CLAIM_SECONDS)))
        with write(work.engine) as conn:
            purpose, rows = self._claim_rows(conn, limit)
        if not rows:
            return None
        failpoint("claim.committed")
        with read(work.engine) as conn:
            claimed = gather(
                conn,
                rows,
                purpose=purpose,
                campaigns=work.campaigns(),
                lookup=work.rules.lookups[purpose],
                subjects=work.subjects,
            )
        prepared, verdicts = self._prepare(work.sentry.sift(claimed))
        failpoint("claim.rendered")
        if verdicts:
            with write(work.engine) as conn:
                move_by_verdict(conn, verdicts, now=now, owner=self._number)
        return prepared

    def _claim_rows(self, conn: sa.Connection, limit: int) -> tuple[Purpose, Sequence[ledger.ClaimedRow]]:
        now = self._work.clock.now()
        before = self._waiting[0].message.purpose if self._waiting else None
        for purpose, most in self._turns.order(limit, before=before):
            rows = ledger.claim_due(
                conn, owner=self._number, lane=purpose.lane, now=now, lease_until=now + lives.LEASE, limit=most
            )
            if rows:
                return purpose, rows
        return LANES[-1], ()

    def _prepare(self, claimed: Sequence[Claimed]) -> tuple[list[Prepared], dict[Verdict, list[int]]]:
        now, prepared, verdicts = self._work.clock.now(), list[Prepared](), dict[Verdict, list[int]]()
        for message in claimed:
            one = self._work.preparer.prepare(message, now)
            verdict = one if isinstance(one, Verdict) else self._doors.verdict(one)
            if verdict is not None:
                verdicts.setdefault(verdict, []).append(message.id)
            elif isinstance(one, Prepared):
                prepared.append(one)
        prepared.sort(key=lambda p: (p.contact.channel, p.message.use_by, p.message.id))
        return prepared, verdicts

    def _pace_ahead(self, channel: Channel, purpose: Purpose) -> float:
        sender = pace_key(channel, purpose, self._work.rules.senders)
        with read(self._work.engine) as conn:
            rate = self._work.rules.lanes[channel].rate_per_second
            return seconds_until_free(conn, sender, self._work.clock.now(), rate_per_second=rate)

    def _commit(self, group: list[Prepared]) -> list[Ready]:
        work = self._work
        with write(work.engine) as conn:
            now = work.clock.now()
            outcome = commit_intents(
                conn,
                group,
                rules=work.rules,
                incarnation=self._number,
                now=now,
                monotonic=work.clock.monotonic(),
            )
            failpoint("intent.before_commit")
        provider = work.rules.lanes[group[0].contact.channel].provider
        work.sentry.journal.write(outcome.ready, provider=provider, incarnation=self._number)
        failpoint("intent.committed")
        if outcome.ready and work.clock.now() - outcome.ready[0].not_before > LATE:
            lane = work.rules.lanes[group[0].contact.channel]
            with write(work.engine) as conn:
                move_slots(
                    conn,
                    outcome.ready,
                    sender=pace_key(lane.channel, group[0].message.purpose, work.rules.senders),
                    rate_per_second=lane.rate_per_second,
                    now=work.clock.now(),
                    monotonic=work.clock.monotonic(),
                )
        return outcome.ready

    def _take(self, answer: Answer) -> None:
        self._doors.note(answer)
        self._recorder.take(answer)

    async def _write_soon(self, answers: Sequence[Answer]) -> None:
        await self._in_thread(self._write_answers, answers)

    def _write_answers(self, answers: Sequence[Answer]) -> None:
        now = self._work.clock.now()
        with write(self._work.engine) as conn:
            record_answers(conn, answers, now=now, dice=self._work.dice, owner=self._number)
            failpoint("outcome.before_commit")
        failpoint("outcome.committed")

    async def _rest(self, stop: asyncio.Event, *, until_idle: bool) -> None:
        if not self._senders.in_flight:  # nothing else will come: nothing to wait for
            self._recorder.hurry()
        seconds = 0.01 if until_idle or self._is_busy else self._work.tick_seconds
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    async def _finish(self, recording: asyncio.Task[None]) -> None:
        """Land what flies, record it, give back what was claimed and not begun."""
        await self._senders.wait_for_all()
        await self._recorder.close(recording)
        await self._doors.close()
        with contextlib.suppress(*TROUBLE):  # then the next start finds what is still claimed
            await self._in_thread(partial(self._give_back, self._open_ids, is_end=True))
        for gateway in self._work.gateways.values():
            await gateway.close()
        await self._in_thread(self._work.sentry.end_life)
        self._threads.shutdown()

    def _give_back(self, kept: set[int], *, is_end: bool = False) -> None:
        now = self._work.clock.now()
        with write(self._work.engine) as conn:
            lives.give_back(conn, self._number, kept=kept, now=now)
            if is_end:
                lives.end_incarnation(conn, self._number, now)

    async def _in_thread(self, work: Callable[..., Answered], *args: object) -> Answered:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def _tell(recovered: tuple[int, int]) -> None:
    requeued, doubtful = recovered
    if requeued or doubtful:
        log.warning("dispatch.recovered", requeued=requeued, in_doubt=doubtful)
