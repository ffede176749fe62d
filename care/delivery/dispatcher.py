"""One event loop that claims, prepares, commits intents, sends and records, with bounded work in flight.

Database work runs in one thread of its own, so no commit stalls the sending and no transaction is open while a
provider thinks. Intents are committed in groups, so no batch waits for its slowest call.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import read, write
from care.base.vocabulary import LANES, Channel, Purpose
from care.campaigns.campaign_set import CampaignSet
from care.delivery import incarnation as lives
from care.delivery.channels.base import Gateway, Result
from care.delivery.intent import IntentRules, commit_intents, move_by_verdict
from care.delivery.material import gather
from care.delivery.model import Prepared, Ready, Verdict
from care.delivery.pace import group_size, seconds_until_free
from care.delivery.prepare import Preparer
from care.delivery.record import Answer, record_answers
from care.messages import store as ledger
from care.messages.model import Outcome

CLAIM_LIMIT = 500
CLAIM_SECONDS = 5.0
"""A claim takes at most this much sending time, so that a more urgent lane never waits behind it for long."""

RECORD_LIMIT = 256
RECORD_WAIT_SECONDS = 0.05
RECORD_TRIES = 5
PACE_AHEAD_SECONDS = 1.0
"""Slices of pace are taken at most this far ahead: what waits for its slot is not yet in doubt."""

log = structlog.get_logger()
Answered = TypeVar("Answered")


@dataclass(kw_only=True)
class Work:
    """What a dispatcher is made of; the campaigns are asked for anew with each claim."""

    engine: sa.Engine
    clock: Clock
    gateways: Mapping[Channel, Gateway]
    preparer: Preparer
    rules: IntentRules
    campaigns: Callable[[], CampaignSet]
    subjects: Mapping[str, sa.FromClause]
    dice: random.Random = field(default_factory=random.SystemRandom)
    tick_seconds: float = 5.0
    sole: bool = True  # a lock proves that no other sender lives on this database


class Dispatcher:
    """Send what is due until told to stop, then finish what is in hand."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[Prepared] = deque()
        self._answers: list[Answer] = []
        self._answered = asyncio.Event()
        self._in_flight = 0
        self._flying: set[asyncio.Task[None]] = set()
        self._landed = asyncio.Event()
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._is_recording = False
        self._is_closing = False
        self._number = 0
        self._renew_at = work.clock.now()
        self.sent = 0

    async def run(self, stop: asyncio.Event, *, until_idle: bool = False) -> int:
        """Work until `stop` is set, or until nothing is due; return how many messages were handed over."""
        self._number = await self._in_thread(self._begin)
        for gateway in self._work.gateways.values():
            await gateway.open()
        recorder = asyncio.create_task(self._record_until_closing())
        try:
            while not stop.is_set():
                if await self._step():
                    continue
                if until_idle and not self._is_busy:
                    break
                await self._rest(stop, until_idle=until_idle)
        finally:
            await self._finish(recorder)
        return self.sent

    def _begin(self) -> int:
        work, now = self._work, self._work.clock.now()
        with write(work.engine) as conn:
            number = lives.begin_incarnation(conn, "dispatch", now)
            dead = lives.dead_incarnations(conn, number) if work.sole else None
            requeued, doubtful = lives.recover(conn, dead=dead, now=now)
        if requeued or doubtful:
            log.warning("dispatch.recovered", requeued=requeued, in_doubt=doubtful)
        return number

    async def _step(self) -> bool:
        """Do one round of claiming and committing; return whether anything was done."""
        if not self._waiting:
            claimed = await self._in_thread(self._claim)
            if claimed is None:
                return False
            self._waiting.extend(claimed)
        if not self._waiting:
            return True  # none of those claimed may go; there may be more
        channel = self._waiting[0].contact.channel
        if self._in_flight >= self._work.gateways[channel].capabilities.max_in_flight:
            await self._wait_for_landing()
            return True
        ahead = await self._in_thread(self._pace_ahead, channel)
        if ahead > PACE_AHEAD_SECONDS:
            await asyncio.sleep(min(ahead - PACE_AHEAD_SECONDS, 1.0))
            return True
        group = self._next_group(channel)
        for ready in await self._in_thread(self._commit, group):
            self._in_flight += 1
            task = asyncio.create_task(self._send(ready))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)
        return True

    def _claim(self) -> list[Prepared] | None:
        """Claim due messages of the most urgent lane that has any, and render them; None if nothing is due."""
        work, now = self._work, self._work.clock.now()
        lease_until = now + lives.LEASE
        rate = max(lane.rate_per_second for lane in work.rules.lanes.values())
        limit = int(min(CLAIM_LIMIT, max(16, rate * CLAIM_SECONDS)))
        with write(work.engine) as conn:
            rows: list[sa.Row[tuple[object, ...]]] = []
            purpose = Purpose.EMERGENCY
            for purpose in LANES:
                rows = list(
                    ledger.claim_due(
                        conn, owner=self._number, lane=purpose.lane, now=now, lease_until=lease_until, limit=limit
                    )
                )
                if rows:
                    break
            else:
                return None
        with read(work.engine) as conn:
            claimed = gather(
                conn,
                rows,
                purpose=purpose,
                campaigns=work.campaigns(),
                lookup=work.rules.lookups[purpose],
                subjects=work.subjects,
            )
        prepared, verdicts = [], dict[Verdict, list[int]]()
        for message in claimed:
            one = work.preparer.prepare(message, now)
            if isinstance(one, Verdict):
                verdicts.setdefault(one, []).append(message.id)
            else:
                prepared.append(one)
        if verdicts:
            with write(work.engine) as conn:
                move_by_verdict(conn, verdicts, now=now, owner=self._number)
        prepared.sort(key=lambda p: (p.contact.channel, p.message.use_by, p.message.id))
        return prepared

    def _pace_ahead(self, channel: Channel) -> float:
        with read(self._work.engine) as conn:
            return seconds_until_free(conn, channel, self._work.clock.now())

    def _next_group(self, channel: Channel) -> list[Prepared]:
        """Take from the front what shares a channel, up to two seconds of its pace."""
        budget = group_size(self._work.rules.lanes[channel].rate_per_second)
        group = [self._waiting.popleft()]
        parts = group[0].parts
        while self._waiting and self._waiting[0].contact.channel is channel:
            parts += self._waiting[0].parts
            if parts > budget:
                break
            group.append(self._waiting.popleft())
        return group

    def _commit(self, group: list[Prepared]) -> list[Ready]:
        work = self._work
        with write(work.engine) as conn:
            now = work.clock.now()
            if now >= self._renew_at:  # progress renews the leases, well before they end
                self._renew_at = now + lives.LEASE / 4
                lives.see_incarnation(conn, self._number, now)
                ids = [prepared.message.id for prepared in (*group, *self._waiting)]
                ledger.renew_leases(conn, owner=self._number, ids=ids, lease_until=now + lives.LEASE)
            outcome = commit_intents(
                conn,
                group,
                rules=work.rules,
                incarnation=self._number,
                now=now,
                monotonic=work.clock.monotonic(),
            )
        return outcome.ready

    async def _send(self, ready: Ready) -> None:
        """Wait for the slot, hand over, keep the answer for the recorder."""
        clock = self._work.clock
        wait = (ready.not_before - clock.now()).total_seconds()
        if wait > 0:
            await asyncio.sleep(wait)
        gateway = self._work.gateways[ready.prepared.contact.channel]
        try:
            result = await gateway.send(ready.outgoing)
        except Exception as error:  # noqa: BLE001 - an adapter's bug must not lose the message
            log.error("dispatch.adapter_failed", provider=gateway.provider, error=type(error).__name__)
            result = Result(
                attempt_id=ready.outgoing.attempt_id, outcome=Outcome.UNKNOWN, error_code=type(error).__name__
            )
        self._answers.append(Answer(ready=ready, result=result, at=clock.now()))
        self._in_flight -= 1
        self.sent += result.outcome is Outcome.ACCEPTED
        self._landed.set()
        if len(self._answers) >= RECORD_LIMIT or not self._in_flight:  # nothing else flies: nothing to wait for
            self._answered.set()

    @property
    def _is_busy(self) -> bool:
        """Tell whether something flies or is not recorded yet."""
        return bool(self._in_flight or self._answers or self._is_recording)

    async def _record_until_closing(self) -> None:
        while not self._is_closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), RECORD_WAIT_SECONDS)
            self._answered.clear()
            await self._record()

    async def _record(self) -> None:
        if not self._answers:
            return
        answers, self._answers = self._answers, []
        self._is_recording = True
        try:
            await self._in_thread(self._write_answers, answers)
        except sa.exc.SQLAlchemyError as error:
            self._answers = answers + self._answers  # facts are kept until they can be written
            log.error("dispatch.record_failed", answers=len(answers), error=type(error).__name__)
            await asyncio.sleep(1.0)
        finally:
            self._is_recording = False

    def _write_answers(self, answers: list[Answer]) -> None:
        now = self._work.clock.now()
        with write(self._work.engine) as conn:
            record_answers(conn, answers, now=now, dice=self._work.dice)

    async def _wait_for_landing(self) -> None:
        self._landed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._landed.wait(), 1.0)

    async def _rest(self, stop: asyncio.Event, *, until_idle: bool) -> None:
        seconds = 0.01 if until_idle or self._is_busy else self._work.tick_seconds
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    async def _finish(self, recorder: asyncio.Task[None]) -> None:
        """Land what flies, record it, give back what was claimed and not begun."""
        while self._in_flight:
            await self._wait_for_landing()
        self._is_closing = True  # not cancelled: that would drop answers on their way to the database
        self._answered.set()
        await recorder
        for _ in range(RECORD_TRIES):  # what is still unwritten then is in doubt, and recovery says so
            await self._record()
            if not self._answers:
                break
        await self._in_thread(self._hand_back)
        for gateway in self._work.gateways.values():
            await gateway.close()
        self._threads.shutdown()

    def _hand_back(self) -> None:
        now, ids = self._work.clock.now(), [prepared.message.id for prepared in self._waiting]
        with write(self._work.engine) as conn:
            back = Verdict(status="planned", reason="handed back", wake_at=now)
            move_by_verdict(conn, {back: ids}, now=now, owner=self._number)
            lives.end_incarnation(conn, self._number, now)

    async def _in_thread(self, work: Callable[..., Answered], *args: object) -> Answered:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
