"""Public holidays and make-up working days per country; the only module that knows the `holidays` library."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from care.base.errors import InputError
from care.base.yamlfile import did_you_mean

if TYPE_CHECKING:
    from holidays import HolidayBase

_COUNTRY_CODE_LENGTH = 2
_NOT_FESTIVE = ("Day off", "(observed)", "substituted")
_SEARCHED_YEARS = range(2015, 2050)


class UnknownCountryError(InputError):
    """A country code that the calendar does not have."""

    def __init__(self, country: str) -> None:
        """Name the code and what to write instead."""
        super().__init__(f"country '{country}' is not known. {did_you_mean(country, known_countries())}")


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """One name of one public holiday, in the country's own language and in English where there is one."""

    local: str
    english: str


@cache
def known_countries() -> frozenset[str]:
    """Return the ISO 3166 two-letter codes that have a calendar of public holidays."""
    from holidays.registry import COUNTRIES  # the list alone: the library's own function loads every calendar

    names = (name for _, *names in COUNTRIES.values() for name in names)
    return frozenset(name for name in names if len(name) == _COUNTRY_CODE_LENGTH)


@lru_cache(maxsize=2048)
def _library(country: str, year: int, language: str | None, *, observed: bool = True) -> "HolidayBase":
    import holidays

    if country not in known_countries():
        raise UnknownCountryError(country)
    with warnings.catch_warnings():  # India's calendar warns outside 2001-2035, on stderr of a user's command
        warnings.simplefilter("ignore", UserWarning)
        found = holidays.country_holidays(country, years=year, language=language, observed=observed)
    found.expand = False  # another year is another object: the cache must not depend on who asked first
    return found


def _english(country: str, year: int) -> str | None:
    languages = _library(country, year, None).supported_languages
    return next((name for name in ("en_US", "en_GB", *languages) if name in languages and name[:2] == "en"), None)


@lru_cache(maxsize=1024)
def public_holidays(country: str, year: int) -> Mapping[date, PublicHoliday]:
    """Return the days off of a country and year, substituted days included, with their names.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    local = _library(country, year, _library(country, year, None).default_language)
    english = _library(country, year, _english(country, year))
    return {day: PublicHoliday(local[day], english.get(day, local[day])) for day in sorted(local)}


@lru_cache(maxsize=1024)
def festive_days(country: str, year: int) -> Mapping[str, date]:
    """Return the first day of each public holiday by its English name, without substituted days.

    "(estimated)" is dropped from names of holidays that depend on the sighting of the moon.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    found: dict[str, date] = {}
    names = _library(country, year, _english(country, year), observed=False)
    for day in sorted(names):
        for name in names.get_list(day):
            if not any(mark in name for mark in _NOT_FESTIVE):
                found.setdefault(name.removesuffix(" (estimated)"), day)
    return found


@lru_cache(maxsize=1024)
def make_up_days(country: str, year: int) -> frozenset[date]:
    """Return the days of a weekend that are declared working days in a year.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    days: Iterable[date] = getattr(_library(country, year, None), "weekend_workdays", ())
    return frozenset(day for day in days if day.year == year)


@lru_cache(maxsize=1024)
def weekend_days(country: str, year: int) -> frozenset[date]:
    """Return the days of a year that fall on the country's weekly rest days.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    calendar, first = _library(country, year, None), date(year, 1, 1)
    days = (first + timedelta(n) for n in range((date(year + 1, 1, 1) - first).days))
    return frozenset(day for day in days if calendar.is_weekend(day))


@cache
def last_year_with_make_up_days(country: str) -> int | None:
    """Return the last year whose make-up days the library knows, None where it knows none.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    return max((year for year in _SEARCHED_YEARS if make_up_days(country, year)), default=None)
