"""How the day of a festival follows from the year: by lunar date, fixed, by weekday, after Easter, per country."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta

from care.calendars.lunar import LunarDate, to_solar

Rule = Callable[[int, str], date | None]
"""(Gregorian year, country) -> the day, or None where the country does not keep it."""


def lunar(month: int, day: int, *, offset_days: int = 0) -> Rule:
    """Return the rule of a day of the plain lunar month, shifted by some days."""
    return lambda year, _country: to_solar(LunarDate(year, month, day)) + timedelta(offset_days)


def fixed(month: int, day: int) -> Rule:
    """Return the rule of the same solar day each year."""
    return lambda year, _country: date(year, month, day)


def nth_weekday(month: int, weekday: int, n: int) -> Rule:
    """Return the rule of the n-th weekday (0 = Monday) of a month; n = -1 is the last one."""
    return lambda year, _country: _nth(year, month, weekday, n)


def after_easter(days: int) -> Rule:
    """Return the rule of a day counted from Easter Sunday of the western churches."""
    return lambda year, _country: easter(year) + timedelta(days)


def per_country(rules: Mapping[str, Rule]) -> Rule:
    """Return the rule that asks the country's own; other countries do not keep the day."""

    def day(year: int, country: str) -> date | None:
        rule = rules.get(country)
        return rule(year, country) if rule else None

    return day


def in_each(countries: Iterable[str], rule: Rule) -> dict[str, Rule]:
    """Return the same rule for several countries, to be merged into one `per_country`."""
    return dict.fromkeys(countries, rule)


def french_mothers_day(year: int, country: str) -> date | None:
    """Return the last Sunday of May, or the first of June where that is Pentecost."""
    last = _nth(year, 5, 6, -1)
    return last + timedelta(7) if last == after_easter(49)(year, country) else last


def easter(year: int) -> date:
    """Return Easter Sunday in the Gregorian calendar.

    Source: the Gregorian computus in the form of O'Beirne (1965).
    """
    century, golden = year // 100, year % 19
    correction = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    epact = correction - correction // 28 * (1 - correction // 28 * (29 // (correction + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + epact + 2 - century + century // 4) % 7
    days = epact - weekday
    month = 3 + (days + 40) // 44
    return date(year, month, days + 28 - 31 * (month // 4))


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    if n > 0:
        first = date(year, month, 1)
        return first + timedelta((weekday - first.weekday()) % 7 + 7 * (n - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
    return last - timedelta((last.weekday() - weekday) % 7 - 7 * (n + 1))
