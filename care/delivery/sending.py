"""Hand over what is committed: a few standing senders per provider, each message in its slot of the pace."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Callable, Sequence

import structlog

from care.base.clock import Clock
from care.base.failpoints import failpoint
from care.base.vocabulary import Channel
from care.delivery.breaker import Door
from care.delivery.channels.base import Gateway, Result
from care.delivery.counts import is_error
from care.delivery.hand import Way
from care.delivery.model import Ready
from care.delivery.record import CLOSED, STALE, Answer
from care.delivery.routes import Routes
from care.delivery.silence import Line
from care.messages.model import Outcome

SILENCE_LOOK_SECONDS = 0.1
"""How often is looked whether a provider answers again."""

_ABANDONED, _ACCEPTED = Outcome.ABANDONED, Outcome.ACCEPTED
"""Asked for every message, and a member of an enumeration takes a while to be found."""

Desk = tuple[Channel, str]
"""Channel and provider: who hands over."""

log = structlog.get_logger()


class Senders:
    """What has an intent and no answer yet: waiting for its slot, or on its way."""

    def __init__(
        self,
        routes: Routes,
        clock: Clock,
        on_answer: Callable[[Answer], None],
        is_shut: Callable[[Ready], bool],
    ) -> None:
        """`is_shut` tells of a message whose slot has come whether its provider has closed since its intent."""
        self._clock, self._on_answer, self._is_shut = clock, on_answer, is_shut
        self._gateways: dict[Desk, Gateway] = {(each.channel, each.provider): each for each in routes.all()}
        self._queues: dict[Desk, deque[Ready]] = {desk: deque() for desk in self._gateways}
        self._idle: dict[Desk, list[asyncio.Future[None]]] = {desk: [] for desk in self._gateways}
        self._tasks: dict[Desk, list[asyncio.Task[None]]] = {desk: [] for desk in self._gateways}
        self._flying: dict[Way, int] = defaultdict(int)
        self.open_ids: set[int] = set()  # messages whose outcome is open
        self._lines: dict[Door | None, Line] = defaultdict(Line)
        self._landed, self._below = asyncio.Event(), asyncio.Event()
        self._awaited: dict[Way, int] = {}  # the parts that somebody waits for, not woken by each that lands before
        self.sent = 0

    @property
    def in_flight(self) -> int:
        """Messages whose outcome is open: what a crash would leave in doubt."""
        return sum(self._flying.values())

    def parts_in_flight(self, way: Way) -> int:
        """The same for one way out, in parts."""
        return self._flying[way]

    def is_silent(self, door: Door | None) -> bool:
        """Tell whether a provider answers nothing of what is on its way: more should not leave now."""
        return self._lines[door].is_silent(self._clock.monotonic())

    def send_soon(self, ready: Sequence[Ready]) -> None:
        """Queue messages of one group, in the order of their slots, for the provider that their attempts name."""
        if not ready:
            return
        way = _way_of(ready[0])
        desk = way[0], ready[0].provider
        self._queues[desk].extend(ready)
        self._flying[way] += sum(one.prepared.parts for one in ready)
        self.open_ids.update(one.outgoing.message_id for one in ready)
        idle, tasks = self._idle[desk], self._tasks[desk]
        woken = [idle.pop() for _ in range(min(len(idle), len(ready)))]
        for sender in woken:
            sender.set_result(None)
        most = self._gateways[desk].capabilities.max_in_flight
        tasks.extend(
            asyncio.create_task(self._work(desk)) for _ in range(min(most - len(tasks), len(ready) - len(woken)))
        )

    async def _work(self, desk: Desk) -> None:
        """Hand over what is queued for a provider, again and again: one of its standing senders."""
        queue, gateway, monotonic = self._queues[desk], self._gateways[desk], self._clock.monotonic
        while True:
            while not queue:
                idle = asyncio.get_running_loop().create_future()
                self._idle[desk].append(idle)
                await idle
            ready, left_at = queue.popleft(), monotonic()
            if ready.leaves_at > left_at:
                await asyncio.sleep(ready.leaves_at - left_at)
                left_at = monotonic()
            line = self._lines[ready.door]
            if line.is_silent(left_at):
                left_at = await self._sit_silence_out(line, ready)
            failpoint("call.before")
            if left_at > ready.leave_by or self._is_shut(ready):
                word = STALE if left_at > ready.leave_by else CLOSED
                result = Result(ready.outgoing.attempt_id, _ABANDONED, error_code=word)
            else:
                line.waiting += 1
                try:
                    result = await gateway.send(ready.outgoing)
                except Exception as error:  # noqa: BLE001 - an adapter's bug must not lose the message
                    result = _lost(gateway, ready, error)
                line.waiting -= 1
            self._land(ready, result, line, left_at)

    def _land(self, ready: Ready, result: Result, line: Line, left_at: float) -> None:
        failpoint("call.answered")
        self.sent += result.outcome is _ACCEPTED
        way = _way_of(ready)
        self._flying[way] = left = self._flying[way] - ready.prepared.parts
        if left <= self._awaited.get(way, -1):
            self._below.set()
        self.open_ids.discard(ready.outgoing.message_id)
        landed_at = self._clock.monotonic()
        if result.outcome is not _ABANDONED and not is_error(result):
            line.heard_at = landed_at
        self._on_answer(Answer(ready, result, self._clock.now(), landed_at - left_at))
        self._landed.set()

    async def _sit_silence_out(self, line: Line, ready: Ready) -> float:
        """Let what has its slot wait for an answer to others, as long as it may leave at all; return when that is."""
        now = self._clock.monotonic()
        while line.is_silent(now) and not ready.is_probe and now <= ready.leave_by:
            self._landed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._landed.wait(), SILENCE_LOOK_SECONDS)
            now = self._clock.monotonic()
        return now

    async def wait_below(self, way: Way, parts: int, seconds: float) -> None:
        """Wait until at most so many parts are open on a way, or the time is over; one waits at a time."""
        if self._flying[way] <= parts:
            return
        self._awaited = {way: parts}
        self._below.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._below.wait(), seconds)
        self._awaited = {}

    async def wait_for_all(self, seconds: float | None = None) -> None:
        """Wait until nothing is open, or the time is over; calls have their own timeouts."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.in_flight:
                    self._landed.clear()
                    await self._landed.wait()

    async def close(self) -> None:
        """Let the senders go; nothing is open any more."""
        tasks = [task for some in self._tasks.values() for task in some]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _way_of(ready: Ready) -> Way:
    return ready.prepared.contact.channel, ready.outgoing.sender


def _lost(gateway: Gateway, ready: Ready, error: Exception) -> Result:
    word = type(error).__name__
    log.error("dispatch.adapter_failed", provider=gateway.provider, error=word)
    return Result(ready.outgoing.attempt_id, Outcome.UNKNOWN, error_code=word)
