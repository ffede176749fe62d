"""The life of a message after it was accepted: queued, sending, sent, delivered or not."""

import asyncio
from collections.abc import Callable

from care.base.clock import Clock
from care.campaigns.sms_parts import count_parts
from care.simulators.twilio.catalogue import FAILURES
from care.simulators.twilio.faults import Faults
from care.simulators.twilio.model import Record, Settings
from care.simulators.twilio.notifier import Notifier
from care.simulators.twilio.numbers import POOL_NUMBER, failure_of, is_never_confirmed


class Carrier:
    """Moves messages on, one status every `callback_delay`, and has each step reported."""

    def __init__(self, settings: Settings, clock: Clock, notifier: Notifier, faults: Callable[[], Faults]) -> None:
        """`faults` returns the script in force."""
        self._settings, self._clock, self._notifier, self._faults = settings, clock, notifier, faults
        self.moving = 0  # messages between being queued and their last status
        self._free_at: dict[str, float] = {}  # sender -> loop time at which its queue is empty

    def take(self, record: Record) -> None:
        """Start the life of an accepted message; must be called inside the event loop."""
        record.failure = self._faults().next_outcome() or failure_of(record.to)
        if record.send_at is None:
            self._begin(record)
        else:
            wait = (record.send_at - self._clock.now()).total_seconds()
            asyncio.get_running_loop().call_later(wait, self._begin, record)

    def _begin(self, record: Record) -> None:
        """Queue the message at its sender."""
        if record.is_finished:  # a scheduled message that was canceled
            return
        self.moving += 1
        wait = self._queue_seconds(record)
        if wait > record.validity_seconds:
            record.failure, wait = FAILURES[30036], record.validity_seconds
        steps = _steps(record)
        delay = self._settings.callback_delay
        loop = asyncio.get_running_loop()
        if not self._settings.callbacks:
            loop.call_later(wait + delay * len(steps), self._finish, record, steps)
        elif record.service:
            loop.call_later(delay, self._advance, record, steps, 0, wait)
        else:
            loop.call_later(wait + delay, self._advance, record, steps, 0, 0.0)

    def _queue_seconds(self, record: Record) -> float:
        """Return how long the sender's queue keeps this message back."""
        rate = self._settings.parts_per_second
        if rate is None:
            return 0.0
        now = asyncio.get_running_loop().time()
        sender = record.service or record.sender or ""
        free_at = max(self._free_at.get(sender, now), now)
        self._free_at[sender] = free_at + _parts(record) / rate
        return free_at - now

    def _advance(self, record: Record, steps: list[str], index: int, wait: float) -> None:
        """Take one step and plan the next; `wait` is spent once, after the first."""
        self._step(record, steps[index])
        is_last = index + 1 == len(steps)
        self._notifier.notify(record, is_last=is_last, now=self._clock.now())
        if is_last:
            self.moving -= 1
        else:
            delay = self._settings.callback_delay + wait
            asyncio.get_running_loop().call_later(delay, self._advance, record, steps, index + 1, 0.0)

    def _finish(self, record: Record, steps: list[str]) -> None:
        for status in steps:
            self._step(record, status)
        self.moving -= 1

    def _step(self, record: Record, status: str) -> None:
        record.status, record.updated_at = status, self._clock.now()
        if record.sender is None:
            record.sender = self._settings.services.get(record.service or "", POOL_NUMBER)
        if record.segments == 0:
            record.segments = _parts(record)
        if status == "sent":
            record.sent_at = record.updated_at


def _parts(record: Record) -> int:
    return count_parts(record.body).parts if record.body else 1


def _steps(record: Record) -> list[str]:
    """Return the statuses still to come."""
    steps = ["queued"] if record.service else []
    if record.failure and record.failure.status == "failed":
        return [*steps, "failed"]
    steps += ["sending", "sent"]
    if is_never_confirmed(record.to):
        return steps
    return [*steps, record.failure.status if record.failure else "delivered"]
