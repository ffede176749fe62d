"""When a provider is closed, looked at, tried with one message and open again: pure rules over one row of the table.

A provider is `well`, `closed` (nothing goes) or on `trial` (exactly one message goes). The caller swaps the old row
for the new one only if nobody else has done so meanwhile; that alone makes one probe at a time of all processes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from care.base.vocabulary import Channel
from care.delivery.tally import Bucket, Counted, takes_nothing

ERRORS = 50
WINDOW = timedelta(seconds=60)
"""So many errors within so long close a provider …"""

LEAST_SHARE = 0.10
"""… if they are at least this share of what it answered meanwhile: at a high rate a few always go wrong."""

IN_ROW = 5
"""So many in a row with nothing accepted in between close at once: a wrong token, a relay that is down."""

SLOW_SECONDS = 5.0
SLOW_SHARE = 0.15
SLOW_WINDOW = timedelta(minutes=15)
SLOW_LEAST = 50
"""An answer is slow after so many seconds; such a share of at least so many within the window makes a slow provider."""

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(seconds=60)
TODAY_PAUSE = timedelta(minutes=30)
"""The pauses of one that has taken all it takes in a day: each look may cost a message a try."""

PROBE_LIMIT = timedelta(minutes=2)
"""A probe without an answer for so long was taken by a process that ended."""

TRIAL = 10
"""Until so many were accepted after a trial one error closes again."""

REST = timedelta(minutes=15)
STEP_EVERY = timedelta(minutes=5)
STEPS = (10, 50, 100)
"""A provider that was proven well rests, then takes these shares (percent) back from the one that stood in for it."""


class State(StrEnum):
    """How a provider stands."""

    WELL = "well"
    CLOSED = "closed"  #: nothing is offered to it
    TRIAL = "trial"  #: its check was fine; one message may go and must be accepted


class Cause(StrEnum):
    """Which rule closed it."""

    IN_ROW = "in a row"
    ERRORS = "errors"
    SLOW = "slow"
    FULL = "full"  #: it has no room for anything
    TODAY = "full today"  #: nor will it have before tomorrow
    TOLD = "full by receipt"  #: it took what it had no room for, and said so later


FULL_CAUSES = (Cause.FULL, Cause.TODAY, Cause.TOLD)


class Door(NamedTuple):
    """One provider of a channel, under one sender's name: '' is the provider's own default."""

    channel: Channel
    provider: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One row of the table. `version` grows with each change, so that two changes of the same row cannot both win."""

    state: State
    since: datetime
    why: str = ""
    cause: Cause | None = None
    in_row: int = 0
    trial_left: int = 0
    pause: timedelta = FIRST_PAUSE  # before the next look
    look_at: datetime | None = None
    probe_by: int | None = None  # whose look or message it is
    probe_at: datetime | None = None
    share: int = 100  # percent of what is due that goes here; below 100 only where another provider carries the rest
    step_at: datetime | None = None  # when it may take more back
    version: int = 0


def has_too_many_errors(newest_first: Iterable[Bucket], now: datetime) -> bool:
    """Tell whether the last fifty errors fell within a minute and were a real share of all answers meanwhile."""
    errors = answers = 0
    for bucket in newest_first:
        if bucket.at <= now - WINDOW:
            return False
        errors, answers = errors + bucket.errors, answers + bucket.answers
        if errors >= ERRORS:
            return errors >= LEAST_SHARE * answers
    return False


def is_slow(buckets: Iterable[Bucket], now: datetime) -> bool:
    """Tell whether too large a share of the answers of the last quarter of an hour came late."""
    lately = [bucket for bucket in buckets if bucket.at > now - SLOW_WINDOW]
    answers = sum(bucket.answers for bucket in lately)
    return answers >= SLOW_LEAST and sum(bucket.slow for bucket in lately) >= SLOW_SHARE * answers


def learn(
    health: Health, seen: Counted, newest_first: Iterable[Bucket], *, now: datetime, another_is_well: bool
) -> Health:
    """Return the row after what one process has seen; the same row where nothing follows.

    Slowness closes only where another provider is well: to wait would be slower still.
    """
    if health.state is State.CLOSED:
        return _after_all(health, seen, now)
    if health.state is State.TRIAL:
        return health
    in_row = seen.in_row if seen.accepted else health.in_row + seen.in_row
    if in_row >= IN_ROW or (health.trial_left and seen.errors):
        return closed(health, Cause.IN_ROW, seen.why or health.why, now)
    since = health.since if health.since <= now else now - SLOW_WINDOW  # the clock was set back
    buckets = [bucket for bucket in newest_first if bucket.at >= since]
    if trouble := _trouble(seen, buckets, now, another_is_well=another_is_well):
        return closed(health, *trouble, now)
    return _counted(health, in_row, seen.accepted)


def _trouble(
    seen: Counted, buckets: Sequence[Bucket], now: datetime, *, another_is_well: bool
) -> tuple[Cause, str] | None:
    """Return which rule over the answers of all processes closes a provider, and why."""
    if seen.errors and has_too_many_errors(buckets, now):
        return Cause.ERRORS, seen.why
    if seen.slow and another_is_well and is_slow(buckets, now):
        return Cause.SLOW, f"answers take longer than {SLOW_SECONDS:.0f} s"
    if seen.no_room and takes_nothing(buckets, now):
        return (Cause.TODAY if seen.is_for_today else Cause.FULL), seen.no_room_why
    return None


