"""Chinese lunar dates of the years 1900-2100, looked up in the shipped month table.

`lunar_months.csv` is written by scripts/make_lunar_table.py from two agreeing sources; no lunar
library is needed at run time.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

from care.base.errors import InputError

FIRST_YEAR = 1900
LAST_YEAR = 2100
LONGEST_MONTH = 30


class OutOfLunarRangeError(InputError):
    """A date lies outside the lunar years that the table covers."""

    def __init__(self, asked: object, *, fix: str = "Use a date between 1900-01-31 and 2101-01-28") -> None:
        """Name what was asked for and what there is."""
        super().__init__(f"{asked}: lunar dates are known for the lunar years {FIRST_YEAR} to {LAST_YEAR} only. {fix}")


class NoSuchLunarDateError(InputError):
    """A lunar date that its year does not have: a missing leap month, day 30 of a short month, month 13."""


@dataclass(frozen=True, slots=True, order=True)
class LunarDate:
    """A day of the Chinese lunar calendar; `leap` marks the second month of that number in a leap year."""

    year: int
    month: int
    day: int
    leap: bool = False


@dataclass(frozen=True, slots=True, order=True)
class LunarBirthdayKey:
    """A birthday as customers store it (month, day, leap) and the lunar year it is kept in."""

    lunar_year: int
    month: int
    day: int
    leap: bool


@dataclass(frozen=True, slots=True)
class LunarMonth:
    """One row of the table."""

    year: int
    month: int
    leap: bool
    first_day: date
    days: int


@dataclass(frozen=True, slots=True)
class _Table:
    months: Sequence[LunarMonth]
    first_days: Sequence[date]
    by_key: Mapping[tuple[int, int, bool], LunarMonth]


@cache
def _table() -> _Table:
    text = resources.files("care.calendars").joinpath("lunar_months.csv").read_text(encoding="utf-8")
    months = [_row(line) for line in text.splitlines()[1:]]
    return _Table(months, [m.first_day for m in months], {(m.year, m.month, m.leap): m for m in months})


def _row(line: str) -> LunarMonth:
    year, month, leap, first_day, days = line.split(",")
    return LunarMonth(int(year), int(month), leap == "1", date.fromisoformat(first_day), int(days))


def _month_of(day: date) -> LunarMonth:
    table = _table()
    at = bisect_right(table.first_days, day) - 1
    if at < 0 or day >= table.months[at].first_day + timedelta(table.months[at].days):
        raise OutOfLunarRangeError(day.isoformat())
    return table.months[at]


def lunar_months(year: int) -> list[LunarMonth]:
    """Return the 12 or 13 months of a lunar year in order.

    Raises:
        OutOfLunarRangeError: if the year is not in 1900-2100.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise OutOfLunarRangeError(f"lunar year {year}")
    return [month for month in _table().months if month.year == year]


def to_lunar(day: date) -> LunarDate:
    """Return the lunar date of a solar day.

    Raises:
        OutOfLunarRangeError: if the day is before 1900-01-31 or after 2101-01-28.
    """
    month = _month_of(day)
    return LunarDate(month.year, month.month, (day - month.first_day).days + 1, month.leap)


def to_solar(lunar: LunarDate) -> date:
    """Return the solar day of a lunar date that exists.

    Raises:
        OutOfLunarRangeError: if its year is not in 1900-2100.
        NoSuchLunarDateError: if its year lacks that leap month, or its month that day.
    """
    if not FIRST_YEAR <= lunar.year <= LAST_YEAR:
        raise OutOfLunarRangeError(f"lunar year {lunar.year}")
    month = _table().by_key.get((lunar.year, lunar.month, lunar.leap))
    if month is None or not 1 <= lunar.day <= month.days:
        leap = "leap month" if lunar.leap else "month"
        raise NoSuchLunarDateError(
            f"lunar year {lunar.year} has no day {lunar.day} of {leap} {lunar.month}. Correct the date"
        )
    return month.first_day + timedelta(lunar.day - 1)


def lunar_birthday(year: int, month: int, day: int, leap: bool = False) -> date:
    """Return the solar day on which a lunar birthday is kept in the lunar year `year`.

    A leap month is kept where the year has it, else the plain month of that number; day 30 of a
    month with 29 days is its last day.

    Raises:
        OutOfLunarRangeError: if the year is not in 1900-2100.
        NoSuchLunarDateError: if no year has such a date (month 13, day 31).
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise OutOfLunarRangeError(f"lunar year {year}")
    by_key = _table().by_key
    found = by_key.get((year, month, leap)) or by_key.get((year, month, False))
    if found is None or not 1 <= day <= LONGEST_MONTH:
        raise NoSuchLunarDateError(f"no lunar year has a day {day} of month {month}. Correct the birthday")
    return found.first_day + timedelta(min(day, found.days) - 1)


def birthday_flaw(year: int, month: int, day: int, leap: bool) -> str:
    """Return why a lunar year has no such day, '' if it has one, or lies outside 1900-2100."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return ""
    found = _table().by_key.get((year, month, leap))
    if found is None:
        return f"lunar {year} has no leap month {month}"
    return f"that month of lunar {year} has {found.days} days" if day > found.days else ""


def lunar_birthdays_on(day: date) -> list[LunarBirthdayKey]:
    """Return every stored birthday (month, day, leap) that `lunar_birthday` puts on this solar day.

    One to four keys: the last day of a short month also serves day 30, and a plain month also serves
    leap birthdays in a year without that leap month. `lunar_year` belongs into the occasion's key.

    Raises:
        OutOfLunarRangeError: if the day is before 1900-01-31 or after 2101-01-28.
    """
    month = _month_of(day)
    number = (day - month.first_day).days + 1
    days = [number, LONGEST_MONTH] if number == month.days < LONGEST_MONTH else [number]
    leaps = [month.leap]
    if not month.leap and (month.year, month.month, True) not in _table().by_key:
        leaps.append(True)
    return [LunarBirthdayKey(month.year, month.month, d, leap) for leap in leaps for d in days]
