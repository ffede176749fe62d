"""Holds what is due for a closed channel, looks whether the provider takes messages again, and wakes what was held."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import write
from care.base.vocabulary import Channel
from care.delivery.closures import TRIAL, Closures, closed_reason
from care.delivery.intent import move_by_verdict
from care.delivery.model import Prepared, Verdict
from care.delivery.record import OUR_FAULT, Answer
from care.delivery.routes import Routes
from care.messages.model import Outcome
from care.messages.waking import wake_waiting

log = structlog.get_logger()


class Doorkeeper:
    """Stands between what is due and the channels of one dispatcher."""

    def __init__(self, engine: sa.Engine, clock: Clock, routes: Routes, senders: Mapping[str, str]) -> None:
        """`senders` names the sender of each purpose that has one of its own."""
        self._engine, self._clock, self._routes, self._senders = engine, clock, routes, senders
        self._closures = Closures(clock.monotonic)
        self._looks: set[asyncio.Task[None]] = set()

    def begin(self, conn: sa.Connection) -> None:
        """Try a few of what an earlier process left held: settings may have been mended meanwhile."""
        for channel in self._routes.channels:
            if self._wake(conn, channel, TRIAL):
                self._closures.doubt(channel, {"", *self._senders.values()})

    def note(self, answer: Answer) -> None:
        """Learn from one answer; what was given up before it left tells nothing of the provider."""
        if answer.result.outcome is Outcome.ABANDONED:
            return
        self._closures.note(answer.ready.prepared.contact.channel, answer.ready.outgoing.sender, answer.result)

    def verdict(self, prepared: Prepared) -> Verdict | None:
        """Return how a message waits for its closed channel; None: it may go."""
        sender = self._senders.get(prepared.message.purpose, "")
        return self._closures.verdict(prepared, sender, self._clock.now())

    def hold(self, waiting: Sequence[Prepared], *, owner: int) -> deque[Prepared]:
        """Put back what was claimed for a channel that has closed since; return the rest."""
        verdicts, rest = dict[Verdict, list[int]](), deque[Prepared]()
        for prepared in waiting:
            verdict = self.verdict(prepared)
            if verdict is None:
                rest.append(prepared)
            else:
                verdicts.setdefault(verdict, []).append(prepared.message.id)
        with write(self._engine) as conn:
            move_by_verdict(conn, verdicts, now=self._clock.now(), owner=owner)
        return rest

    def look_around(self) -> None:
        """Ask after closed channels whose pause is over, beside the sending. Call from the event loop."""
        for channel in self._closures.to_look_at():
            task = asyncio.create_task(self._look(channel))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    async def _look(self, channel: Channel) -> None:
        problem = await self._routes.primary(channel).check()
        self._closures.looked(channel, problem)

    @property
    def has_news(self) -> bool:
        """Tell whether `wake` has something to do."""
        return bool(self._closures.opened)

    def wake(self) -> None:
        """Let go what is held for channels that opened: a few after a check, all after something was accepted."""
        for channel, is_proven in self._closures.opened.copy().items():
            with write(self._engine) as conn:
                self._wake(conn, channel, None if is_proven else TRIAL)
            self._closures.told(channel, is_proven=is_proven)

    def _wake(self, conn: sa.Connection, channel: Channel, limit: int | None) -> int:
        held_for, now = closed_reason(channel), self._clock.now()
        return wake_waiting(conn, channel=channel, held_for=held_for, refused_for=OUR_FAULT, now=now, limit=limit)

    async def close(self) -> None:
        """End what still looks."""
        for task in self._looks:
            task.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)
