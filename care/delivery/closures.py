"""A provider that takes nothing is not offered more: its channel is closed until something goes through again.

A wrong token or a relay that is down would otherwise use up every message's tries, and a provider that answers
nothing would leave them all in doubt. What is due meanwhile is held, named, and woken when the channel opens.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from care.base.vocabulary import Channel
from care.delivery.channels.base import Result
from care.delivery.model import Prepared, Verdict
from care.messages.model import MessageStatus, Outcome

FAILURES = 5
"""So many in a row close a channel: not one refused recipient, not one lost answer."""

FIRST_LOOK_SECONDS = 1.0
LONGEST_LOOK_SECONDS = 60.0
HOLD = timedelta(minutes=30)
LAST_TRY = timedelta(minutes=10)
"""So long before its time is over a held message is tried all the same: another channel may still reach."""

TRIAL = 10
"""Held messages that are woken to see whether an opened channel holds what its check promised."""

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class _Door:
    """One channel under one sender's name, as this process has seen it."""

    failures: int = 0  # in a row
    closed: str = ""  # why, '' while open
    has_proof: bool = True  # False: opened after a check only, nothing was taken since
    pause_seconds: float = FIRST_LOOK_SECONDS
    look_at: float = 0.0  # monotonic
    is_told: bool = False  # the log has what to do about it


class Closures:
    """Which channels are closed, by channel and sender; `monotonic` returns seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with everything open."""
        self._monotonic = monotonic
        self._doors: dict[tuple[Channel, str], _Door] = {}
        self.opened: dict[Channel, bool] = {}  # that open again, and whether something was accepted since

    def note(self, channel: Channel, sender: str, result: Result) -> None:
        """Learn from one answer: five failures in a row close, one is enough while there is no proof; a yes opens."""
        door = self._doors.get((channel, sender))
        if door is None:
            door = self._doors[channel, sender] = _Door()
        if result.outcome is Outcome.ACCEPTED:
            self._prove(channel, door)
        elif result.outcome is Outcome.UNKNOWN or (result.rule is not None and result.rule.is_about_us):
            door.failures += 1
            if not door.closed and (door.failures >= FAILURES or not door.has_proof):
                self._close(channel, door, result.rule.meaning if result.rule else result.error_code)
        elif not door.closed:
            door.failures = 0  # refused for the message's own sake: the provider is well

    def _prove(self, channel: Channel, door: _Door) -> None:
        if door.closed:
            log.info("channel.opened", channel=str(channel))
        if door.closed or not door.has_proof:
            self.opened[channel] = True
            door.closed, door.has_proof, door.is_told = "", True, False
            door.pause_seconds = FIRST_LOOK_SECONDS
        door.failures = 0

    def _close(self, channel: Channel, door: _Door, why: str) -> None:
        door.closed, door.has_proof = why, False
        door.look_at = self._monotonic() + door.pause_seconds
        door.pause_seconds = min(door.pause_seconds * 2, LONGEST_LOOK_SECONDS)
        log.error("channel.closed", channel=str(channel), problem=why)

    def doubt(self, channel: Channel, senders: Collection[str]) -> None:
        """Say that an earlier process left messages held: only something accepted proves the channel now."""
        self._doors |= {(channel, sender): _Door(has_proof=False) for sender in senders}

    def verdict(self, prepared: Prepared, sender: str, now: datetime) -> Verdict | None:
        """Return how a message waits while its channel is closed; None: it may go, or it is its last chance."""
        door = self._doors.get((prepared.contact.channel, sender))
        if door is None or not door.closed:
            return None
        wake_at = min(now + HOLD, prepared.message.use_by - LAST_TRY)
        if wake_at <= now:
            return None
        reason = closed_reason(prepared.contact.channel) + door.closed
        return Verdict(status=MessageStatus.HELD, reason=reason, wake_at=wake_at)

    def to_look_at(self) -> set[Channel]:
        """Return closed channels that should be looked at now; each is named once per pause."""
        now, found = self._monotonic(), set()
        for (channel, _), door in self._doors.items():
            if door.closed and door.look_at <= now:
                door.look_at = now + door.pause_seconds
                door.pause_seconds = min(door.pause_seconds * 2, LONGEST_LOOK_SECONDS)
                found.add(channel)
        return found

    def looked(self, channel: Channel, problem: str) -> None:
        """Take what a check of the provider said; '' opens for a trial."""
        for (one, _), door in self._doors.items():
            if one is not channel or not door.closed:
                continue
            if not problem:
                door.closed, door.failures = "", 0
                self.opened.setdefault(channel, False)
            elif not door.is_told:
                door.is_told = True
                log.error("channel.out_of_order", channel=str(channel), problem=problem)

    def told(self, channel: Channel, *, is_proven: bool) -> None:
        """Say that what was held for an opened channel has been woken."""
        if self.opened.get(channel) == is_proven:
            del self.opened[channel]


def closed_reason(channel: Channel) -> str:
    """Return how the reason of everything held for a closed channel begins."""
    return f"channel_closed:{channel}: "
