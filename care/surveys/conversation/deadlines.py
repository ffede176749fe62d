"""By when a customer is called back, counted in the operator's working hours."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from care.calendars.overrides import Overrides
from care.calendars.public import UnknownCountryError
from care.calendars.walltime import instant_at, load_zone
from care.calendars.workdays import is_working_day
from care.surveys.model import CaseReason

AT_ONCE: Final = timedelta(minutes=30)
"""Where somebody may be in danger, at any hour."""
_SATURDAY: Final = 5
_LONGEST_REST: Final = 40
"""Days; no calendar rests longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBack:
    """How soon a person calls: so many hours, of those in which the office works."""

    within: timedelta
    opens: time
    closes: time
    zone: str
    country: str
    overrides: Overrides | None = None

    def due_at(self, reason: CaseReason, now: datetime) -> datetime:
        """Return by when the customer is called, never in the middle of a night."""
        if reason is CaseReason.DANGER:
            return now + AT_ONCE
        left, clock = self.within, load_zone(self.zone)
        day = now.astimezone(clock).date()
        for _ in range(_LONGEST_REST):
            if self._works_on(day):
                start, end = instant_at(day, self.opens, clock), instant_at(day, self.closes, clock)
                start = max(start, now)
                if start < end:
                    if left <= end - start:
                        return start + left
                    left -= end - start
            day += timedelta(days=1)
        return now + timedelta(days=_LONGEST_REST)

    def _works_on(self, day: date) -> bool:
        """Tell whether the office is open; a country without a calendar works from Monday to Friday."""
        try:
            return is_working_day(day, self.country, self.overrides)
        except UnknownCountryError:
            return day.weekday() < _SATURDAY
