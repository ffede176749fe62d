"""Working days per country: public holidays, weekly rest days, make-up days, and what a file adds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from care.calendars.overrides import Overrides, shipped_overrides
from care.calendars.public import (
    UnknownCountryError,
    last_year_with_make_up_days,
    make_up_days,
    public_holidays,
    weekend_days,
)

ANNOUNCED_YEARLY = frozenset({"BY", "CN", "HU", "KG", "KZ", "RU", "UZ", "VN"})
"""Countries whose government moves working days to weekends and says so only shortly before the year."""

_SATURDAY = 6


@dataclass(frozen=True, slots=True)
class IncompleteYear:
    """A year whose make-up working days are not known, so that deadlines counted in it may be off."""

    country: str
    year: int

    @property
    def warning(self) -> str:
        """Return the line to show: what is missing and where to write it."""
        return (
            f"{self.country} {self.year}: make-up working days are not known yet. "
            "Add them to campaigns/calendar.yaml once they are announced"
        )


class DayKind(StrEnum):
    """Why offices work on a day, or do not."""

    WORKING = "working"  #: an ordinary working day
    MAKE_UP = "make_up"  #: a day of the weekend that is worked in exchange for a day off
    DECLARED_WORKING = "declared_working"  #: an override file says so
    REST = "rest"  #: the weekly rest
    HOLIDAY = "holiday"  #: a public holiday or a day off in exchange
    DECLARED_OFF = "declared_off"  #: an override file says so

    @property
    def is_working(self) -> bool:
        """Tell whether offices work."""
        return self in (DayKind.WORKING, DayKind.MAKE_UP, DayKind.DECLARED_WORKING)


def day_kind(day: date, country: str, overrides: Overrides | None = None) -> DayKind:
    """Return why offices work on this day, or do not; override files win, then make-up days, then holidays.

    `overrides` are those of `load_overrides`; without them the shipped ones count.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    override = (overrides or shipped_overrides()).of(country, day.year)
    if day in override.off:
        return DayKind.DECLARED_OFF
    if day in override.working:
        return DayKind.DECLARED_WORKING
    if day in make_up_days(country, day.year):
        return DayKind.MAKE_UP
    if day in public_holidays(country, day.year):
        return DayKind.HOLIDAY
    return DayKind.REST if day in weekend_days(country, day.year) else DayKind.WORKING


def is_working_day(day: date, country: str, overrides: Overrides | None = None) -> bool:
    """Tell whether offices work on this day, as `day_kind` says.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    return day_kind(day, country, overrides).is_working


def is_day_off(day: date, country: str, overrides: Overrides | None = None) -> bool:
    """Tell whether the day is a public holiday or declared off; an ordinary weekend is neither.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    return day_kind(day, country, overrides) in (DayKind.HOLIDAY, DayKind.DECLARED_OFF)


def add_working_days(day: date, n: int, country: str, overrides: Overrides | None = None) -> date:
    """Return the n-th working day after `day`, or before it where n is negative.

    `n` 0 gives `day` itself if it is a working day, else the next one. `day` itself never counts.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    return _counted(day, n, lambda at: is_working_day(at, country, overrides))


def is_worked(day: date, country: str, overrides: Overrides | None = None) -> bool:
    """Tell whether offices work on this day; Monday to Friday in a country whose holidays nobody wrote down."""
    try:
        return is_working_day(day, country, overrides)
    except UnknownCountryError:
        return day.isoweekday() < _SATURDAY


def nth_worked_day(day: date, n: int, country: str, overrides: Overrides | None = None) -> date:
    """Return the n-th day after `day` on which offices work, as `is_worked` says; else as `add_working_days`."""
    return _counted(day, n, lambda at: is_worked(at, country, overrides))


def _counted(day: date, n: int, works: Callable[[date], bool]) -> date:
    step = timedelta(-1 if n < 0 else 1)
    at, left = (day - step, 1) if n == 0 else (day, abs(n))
    while left:
        at += step
        left -= works(at)
    return at


def incomplete_years(country: str, years: Iterable[int], overrides: Overrides | None = None) -> list[IncompleteYear]:
    """Return those of the years whose make-up days are not known yet; each carries its `warning`.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    known = overrides or shipped_overrides()
    return [
        IncompleteYear(country, year)
        for year in years
        if country in ANNOUNCED_YEARLY and not known.of(country, year).complete and _is_after_announced(country, year)
    ]


def _is_after_announced(country: str, year: int) -> bool:
    last = last_year_with_make_up_days(country)
    return last is None or last < year
