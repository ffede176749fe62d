"""Festivals by name: greeted on the day itself, never on the day off that a country grants for it.

A public holiday of any country is a festival too, as `US:Independence Day`: the two-letter country code,
a colon, the English name in the list of that country's public holidays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from care.base.errors import InputError
from care.base.yamlfile import did_you_mean
from care.calendars.festival_rules import (
    Rule,
    after_easter,
    fixed,
    french_mothers_day,
    in_each,
    lunar,
    nth_weekday,
    per_country,
)
from care.calendars.public import festive_days, known_countries

_MON, _THU, _SUN = 0, 3, 6
_NAMES_SPAN = 8


class UnknownFestivalError(InputError):
    """A festival name that the calendar does not have."""

    def __init__(self, name: str, fix: str) -> None:
        """Name the festival and what to write instead."""
        super().__init__(f"festival '{name}' is not known. {fix}")
        self.name, self.fix = name, fix


@dataclass(frozen=True, slots=True)
class Festival:
    """A festival that can be greeted: its name in files, how people call it, and when it is."""

    name: str
    english: str
    chinese: str
    rule: Rule


_SECOND_SUNDAY_OF_MAY = (
    "AT", "AU", "BE", "BR", "CA", "CH", "CN", "DE", "DK", "FI", "HK", "IN", "IT", "JP", "MO",
    "MY", "NL", "NZ", "PH", "SG", "TW", "UA", "US", "ZA",
)  # fmt: skip
_FIRST_SUNDAY_OF_MAY = ("ES", "HU", "LT", "PT", "RO")
_THIRD_SUNDAY_OF_JUNE = (
    "CA", "CN", "FR", "GB", "HK", "IE", "IN", "JP", "MO", "MY", "NL", "PH", "SG", "US", "ZA",
)  # fmt: skip
_FIRST_OF_MAY = (
    "AT", "BE", "BR", "CH", "CN", "DE", "ES", "FR", "HK", "IN", "IT", "KR", "MO", "MY", "PH",
    "PT", "SG", "TW", "VN", "ZA",
)  # fmt: skip

_FESTIVALS = (
    Festival("new_year", "New Year's Day", "元旦", fixed(1, 1)),
    Festival("lunar_new_years_eve", "Lunar New Year's Eve", "除夕", lunar(1, 1, offset_days=-1)),
    Festival("spring_festival", "Spring Festival", "春节", lunar(1, 1)),
    Festival("lantern", "Lantern Festival", "元宵节", lunar(1, 15)),
    Festival("valentines_day", "Valentine's Day", "情人节", fixed(2, 14)),
    Festival("womens_day", "International Women's Day", "妇女节", fixed(3, 8)),
    Festival("easter", "Easter Sunday", "复活节", after_easter(0)),
    Festival(
        "labour_day",
        "Labour Day",
        "劳动节",
        per_country(in_each(_FIRST_OF_MAY, fixed(5, 1)) | in_each(("US", "CA"), nth_weekday(9, _MON, 1))),
    ),
    Festival(
        "mothers_day",
        "Mother's Day",
        "母亲节",
        per_country(
            in_each(_SECOND_SUNDAY_OF_MAY, nth_weekday(5, _SUN, 2))
            | in_each(_FIRST_SUNDAY_OF_MAY, nth_weekday(5, _SUN, 1))
            | in_each(("GB", "IE"), after_easter(-21))
            | {"FR": french_mothers_day}
        ),
    ),
    Festival(
        "childrens_day",
        "Children's Day",
        "儿童节",
        per_country(
            {"CN": fixed(6, 1), "IN": fixed(11, 14)}
            | in_each(("TW", "HK"), fixed(4, 4))
            | in_each(("JP", "KR"), fixed(5, 5))
        ),
    ),
    Festival("dragon_boat", "Dragon Boat Festival", "端午节", lunar(5, 5)),
    Festival(
        "fathers_day",
        "Father's Day",
        "父亲节",
        per_country(
            in_each(_THIRD_SUNDAY_OF_JUNE, nth_weekday(6, _SUN, 3))
            | in_each(("AU", "NZ"), nth_weekday(9, _SUN, 1))
            | {"TW": fixed(8, 8), "DE": after_easter(39)}
        ),
    ),
    Festival("qixi", "Qixi Festival", "七夕节", lunar(7, 7)),
    Festival("mid_autumn", "Mid-Autumn Festival", "中秋节", lunar(8, 15)),
    Festival(
        "teachers_day",
        "Teachers' Day",
        "教师节",
        per_country(in_each(("CN", "HK"), fixed(9, 10)) | {"TW": fixed(9, 28), "IN": fixed(9, 5), "KR": fixed(5, 15)}),
    ),
    Festival(
        "national_day",
        "National Day",
        "国庆节",
        per_country(
            in_each(("CN", "HK", "MO"), fixed(10, 1))
            | {"TW": fixed(10, 10), "US": fixed(7, 4), "CA": fixed(7, 1), "FR": fixed(7, 14)}
            | {"DE": fixed(10, 3), "IN": fixed(8, 15), "SG": fixed(8, 9), "AU": fixed(1, 26)}
        ),
    ),
    Festival("double_ninth", "Double Ninth Festival", "重阳节", lunar(9, 9)),
    Festival(
        "thanksgiving",
        "Thanksgiving",
        "感恩节",
        per_country({"US": nth_weekday(11, _THU, 4), "CA": nth_weekday(10, _MON, 2)}),
    ),
    Festival("christmas_eve", "Christmas Eve", "平安夜", fixed(12, 24)),
    Festival("christmas", "Christmas Day", "圣诞节", fixed(12, 25)),
    Festival("new_years_eve", "New Year's Eve", "跨年夜", fixed(12, 31)),
)
FESTIVALS: Mapping[str, Festival] = {festival.name: festival for festival in _FESTIVALS}


def festival_names() -> list[str]:
    """Return the names of the festivals that are the same word in every country, in the order of the year."""
    return list(FESTIVALS)


@cache
def public_holiday_names(country: str, year: int) -> frozenset[str]:
    """Return the English names of a country's public holidays in the years around `year`.

    Raises:
        UnknownCountryError: if the country has no calendar.
    """
    years = range(year - _NAMES_SPAN, year + _NAMES_SPAN)
    return frozenset(name for year in years for name in festive_days(country, year))


def festival_date(name: str, year: int, country: str = "CN") -> date | None:
    """Return the day of a festival in a Gregorian year, or None where it is not kept.

    Lunar festivals follow the Chinese calendar in every country. `country` decides days that differ
    between countries (Mother's Day); a name such as `US:Independence Day` carries its own.

    Raises:
        UnknownFestivalError: if no festival has this name.
        OutOfLunarRangeError: for a lunar festival outside 1900-2100.
    """
    if ":" in name:
        return _public_holiday(name, year)
    festival = FESTIVALS.get(name)
    if festival is None:
        raise UnknownFestivalError(name, did_you_mean(name, FESTIVALS))
    return festival.rule(year, country)


def _public_holiday(name: str, year: int) -> date | None:
    country, _, holiday = name.partition(":")
    country, holiday = country.strip().upper(), holiday.strip()
    if country not in known_countries():
        raise UnknownFestivalError(name, f"Country: {did_you_mean(country, known_countries())}")
    day = festive_days(country, year).get(holiday)
    names = public_holiday_names(country, year)
    if day is None and holiday not in names:
        raise UnknownFestivalError(name, did_you_mean(holiday, names))
    return day


def festivals_on(day: date, country: str = "CN") -> list[str]:
    """Return the names of everything `festival_date` puts on this day in a country, built-in names first.

    Raises:
        UnknownCountryError: if the country has no calendar.
        OutOfLunarRangeError: if the year is not in 1900-2100.
    """
    built_in = [name for name, festival in FESTIVALS.items() if festival.rule(day.year, country) == day]
    public = [f"{country}:{name}" for name, on in festive_days(country, day.year).items() if on == day]
    return built_in + public
