"""Why a day is what it is: weekday, lunar date, festivals, public holiday, working day or not."""

from dataclasses import dataclass
from datetime import date, timedelta

from care.calendars.festivals import festivals_on
from care.calendars.lunar import FIRST_YEAR, LAST_YEAR, OutOfLunarRangeError, to_lunar
from care.calendars.lunar_text import lunar_chinese, lunar_english
from care.calendars.overrides import Overrides
from care.calendars.public import public_holidays
from care.calendars.workdays import DayKind, day_kind, incomplete_years

_WEEKDAYS_CHINESE = "一二三四五六日"
_REASONS = {
    DayKind.WORKING: "a working day",
    DayKind.MAKE_UP: "a working day: made up for a day off in the same season",
    DayKind.DECLARED_WORKING: "a working day: declared in the calendar file",
    DayKind.REST: "no working day: weekly rest",
    DayKind.HOLIDAY: "no working day: public holiday",
    DayKind.DECLARED_OFF: "no working day: declared off in the calendar file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayExplanation:
    """What a day is in one country; texts are empty where there is nothing to say."""

    day: date
    country: str
    weekday: str
    weekday_chinese: str
    lunar_english: str
    lunar_chinese: str
    festivals: tuple[str, ...]  # names that campaigns may use
    holiday: str  # English
    holiday_local: str
    kind: DayKind
    reason: str
    warning: str  # set while make-up days of the year are not announced

    @property
    def is_working_day(self) -> bool:
        """Tell whether offices work on this day."""
        return self.kind.is_working

    @property
    def is_special(self) -> bool:
        """Tell whether the day is more than a working day or a weekend."""
        return bool(self.festivals) or self.kind not in (DayKind.WORKING, DayKind.REST)


def explain_day(day: date, country: str = "CN", overrides: Overrides | None = None) -> DayExplanation:
    """Return everything the calendar knows about a day in a country.

    `overrides` are those of `load_overrides`; without them the shipped ones count.

    Raises:
        UnknownCountryError: if the country has no calendar.
        OutOfLunarRangeError: if the year is not in 1900-2100.
    """
    _check_year(day.year)
    kind = day_kind(day, country, overrides)
    holiday = public_holidays(country, day.year).get(day)
    english, chinese = _lunar_texts(day)
    return DayExplanation(
        day=day,
        country=country,
        weekday=f"{day:%A}",
        weekday_chinese=f"星期{_WEEKDAYS_CHINESE[day.weekday()]}",
        lunar_english=english,
        lunar_chinese=chinese,
        festivals=tuple(festivals_on(day, country)),
        holiday=holiday.english if holiday else "",
        holiday_local=holiday.local if holiday else "",
        kind=kind,
        reason=_REASONS[kind],
        warning="".join(year.warning for year in incomplete_years(country, [day.year], overrides)),
    )


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise OutOfLunarRangeError(year, fix=f"Use a day of {FIRST_YEAR} to {LAST_YEAR}")


def _lunar_texts(day: date) -> tuple[str, str]:
    """Return the lunar date in English and Chinese; empty for January 1900, before the table begins."""
    try:
        lunar = to_lunar(day)
    except OutOfLunarRangeError:
        return "", ""
    return lunar_english(lunar), lunar_chinese(lunar)


def list_year(year: int, country: str = "CN", overrides: Overrides | None = None) -> list[DayExplanation]:
    """Return the days of a year that are festivals, holidays or made-up working days, in order.

    Raises:
        UnknownCountryError: if the country has no calendar.
        OutOfLunarRangeError: if the year is not in 1900-2100.
    """
    _check_year(year)
    first = date(year, 1, 1)
    days = (first + timedelta(offset) for offset in range((date(year, 12, 31) - first).days + 1))
    return [found for day in days if (found := explain_day(day, country, overrides)).is_special]
