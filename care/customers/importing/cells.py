"""One cell of an import file becomes one value, or a reason why not."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from care.calendars.lunar import birthday_flaw
from care.customers.zones import known_zones, zones_of_countries


class CellError(ValueError):
    """Why a cell cannot be used; the text never repeats the cell."""


class Untouched(Enum):
    """Values that say: change nothing."""

    KEEP = "keep"
    PLACEHOLDER = "placeholder"


KEEP: Final = Untouched.KEEP
PLACEHOLDER: Final = Untouched.PLACEHOLDER
"""A day such as 1970-01-01, which systems write when they know none: to be told, and then kept out."""
CLEAR: Final = "-"
Converter = Callable[[str], Any]
"""Takes a cell as read; returns KEEP, None (clear), or the value; raises CellError."""


def cell(convert: Converter) -> Converter:
    """Wrap a converter of bare text: empty keeps, `-` clears."""

    def converted(raw: str) -> Any:
        text = raw.strip()
        if not text:
            return KEEP
        return None if text == CLEAR else convert(text)

    return converted


class Memo(dict[str, Any]):
    """A converter that remembers what it has seen, for columns with few different values."""

    _LIMIT = 50_000  # more than the days of a lifetime

    def __init__(self, convert: Converter) -> None:
        super().__init__()
        self._convert = cell(convert)

    def __missing__(self, raw: str) -> Any:
        value = self._convert(raw)
        if len(self) < self._LIMIT:
            self[raw] = value
        return value


def remembered(convert: Converter) -> Converter:
    """Return the converter of a column with few different values."""
    return Memo(convert).__getitem__


LONGEST_ID = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def text_of(longest: int) -> Converter:
    """Return a converter to one line of at most `longest` characters."""

    def convert(text: str) -> str:
        if _CONTROL.search(text):
            text = " ".join(text.split())
            if _CONTROL.search(text):
                raise CellError("holds a control character")
        if len(text) > longest:
            raise CellError(f"is longer than {longest} characters")
        return text

    return convert


_id = text_of(LONGEST_ID)
_plain_id = re.compile(r"[!-,.-~][!-~]{0,63}").fullmatch  # printable ASCII that is not the lone - which clears
attribute = cell(text_of(2_000))
"""Reads a cell of a column that has no name of ours."""


def external_id(raw: str) -> str:
    """Read the id another system gave; it may not be empty."""
    if _plain_id(raw):
        return raw
    text = raw.strip()
    if not text or text == CLEAR:
        raise CellError("is missing")
    return str(_id(text))


def one_of(*words: str) -> Converter:
    """Return a converter to one of some words, whatever their case."""

    def convert(text: str) -> str:
        word = text.lower()
        if word not in words:
            raise CellError(f"is none of: {', '.join(words)}")
        return word

    return convert


_TRUTH = dict.fromkeys(("true", "yes", "y", "1", "t", "on", "是", "有"), True) | dict.fromkeys(
    ("false", "no", "n", "0", "f", "off", "否", "无", "無"), False
)


def truth(text: str) -> bool:
    """Read true/false, yes/no, 1/0, 是/否."""
    value = _TRUTH.get(text.lower())
    if value is None:
        raise CellError("is neither true nor false")
    return value


_PLACEHOLDER_DAYS = frozenset({(1970, 101), (1900, 101), (1899, 1230), (1, 101), (9999, 1231), (0, 0)})
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
EARLIEST_YEAR = 1900


def day(text: str) -> date:
    """Read a day, year first; spreadsheets may add a midnight."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise CellError("is no day. Write it as YYYY-MM-DD")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise CellError("is a day that does not exist") from None


def past_day(text: str) -> date | Untouched:
    """Read a day of a record; PLACEHOLDER for one that only says "unknown"."""
    match = _DAY.fullmatch(text)
    if match and (int(match[1]), int(match[2]) * 100 + int(match[3])) in _PLACEHOLDER_DAYS:
        return PLACEHOLDER
    return day(text)


