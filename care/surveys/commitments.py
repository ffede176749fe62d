"""What was promised about following up, and the moment at which a customer is asked. Pure rules.

A promise counts from an instant: the resolution, or the customer's first call. The moment lies in the contact hours of
the customer; where these would break the deadline it is the last allowed moment before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from care.calendars.overrides import Overrides
from care.calendars.walltime import instant_at, load_zone
from care.calendars.workdays import nth_worked_day
from care.policy.model import Windows
from care.policy.windows import NeverOpensError, closes_at, next_open

SPREAD = timedelta(minutes=30)
"""Over how much open time those are asked who could all be asked at the same minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The operator's own clock: where working days are counted, and when one is over."""

    zone: str
    country: str
    closes: time = time(18)
    overrides: Overrides | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One commitment: hours after an instant, or the close of the n-th working day after it."""

    name: str
    within: timedelta | None = None
    working_days: int = 0
    source: str = ""  # where it is written

    def deadline(self, since: datetime, office: Office) -> datetime:
        """Return the instant (aware) by which it has to be kept."""
        if self.within is not None:
            return since + self.within
        zone = load_zone(office.zone)
        day = nth_worked_day(since.astimezone(zone).date(), self.working_days, office.country, office.overrides)
        return instant_at(day, office.closes, zone)

    def describe(self) -> str:
        """Return the promise in plain words: 'within 72 hours', 'by the close of the next working day'."""
        if self.within is not None:
            hours = self.within / timedelta(hours=1)
            return f"within {hours:g} hours"
        return f"by the close of {'the next' if self.working_days == 1 else self.working_days} working day" + (
            "" if self.working_days == 1 else "s"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waking:
    """When a customer may be asked: contact hours, and every zone the customer may be in."""

    windows: Windows
    zones: tuple[str, ...]


class Place(StrEnum):
    """How a moment lies to what was wished and promised."""

    IN_TIME = "in_time"
    EARLY = "early"  #: before the usual delay, as contact hours close until after the deadline
    LATE = "late"  #: no minute before the deadline is allowed
    NEVER = "never"  #: no minute is allowed at all: a person has to call


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When to ask, aware UTC; None where no hour of the next two months is allowed."""

    at: datetime | None
    place: Place


def choose_moment(
    *,
    not_before: datetime,
    earliest: datetime,
    deadline: datetime,
    waking: Waking,
    position: float,
    over: timedelta = SPREAD,
) -> Moment:
    """Return when to ask: as soon as allowed after `earliest`, at the household's own place in the next open time.

    `position` is the household's lot, 0.0 up to but without 1.0; `over` how much open time the lots lie over.
    `not_before` is the first instant at which it is possible at all: now.
    """
    in_time = _stretches(waking, earliest, deadline, enough=over)
    if in_time:
        return Moment(at=_placed(in_time, position, over), place=Place.IN_TIME)
    before = _stretches(waking, not_before, min(deadline, earliest), enough=None)
    if before:
        return Moment(at=_placed(_tail(before, over), position, over), place=Place.EARLY)
    try:
        opens = next_open(waking.windows, waking.zones, max(earliest, deadline))
    except NeverOpensError:
        return Moment(at=None, place=Place.NEVER)
    after = _stretches(waking, opens, opens + timedelta(days=1), enough=over)
    return Moment(at=_placed(after, position, over), place=Place.LATE)


def another_hour(after: datetime, *, invited_at: datetime, waking: Waking, position: float) -> datetime | None:
    """Return when to remind: in the first open time after `after` that is not the hour of the invitation.

    None where nothing is open.
    """
    zone = load_zone(waking.zones[0])
    at = after
    if at.astimezone(zone).hour == invited_at.astimezone(zone).hour:
        at += timedelta(hours=1)
    moment = choose_moment(
        not_before=at, earliest=at, deadline=at + timedelta(days=3), waking=waking, position=position
    )
    if moment.at is None or moment.at.astimezone(zone).hour != invited_at.astimezone(zone).hour:
        return moment.at
    later = choose_moment(
        not_before=at,
        earliest=moment.at + timedelta(hours=1),
        deadline=moment.at + timedelta(days=3),
        waking=waking,
        position=position,
    )
    return later.at


Stretch = tuple[datetime, datetime]


def _stretches(waking: Waking, start: datetime, end: datetime, *, enough: timedelta | None) -> list[Stretch]:
    """Return the open time from `start` until before `end`; no more of it than `enough`."""
    found: list[Stretch] = []
    total = timedelta(0)
    for opens, closes in _open_times(waking, start, end):
        found.append((opens, closes))
        total += closes - opens
        if enough is not None and total >= enough:
            break
    return found


def _open_times(waking: Waking, start: datetime, end: datetime) -> Iterator[Stretch]:
    at = start
    while at < end:
        try:
            opens = next_open(waking.windows, waking.zones, at)
        except NeverOpensError:
            return
        if opens >= end:
            return
        closes = closes_at(waking.windows, waking.zones, opens) or end
        yield opens, min(closes, end)
        at = closes


def _tail(stretches: Sequence[Stretch], over: timedelta) -> list[Stretch]:
    """Return the last part of open time, `over` long or less."""
    found: list[Stretch] = []
    left = over
    for opens, closes in reversed(stretches):
        if left <= timedelta(0):
            break
        begin = max(opens, closes - left)
        found.insert(0, (begin, closes))
        left -= closes - begin
    return found


def _placed(stretches: Sequence[Stretch], position: float, over: timedelta) -> datetime:
    total = sum((closes - opens for opens, closes in stretches), timedelta(0))
    into = min(total, over) * position
    for opens, closes in stretches:
        if into < closes - opens:
            return opens + into
        into -= closes - opens
    return stretches[-1][1] - timedelta(microseconds=1)
