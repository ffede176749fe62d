"""Satisfaction over time: points with control limits, and whether the last stretch fell by more than chance."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from care.base.statistics import ENOUGH, Difference, Limits, control_limits, difference
from care.surveys.figures.ballot import Ballot

RECENT = timedelta(days=28)
BEFORE = timedelta(days=84)
ALPHA = 0.01
"""The alarm looks again every day, so that it asks for more than the usual 5%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One week or month. `limits` are drawn around the mean of all points, for as many answers as this one has."""

    first: date
    ballot: Ballot
    limits: Limits | None

    @property
    def is_out(self) -> bool:
        """Tell whether it lies beyond the limits: something was different then."""
        if self.limits is None:
            return False
        value = self.ballot.satisfied / self.ballot.n
        return not self.limits.low <= value <= self.limits.high


def by_week(days: Mapping[date, Ballot]) -> list[Point]:
    """Return one point per week that has answers, Mondays in order."""
    return _points(days, lambda day: day - timedelta(days=day.weekday()))


def by_month(days: Mapping[date, Ballot]) -> list[Point]:
    """Return one point per month that has answers, months in order."""
    return _points(days, lambda day: day.replace(day=1))


def _points(days: Mapping[date, Ballot], first_of: Callable[[date], date]) -> list[Point]:
    gathered: dict[date, Ballot] = {}
    for day, ballot in days.items():
        first = first_of(day)
        gathered[first] = gathered.get(first, Ballot()) + ballot
    hits = sum(ballot.satisfied for ballot in gathered.values())
    n = sum(ballot.n for ballot in gathered.values())
    return [
        Point(first=first, ballot=gathered[first], limits=control_limits(hits, n, gathered[first].n))
        for first in sorted(gathered)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Two stretches of time, earlier and later, and how their satisfaction differs."""

    earlier: Ballot
    later: Ballot
    least: int = ENOUGH

    @property
    def difference(self) -> Difference | None:
        """Return later minus earlier, None where either side has too few answers."""
        if min(self.earlier.n, self.later.n) < self.least:
            return None
        return difference((self.earlier.satisfied, self.earlier.n), (self.later.satisfied, self.later.n))

    def is_drop(self, alpha: float = ALPHA) -> bool:
        """Tell whether satisfaction fell by more than chance."""
        found = self.difference
        return found is not None and found.value < 0 and found.is_significant(alpha)

    @property
    def words(self) -> str:
        """Return what happened in one sentence."""
        found = self.difference
        if found is None:
            few = min((self.earlier.n, "before"), (self.later.n, "after"))
            return f"not enough data to compare ({few[0]} answers {few[1]}, {self.least} needed on each side)"
        earlier, later = self.earlier.satisfaction(), self.later.satisfaction()
        if not found.is_significant():
            verdict = "no more than chance"
        else:
            verdict = "a significant rise" if found.value > 0 else "a significant drop"
        return (
            f"{percent(earlier.value)} of {earlier.n:,}, then {percent(later.value)} of {later.n:,}: {verdict} "
            f"({100 * found.value:+.1f} points, {100 * found.low:+.1f} to {100 * found.high:+.1f})"
        )


def latest_change(days: Mapping[date, Ballot], today: date, *, least: int = ENOUGH) -> Change:
    """Return the last four weeks against the twelve before; today is not over and does not count."""
    turn = today - RECENT
    later = _sum(ballot for day, ballot in days.items() if turn <= day < today)
    earlier = _sum(ballot for day, ballot in days.items() if turn - BEFORE <= day < turn)
    return Change(earlier=earlier, later=later, least=least)


def percent(share: float | None) -> str:
    """Return a share as people read it."""
    return "–" if share is None else f"{100 * share:.1f}%"


def _sum(ballots: Iterable[Ballot]) -> Ballot:
    total = Ballot()
    for ballot in ballots:
        total += ballot
    return total
