"""What follows a failure: pure rules, the order of the lines is the policy."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from care.base.vocabulary import Channel, Purpose
from care.delivery.channels.base import ErrorRule, Retry

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=30)
SHORTEST_WAIT = timedelta(seconds=15)
"""Between tries that come closer as the time runs out: what is left is shared out among several."""
MAX_ATTEMPTS = 8
KEPT = 2
"""So many of them are kept for each channel that is left: a mail server may want a second try."""
UNBOUNDED = (Purpose.EMERGENCY, Purpose.REPLY)
"""Whose further tries stand behind nobody: an outage cannot wait, and of answers there are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try again at an instant; `other_channel` when this channel is spent."""

    at: datetime
    other_channel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """No further try; `expired` when only time ran out."""

    expired: bool
    reason: str


def wait_before(attempts: int, dice: random.Random) -> timedelta:
    """Return a wait with full jitter: anything from nothing to 30 s · 2^(attempts-1), at most 30 min."""
    ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 16))
    return timedelta(seconds=dice.uniform(0, ceiling.total_seconds()))


def most_tries(channels_left: Sequence[Channel]) -> int:
    """Return after how many tries a message goes on by the next of the channels left, or ends where none is."""
    return MAX_ATTEMPTS - KEPT * len(channels_left)


def is_budgeted(rule: ErrorRule, purpose: Purpose) -> bool:
    """Tell whether another try has to fit into the share of the pace that tries may take.

    What is our own fault has it not: the channel closes after a few, and they leave at its pace when it opens.
    """
    return purpose not in UNBOUNDED and may_queue(rule)


def may_queue(rule: ErrorRule) -> bool:
    """Tell whether what follows from it, for some purpose, stands behind others."""
    return not rule.is_about_us and not rule.is_permanent


TRIES = {Retry.ONCE: 2, Retry.FEW: 4}
"""How often a channel is tried in all while its phone is off, or its mailbox full: asking again soon tells nothing."""

_WIDE = {Retry.ONCE: timedelta(hours=2), Retry.FEW: timedelta(minutes=15)}
"""The first of the waits that lie far apart."""

_AT_LEAST = {
    Retry.NOW: timedelta(0),
    Retry.LATER: timedelta(minutes=2),
    Retry.AFTER_30_MIN: timedelta(minutes=30),
    Retry.NEXT_DAY: timedelta(hours=12),
}


def after_failure(
    rule: ErrorRule,
    *,
    attempts: int,
    channels_left: tuple[Channel, ...],
    now: datetime,
    use_by: datetime,
    dice: random.Random,
    asked_wait: timedelta = timedelta(0),
    queued: timedelta = timedelta(0),
    alike: int = 1,
) -> Again | GiveUp:
    """Decide after a refused or undelivered attempt. What is our own fault never uses a message up: only time does.

    `channels_left` are those not yet spent, without the failed one;
    `asked_wait` is what the provider asked for, kept as far as there is time;
    `queued` is how long it stands behind others that wait for another try: the wait begins after it;
    `alike` is how many tries on this channel failed in the same way, this one among them.
    A wait that would outlast `use_by` is drawn anew from what is left, unless another channel can use the time better.
    """
    word = str(rule.error_class)
    if now >= use_by:
        channels_left = ()  # too late for any
    is_over = attempts >= most_tries(channels_left) and not rule.is_about_us
    is_spent = alike >= TRIES.get(rule.retry, MAX_ATTEMPTS)
    if rule.is_permanent or is_spent or is_over:
        if channels_left and rule.retry is not Retry.NEVER:
            return Again(at=now, other_channel=True)
        tried = f"gave up after {attempts if is_over else alike} tries: {word}"
        return GiveUp(expired=False, reason=word if rule.is_permanent else tried)
    least = max(least_wait(rule.retry), SHORTEST_WAIT)  # not what was asked for: another account may have room
    wait = _wait(rule.retry, attempts=attempts, alike=alike, left=use_by - now, dice=dice)
    at = now + max(asked_wait, wait) + queued
    if rule.retry is Retry.NEXT_DAY and not channels_left:
        soon = max((use_by - now) * 2 / 3, _AT_LEAST[Retry.LATER])
        at = min(at, now + soon)  # another account may have room for it, or this one again
    if at >= use_by and not channels_left:
        at = _in_what_is_left(now + least + queued, use_by, dice)
    if at < use_by:
        return Again(at=at)
    if channels_left:
        return Again(at=now, other_channel=True)
    return GiveUp(expired=True, reason=f"no time left after {word}")


def _in_what_is_left(soonest: datetime, use_by: datetime, dice: random.Random) -> datetime:
    """Return an instant in the first two thirds between, `soonest` where nothing is left."""
    return soonest + max(timedelta(0), use_by - soonest) * dice.uniform(0, 2 / 3)


def _wait(retry: Retry, *, attempts: int, alike: int, left: timedelta, dice: random.Random) -> timedelta:
    if retry in _WIDE:
        return wide_wait(_WIDE[retry], alike, left, dice)
    return least_wait(retry) + wait_before(attempts, dice)


def least_wait(retry: Retry) -> timedelta:
    """Return what a class waits in any case."""
    return _AT_LEAST.get(retry, _AT_LEAST[Retry.LATER])


def wide_wait(first: timedelta, alike: int, left: timedelta, dice: random.Random) -> timedelta:
    """Return a wait from first · 4^(alike-1) to twice that, shortened to two thirds of the time `left` at most."""
    least = max(timedelta(0), min(first * 4.0 ** min(alike - 1, 16), left / 3))
    return least + timedelta(seconds=dice.uniform(0, least.total_seconds()))