def _counted(health: Health, in_row: int, accepted: int) -> Health:
    left = max(0, health.trial_left - accepted)
    if (in_row, left) == (health.in_row, health.trial_left):
        return health
    return replace(health, in_row=in_row, trial_left=left, pause=health.pause if left else FIRST_PAUSE)


def _after_all(health: Health, seen: Counted, now: datetime) -> Health:
    """Five errors in a row are a guess, and so is that there is no room: one message that is accepted refutes it."""
    is_a_guess = health.cause in (Cause.FULL, Cause.TODAY) or (health.cause is Cause.IN_ROW and not seen.in_row)
    return proven(health, now) if is_a_guess and seen.accepted else health


def closed(health: Health, cause: Cause, why: str, now: datetime) -> Health:
    """Return the row of a provider that is offered nothing from now on."""
    again = health.trial_left > 0  # what its trial promised did not hold
    pause = longer(health.pause, cause) if again or cause is Cause.TODAY else FIRST_PAUSE
    return replace(
        health,
        state=State.CLOSED,
        since=now,
        why=why,
        cause=cause,
        in_row=0,
        trial_left=0,
        pause=pause,
        look_at=now + pause,
        probe_by=None,
        probe_at=None,
        share=0,
        step_at=None,
    )


def longer(pause: timedelta, cause: Cause | None) -> timedelta:
    """Return the pause after a look that brought nothing."""
    return TODAY_PAUSE if cause is Cause.TODAY else pause if cause is Cause.TOLD else min(pause * 2, LONGEST_PAUSE)


def may_look(health: Health, now: datetime) -> bool:
    """Tell whether it is time to look after a closed provider; a time far ahead is of a clock that was set back."""
    if health.state is not State.CLOSED or health.look_at is None:
        return False
    longest = TODAY_PAUSE if health.cause in (Cause.TODAY, Cause.TOLD) else LONGEST_PAUSE
    return health.look_at <= now or health.look_at > now + 2 * longest


def looking(health: Health, by: int, now: datetime) -> Health:
    """Return the row while `by` asks the provider's front door; nobody else does before the pause is over."""
    pause = longer(health.pause, health.cause)
    return replace(health, probe_by=by, probe_at=now, look_at=now + health.pause, pause=pause)


def look_soon(health: Health, now: datetime) -> Health:
    """Return the row for a process that has just begun: settings may have been mended; never sooner than allowed.

    What is full for today is not so for our settings, and each look may cost a message a try.
    """
    if health.state is not State.CLOSED or health.look_at is None or health.cause in (Cause.TODAY, Cause.TOLD):
        return health
    last = health.probe_at or health.since
    soon = max(now, last + FIRST_PAUSE) if last <= now else now
    return replace(health, look_at=soon, pause=FIRST_PAUSE) if soon < health.look_at else health


def looked_well(health: Health) -> Health:
    """Return the row after a check that found nothing wrong: one message may go."""
    return replace(health, state=State.TRIAL, probe_by=None, probe_at=None)


def is_free(health: Health) -> bool:
    """Tell whether the one message of a trial may still be chosen."""
    return health.state is State.TRIAL and health.probe_by is None


def probing(health: Health, by: int, now: datetime) -> Health:
    """Return the row while the one message of `by` is on its way."""
    return replace(health, probe_by=by, probe_at=now)


def probe_unused(health: Health) -> Health:
    """Return the row after the message of a trial did not leave."""
    return replace(health, probe_by=None, probe_at=None) if health.state is State.TRIAL else health


def is_forgotten(health: Health, now: datetime) -> bool:
    """Tell whether the process that took the trial's message has ended with it."""
    return (
        health.state is State.TRIAL and health.probe_at is not None and not (now - PROBE_LIMIT < health.probe_at <= now)
    )


def proven(health: Health, now: datetime) -> Health:
    """Return the row after a message was accepted; what it takes back from another provider it takes later."""
    return replace(
        health,
        state=State.WELL,
        since=now,
        why="",
        cause=None,
        in_row=0,
        trial_left=TRIAL,
        look_at=None,
        probe_by=None,
        probe_at=None,
        share=0,
        step_at=now + REST,
    )


def failed_again(health: Health, why: str, now: datetime, *, is_for_today: bool = False) -> Health:
    """Return the row after the message of a trial was not accepted; `since` still tells when it closed first."""
    probe_at = health.probe_at or now
    cause, pause = (Cause.TODAY, TODAY_PAUSE) if is_for_today else (health.cause, health.pause)
    return replace(
        health,
        state=State.CLOSED,
        why=why or health.why,
        cause=cause,
        pause=pause,
        look_at=max(now, probe_at + pause),
        probe_by=None,
        probe_at=probe_at,
    )


def came_back(health: Health) -> bool:
    """Tell whether a provider that is well was closed or away before, as far as its row still shows."""
    return health.share < STEPS[-1] or health.trial_left > 0


def rested(health: Health) -> Health:
    """Return the row of a provider that carries everything, as nobody else can: there is nothing to take back."""
    return replace(health, share=STEPS[-1], step_at=None) if health.state is State.WELL else health


def settled(health: Health, *, is_away: bool, now: datetime) -> Health:
    """Return the row after a look at the clock: a provider that came back takes its share step by step.

    `is_away` says that it is being maintained.
    """
    if is_away:
        return health if (health.share, health.step_at) == (0, None) else replace(health, share=0, step_at=None)
    if health.state is not State.WELL or health.share == STEPS[-1]:
        return health
    if health.step_at is not None and now < health.step_at <= now + REST:
        return health
    share = next(step for step in STEPS if step > health.share)
    return replace(health, share=share, step_at=None if share == STEPS[-1] else now + STEP_EVERY)
