"""Quarters and other stretches of local days."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from care.base.errors import InputError
from care.calendars.walltime import instant_at, load_zone

_QUARTER = re.compile(r"(\d{4})-?[Qq]([1-4])")
_YEARS = range(2000, 2200)
_MONTHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The local days from `first` to the day before `end`, by the clock of one zone."""

    first: date
    end: date
    zone: str
    name: str

    @property
    def since(self) -> datetime:
        """Return the instant at which it begins."""
        return instant_at(self.first, time(), load_zone(self.zone))

    @property
    def until(self) -> datetime:
        """Return the instant at which it is over."""
        return instant_at(self.end, time(), load_zone(self.zone))

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.end - self.first).days

    def before(self) -> "Period":
        """Return the quarter before a quarter, or as many days before other stretches."""
        if _QUARTER.fullmatch(self.name):
            return quarter_of(self.first - timedelta(days=1), self.zone)
        return between(self.first - timedelta(days=self.days), self.first, self.zone)

    def months(self) -> list[date]:
        """Return the first day of each calendar month that it touches."""
        found, at = [], self.first.replace(day=1)
        while at < self.end:
            found.append(at)
            at = (at + timedelta(days=31)).replace(day=1)
        return found


def quarter_of(day: date, zone: str) -> Period:
    """Return the calendar quarter that a local day lies in."""
    return _quarter(day.year, (day.month - 1) // _MONTHS + 1, zone)


def quarter_named(text: str, zone: str) -> Period:
    """Return the quarter that 2026Q3 means.

    Raises:
        InputError: it is none.
    """
    found = _QUARTER.fullmatch(text.strip())
    if not found or int(found[1]) not in _YEARS:
        raise InputError(f"{text}: not a quarter. Write it as 2026Q3")
    return _quarter(int(found[1]), int(found[2]), zone)


def between(first: date, end: date, zone: str) -> Period:
    """Return the days from `first` to the day before `end`.

    Raises:
        InputError: that is no day.
    """
    if end <= first:
        raise InputError(f"{first} to {end - timedelta(days=1)}: no day lies between. Let the first day come first")
    return Period(first=first, end=end, zone=zone, name=f"{first} to {end - timedelta(days=1)}")


def _quarter(year: int, number: int, zone: str) -> Period:
    first = date(year, _MONTHS * (number - 1) + 1, 1)
    end = (first + timedelta(days=_MONTHS * 31)).replace(day=1)
    return Period(first=first, end=end, zone=zone, name=f"{year}Q{number}")
