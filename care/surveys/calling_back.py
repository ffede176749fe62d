"""By when an unsatisfied customer is called: pure rules on the operator's working hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from care.calendars.overrides import Overrides
from care.calendars.walltime import instant_at
from care.calendars.workdays import is_worked
from care.surveys.model import CaseReason

_LONGEST_PAUSE = 400
"""Days without work that are looked through; a calendar with more is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """When people call: from `opens` to `closes` on the working days of `country`, by the clock of `zone`."""

    country: str
    zone: ZoneInfo
    opens: time
    closes: time
    overrides: Overrides | None = None

    def stretches(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield each working stretch that ends after an instant, the first one cut at that instant."""
        today = since.astimezone(self.zone).date()
        for day in (today + timedelta(days=n) for n in range(_LONGEST_PAUSE)):
            if is_worked(day, self.country, self.overrides):
                opens, closes = (instant_at(day, at, self.zone) for at in (self.opens, self.closes))
                if closes > since:
                    yield max(opens, since), closes


def call_back_by(now: datetime, hours: WorkingHours, within: timedelta, reason: CaseReason) -> datetime:
    """Return by when to call: at once for danger, else after so much working time.

    A deadline that would fall on the first moment of a working day is the last of the day before.
    """
    if reason is CaseReason.DANGER:
        return now
    left = within
    for begins, ends in hours.stretches(now):
        if ends - begins >= left:
            return begins + left
        left -= ends - begins
    return now + within  # nobody works at all


def working_moment(not_before: datetime, hours: WorkingHours) -> datetime:
    """Return the first instant from which somebody works."""
    return next((begins for begins, _ in hours.stretches(not_before)), not_before)
