"""The small words of campaign files: durations, times of day, shares, leads, names."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from babel.core import Locale, UnknownLocaleError
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SHARE = re.compile(r"(\d{1,2}(?:\.\d+)?)\s*%")
_LEAD = re.compile(r"([1-9]\d{0,3})([dh])")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TEMPLATE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


@dataclass(frozen=True, slots=True)
class Lead:
    """How long before an end: whole local days, or exact hours; one of the two is 0."""

    days: int = 0
    hours: int = 0

    def __str__(self) -> str:
        return f"{self.days}d" if self.days else f"{self.hours}h"

    def as_timedelta(self) -> timedelta:
        """Return the length, a day counted as 24 hours; for sorting only."""
        return timedelta(days=self.days, hours=self.hours)


def mistake(problem: str, fix: str) -> PydanticCustomError:
    """Return a validation error that carries what to do, for one line at the place of the value."""
    return PydanticCustomError("care", "{problem}", {"problem": problem, "fix": fix})


def parse_duration(value: Any) -> timedelta:
    """Return the length of `8h`, `30d`, `2h30m`, `90m`; a day is 24 hours."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found or not any(found.groups()):
        raise mistake(f"'{value}' is not a duration", "Write it as 8h, 30d or 2h30m")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not length:
        raise mistake(f"'{value}' is no time at all", "Write a duration such as 8h")
    return length


def parse_spread(value: Any) -> timedelta:
    """Return the length of `30m` or `2h`; `off` is no time at all."""
    return timedelta(0) if value in ("off", False) else parse_duration(value)


def write_duration(length: timedelta) -> str:
    """Return the form that `parse_duration` reads: 30d, 2h30m."""
    minutes = length // timedelta(minutes=1)
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "m"))
    return "".join(f"{n}{unit}" for n, unit in parts if n) or "0m"


def _time_of_day(value: Any) -> time:
    if isinstance(value, time):
        return value
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise mistake(f"'{value}' is not a time of day", 'Write it as "10:00", 24 hours, two digits each')
    return time(int(found[1]), int(found[2]))


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise mistake(f"'{value}' is not a day that exists", "Write it as 2027-01-01") from None


def _share(value: Any) -> float:
    if isinstance(value, float) and 0 < value < 1:
        return float(value)
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if not found or not float(found[1]):
        raise mistake(f"'{value}' is not a share", "Write it as 5%, more than 0% and less than 100%")
    return float(found[1]) / 100


def _lead(value: Any) -> Lead:
    if isinstance(value, Lead):
        return value
    found = _LEAD.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise mistake(f"'{value}' is not a lead", "Write days as 30d (sent at the hour of `at`) or exact hours as 24h")
    return Lead(days=int(found[1])) if found[2] == "d" else Lead(hours=int(found[1]))


def _matching(pattern: re.Pattern[str], what: str, fix: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise mistake(f"'{value}' is not {what}", fix)
        return str(value)

    return check


def check_locale(value: Any) -> str:
    """Return the locale if it is one, in the form en or zh-CN.

    Raises:
        PydanticCustomError: if it is not.
    """
    word = _matching(_LOCALE, "a locale", "Write it as en, zh-CN or zh-TW")(value)
    try:
        Locale.parse(word, sep="-")
    except (UnknownLocaleError, ValueError):
        raise mistake(f"'{word}' is not a locale that exists", "Write it as en, zh-CN or zh-TW") from None
    return word


def _as_pattern(pattern: re.Pattern[str], example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$", "examples": [example]})


Duration = Annotated[timedelta, BeforeValidator(parse_duration), _as_pattern(_DURATION, "8h")]
Spread = Annotated[timedelta, BeforeValidator(parse_spread), _as_pattern(re.compile(f"off|{_DURATION.pattern}"), "30m")]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), _as_pattern(_TIME, "10:00")]
TenByDefault = Annotated[
    TimeOfDay,
    Field(description="time of day on the customer's clock", json_schema_extra={"default": "10:00"}),
]
Day = Annotated[date, BeforeValidator(_day)]
Share = Annotated[float, BeforeValidator(_share), _as_pattern(_SHARE, "5%")]
LeadTime = Annotated[Lead, BeforeValidator(_lead), _as_pattern(_LEAD, "30d")]
Name = Annotated[
    str,
    BeforeValidator(
        _matching(_NAME, "a name", "Use small letters, digits, '_' and '-', a letter first, at most 64 characters")
    ),
    _as_pattern(_NAME, "birthday"),
]
TemplateName = Annotated[
    str,
    BeforeValidator(_matching(_TEMPLATE, "a template name", "Use the folder's name under templates/messages")),
    _as_pattern(_TEMPLATE, "birthday"),
]
