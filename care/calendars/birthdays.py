"""Which stored solar days of the year are kept on a given day: birthdays and tenure anniversaries."""

from calendar import isleap
from datetime import date
from enum import StrEnum

FEB29 = 229
_FEB28 = 228
_MAR1 = 301


class Feb29Policy(StrEnum):
    """When a day that is stored as 29 February is kept in a year without one."""

    FEB28 = "feb28"  #: on the day before
    MAR1 = "mar1"  #: on the day after
    SKIP = "skip"  #: only in leap years


def month_day_key(day: date) -> int:
    """Return month * 100 + day, the indexed form in which days of the year are stored."""
    return day.month * 100 + day.day


def solar_birthdays_on(day: date, feb29: Feb29Policy = Feb29Policy.FEB28) -> list[int]:
    """Return the stored keys (month * 100 + day) that are kept on this day: one or two.

    29 February is kept by `feb29` in a year that has none.
    """
    key = month_day_key(day)
    stand_in = {Feb29Policy.FEB28: _FEB28, Feb29Policy.MAR1: _MAR1, Feb29Policy.SKIP: None}[feb29]
    return [key, FEB29] if key == stand_in and not isleap(day.year) else [key]


def solar_birthday(year: int, key: int, feb29: Feb29Policy = Feb29Policy.FEB28) -> date | None:
    """Return the day on which the stored key is kept in a year; None when the policy skips the year.

    Raises:
        ValueError: if the key is not a day of any year, such as 231.
    """
    if key != FEB29 or isleap(year):
        return date(year, key // 100, key % 100)
    return {
        Feb29Policy.FEB28: date(year, 2, 28),
        Feb29Policy.MAR1: date(year, 3, 1),
        Feb29Policy.SKIP: None,
    }[feb29]


def tenure_anniversaries_on(day: date, feb29: Feb29Policy = Feb29Policy.FEB28) -> list[int]:
    """Return the stored join keys (month * 100 + day) whose anniversary is kept on this day: one or two.

    The number of years is `day.year` minus the year of joining; leave out those who joined this year.
    """
    return solar_birthdays_on(day, feb29)


def tenure_years(joined_on: date, day: date, feb29: Feb29Policy = Feb29Policy.FEB28) -> int:
    """Return the whole years completed on `day`; negative before the customer joined.

    Under `skip` a customer who joined on 29 February completes a year on 1 March of a year without
    that day, although no greeting is sent.
    """
    key = month_day_key(joined_on)
    kept = solar_birthday(day.year, key, feb29) or date(day.year, 3, 1)
    return day.year - joined_on.year - (day < kept)
