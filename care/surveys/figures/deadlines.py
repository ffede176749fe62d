"""When a ticket's deadline is over, and whether it was kept: rules without a database."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from care.base.statistics import Estimate, share
from care.calendars.walltime import instant_at, local_day
from care.surveys.figures.commitments import Commitment, Within

OWN_COLUMNS = frozenset({"opened_at", "first_response_at", "resolved_at", "reopened_at", "closed_at"})
_ENDS = frozenset({"resolved_at", "closed_at"})


class Kept(StrEnum):
    """How a deadline came out."""

    IN_TIME = "in time"
    LATE = "late"  #: done after it
    OVERDUE = "overdue"  #: not done, and it is over
    RUNNING = "running"  #: not done, and not over yet
    NOT_RECORDED = "not recorded"  #: it should have been done, but nobody wrote when


class Calendar:
    """Working days of the operator, by its clock; deadlines of a day are worked out once."""

    def __init__(self, zone: ZoneInfo, nth_working_day: Callable[[date, int], date]) -> None:
        """Keep what counts working days after a day."""
        self.zone, self._nth = zone, nth_working_day
        self._ends: dict[tuple[date, int], datetime] = {}

    def deadline(self, start: datetime, within: Within) -> datetime:
        """Return the instant by which it must be done: after the span, or at the end of the n-th working day after."""
        if within.span is not None:
            return start + within.span
        key = (local_day(start, self.zone), within.working_days)
        if key not in self._ends:
            self._ends[key] = instant_at(self._nth(*key) + timedelta(days=1), time(), self.zone)
        return self._ends[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as deadlines look at it: instants by column, words by column, the operator's own columns as text."""

    external_id: str
    instants: Mapping[str, datetime | None]
    words: Mapping[str, str | None]
    attributes: Mapping[str, Any]

    def instant(self, name: str, zone: ZoneInfo) -> datetime | None:
        """Return when something happened; a time of one's own without offset is by the operator's clock."""
        if name in OWN_COLUMNS:
            return self.instants.get(name)
        try:
            found = datetime.fromisoformat(str(self.attributes[name]).strip())
        except (KeyError, ValueError):
            return None
        return found if found.tzinfo else found.replace(tzinfo=zone)

    def is_one_of(self, wanted: Mapping[str, tuple[str, ...]]) -> bool:
        """Tell whether each named column has one of the values."""
        return all(str(self._word(name)) in values for name, values in wanted.items())

    def _word(self, name: str) -> Any:
        return self.words[name] if name in self.words else self.attributes.get(name)

    def group(self, by: str | None) -> str:
        """Return the group it counts in."""
        return (self.words.get(by) or "") if by else ""

    def number(self, name: str) -> float | None:
        """Return a number of one's own, None where there is none."""
        try:
            return float(self.attributes[name])
        except (KeyError, TypeError, ValueError):
            return None


def judge(ticket: Ticket, promise: Commitment, calendar: Calendar, now: datetime) -> tuple[datetime | None, Kept]:
    """Return when the clock started (None: not recorded) and how the deadline came out at `now`."""
    assert promise.start is not None
    assert promise.end is not None
    assert promise.within is not None
    start = ticket.instant(promise.start, calendar.zone)
    if start is None:
        return None, Kept.NOT_RECORDED
    deadline = calendar.deadline(start, promise.within)
    end = ticket.instant(promise.end, calendar.zone)
    if end is not None:
        return start, Kept.IN_TIME if end <= deadline else Kept.LATE
    if promise.end not in _ENDS and _was_resolved(ticket):
        return start, Kept.NOT_RECORDED
    return start, Kept.RUNNING if now <= deadline else Kept.OVERDUE


def _was_resolved(ticket: Ticket) -> bool:
    """Tell whether it was resolved once, so that every step before that was taken; a reopening takes back the time."""
    return any(ticket.instants.get(name) is not None for name in ("resolved_at", "reopened_at"))


@dataclass(slots=True)
class Tally:
    """Tickets of one commitment, or of one of its groups, counted by how they came out."""

    counts: Counter[Kept] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)  # ids of late and overdue tickets

    @property
    def n(self) -> int:
        """Return how many can be judged: neither running nor without record."""
        return self.in_time + self.counts[Kept.LATE] + self.counts[Kept.OVERDUE]

    @property
    def in_time(self) -> int:
        """Return how many were in time."""
        return self.counts[Kept.IN_TIME]

    @property
    def share(self) -> Estimate:
        """Return the share in time of those that can be judged."""
        return share(self.in_time, self.n)

    def add(self, ticket: Ticket, kept: Kept) -> None:
        """Count one ticket."""
        self.counts[kept] += 1
        if kept in (Kept.LATE, Kept.OVERDUE):
            self.late.append(ticket.external_id)


def tally(
    tickets: Iterable[Ticket],
    promise: Commitment,
    calendar: Calendar,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
) -> dict[str, Tally]:
    """Return the tickets whose clock started in [since, until), by group of the promise; '' holds all of them.

    Where the start is not recorded, the day of opening decides.
    """
    groups = {"": Tally()}
    for ticket in tickets:
        if not ticket.is_one_of(promise.of):
            continue
        start, kept = judge(ticket, promise, calendar, now)
        counted = start or ticket.instants.get("opened_at")
        if counted is None or not since <= counted < until:
            continue
        groups[""].add(ticket, kept)
        if promise.by:
            groups.setdefault(ticket.group(promise.by) or "not known", Tally()).add(ticket, kept)
    return groups