_BIRTHDAY = re.compile(r"(?:(\d{4})[-/.]|--)(\d{1,2})[-/.](\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_MONTHS, _LONGEST_MONTH = 12, 31


def birthday(text: str) -> tuple[int | None, int] | Untouched:
    """Read YYYY-MM-DD or --MM-DD as year and month * 100 + day; which calendar it means is told elsewhere.

    PLACEHOLDER for a day that only says "unknown": everyone would be greeted on it at once.
    """
    match = _BIRTHDAY.fullmatch(text)
    if match is None:
        raise CellError("is no birthday. Write it as YYYY-MM-DD or --MM-DD")
    year, month, of_month = int(match[1]) if match[1] else None, int(match[2]), int(match[3])
    if (year, month * 100 + of_month) in _PLACEHOLDER_DAYS:
        return PLACEHOLDER
    if not (1 <= month <= _MONTHS and 1 <= of_month <= _LONGEST_MONTH):
        raise CellError("is a day that does not exist")
    if year is not None and year < EARLIEST_YEAR:
        raise CellError(f"lies before {EARLIEST_YEAR}")
    return year, month * 100 + of_month


_LONGEST_LUNAR_MONTH = 30
_LEAP_YEAR = 2000


@lru_cache(maxsize=50_000)
def birthday_problem(year: int | None, month_day: int, calendar: str, leap: bool) -> str | None:
    """Return why a birthday cannot exist in its calendar, or None."""
    month, of_month = divmod(month_day, 100)
    if calendar == "lunar":
        if of_month > _LONGEST_LUNAR_MONTH:
            return "the lunar calendar has no day 31"
        return (birthday_flaw(year, month, of_month, leap) if year is not None else "") or None
    if leap:
        return "birthday_leap needs birthday_calendar lunar"
    try:
        date(_LEAP_YEAR if year is None else year, month, of_month)
    except ValueError:
        return "is a day that does not exist"
    return None


def moment(text: str) -> datetime | date:
    """Read an ISO 8601 instant with or without offset, or a day."""
    if _DAY.fullmatch(text) and ":" not in text:
        return day(text)
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise CellError("is no time. Write it like 2027-01-31 or 2027-01-31T18:00+08:00") from None


_LARGEST_MINOR = 10**15
_PLAIN_MONEY = re.compile(r"(-?)(\d{1,12})(?:\.(\d+))?", re.ASCII)


def money(digits: int) -> Converter:
    """Return a converter from major units, such as 99.90, to minor units of a currency with so many decimals."""

    def convert(text: str) -> int:
        match = _PLAIN_MONEY.fullmatch(text)
        fraction = match[3] or "" if match else ""
        if match and len(fraction) <= digits:
            amount = int(match[2] + fraction.ljust(digits, "0"))
            return -amount if match[1] else amount
        return money_by_decimal(text, digits)

    return convert


def money_by_decimal(text: str, digits: int) -> int:
    """Return minor units by the decimal module alone; same contract as `money`."""
    try:
        minor = Decimal(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text).scaleb(digits)
    except InvalidOperation:
        raise CellError("is no amount. Write it like 99.90") from None
    if not minor.is_finite() or abs(minor) > _LARGEST_MINOR:
        raise CellError("is no amount of money that can be")
    if minor != minor.to_integral_value():
        raise CellError(f"has more than {digits} decimals")
    return int(minor)


def price(digits: int) -> Converter:
    """Return a converter like `money` for amounts that cannot be negative."""
    convert = money(digits)

    def converted(text: str) -> int:
        amount: int = convert(text)
        if amount < 0:
            raise CellError("is below zero")
        return amount

    return converted


_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)


def zone(text: str) -> str:
    """Read an IANA time zone."""
    if text not in known_zones():
        raise CellError("is no time zone. Write it like Asia/Shanghai")
    return text


def country(text: str) -> str:
    """Read a country of two letters."""
    code = text.upper()
    if code not in zones_of_countries():
        raise CellError("is no country. Write two letters such as CN")
    return code


_LOCALE = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:\.[\w-]+)?", re.ASCII | re.IGNORECASE)


def locale(text: str) -> str:
    """Read a language tag such as zh-CN, en or zh-Hant-TW; underscores are understood."""
    from babel.core import Locale, UnknownLocaleError

    match = _LOCALE.fullmatch(text)
    if match is None:
        raise CellError("is no language. Write it like zh-CN")
    language, script, territory = match.groups()
    parts = (language.lower(), script and script.title(), territory and territory.upper())
    try:
        Locale.parse(parts[0])
    except (UnknownLocaleError, ValueError):
        raise CellError("is no language. Write it like zh-CN") from None
    return "-".join(part for part in parts if part)
