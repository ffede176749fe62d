"""The ticket system's own list against what we were told: whoever is missing here was never asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CLOCKS_DIFFER = timedelta(minutes=1)


class Gap(StrEnum):
    """What is wrong with one ticket of the list."""

    NEVER_HEARD = "never_heard"  #: nobody told us of this ticket
    OPEN_HERE = "open_here"  #: we hold it as open
    RESOLVED_AGAIN = "resolved_again"  #: it was resolved later than the last time we heard of


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a ticket stands here."""

    resolved_at: datetime | None  # None: it is open
    last_resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The list against our tickets."""

    listed: int
    same: int
    gaps: Mapping[Gap, Mapping[str, datetime | None]]
    only_here: tuple[str, ...]

    @property
    def has_gap(self) -> bool:
        """Tell whether somebody may have been forgotten."""
        return any(self.gaps.values())


def compare(
    listed: Mapping[str, datetime | None], known: Mapping[str, Stand], *, ours: Iterable[str], since: datetime | None
) -> Comparison:
    """Compare the list with our tickets; `ours` are those that we hold as resolved in the time the list is of.

    Tickets that the list names as resolved before `since` are passed over.
    """
    wanted = {name: at for name, at in listed.items() if since is None or at is None or at >= since}
    gaps: dict[Gap, dict[str, datetime | None]] = {gap: {} for gap in Gap}
    for name, at in wanted.items():
        gap = _gap(at, known.get(name))
        if gap is not None:
            gaps[gap][name] = at
    same = len(wanted) - sum(map(len, gaps.values()))
    return Comparison(listed=len(wanted), same=same, gaps=gaps, only_here=tuple(sorted(set(ours) - set(listed))))


def _gap(at: datetime | None, stand: Stand | None) -> Gap | None:
    if stand is None:
        return Gap.NEVER_HEARD
    last = stand.last_resolved_at
    if last is None or (stand.resolved_at is None and (at is None or at > last + CLOCKS_DIFFER)):
        return Gap.OPEN_HERE
    return Gap.RESOLVED_AGAIN if at is not None and at > last + CLOCKS_DIFFER else None
