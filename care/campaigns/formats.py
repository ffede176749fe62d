"""Days, times, money and spans of time as people of a locale write them, short enough for an SMS."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from babel.core import Locale, UnknownLocaleError, get_global
from babel.dates import format_date
from babel.numbers import format_currency

from care.campaigns.locales import language_of

_CACHED = 4096


@lru_cache(maxsize=_CACHED)
def format_day(day: date, locale: str) -> str:
    """Return a day without its year: `6月30日`, `30 June`."""
    if language_of(locale) == "zh":
        return f"{day.month}月{day.day}日"
    pattern = "MMMM d" if locale.endswith("-US") else "d MMMM"
    return str(format_date(day, pattern, locale=_babel(locale)))


def format_clock(at: time) -> str:
    """Return a time of day: `09:05`."""
    return f"{at:%H:%M}"


def format_moment(local: datetime, locale: str) -> str:
    """Return day and time of a local wall clock: `6月18日01:00`, `18 June 01:00`."""
    gap = "" if language_of(locale) == "zh" else " "
    return f"{format_day(local.date(), locale)}{gap}{format_clock(local.time())}"


def format_end(local: datetime, locale: str) -> str:
    """Return the wall clock at which something ends; midnight is the end of the day before.

    Midnight after 30 June is `6月30日24:00`, in English `30 June 23:59`.
    """
    if local.time() != time():
        return format_moment(local, locale)
    last = format_day(local.date() - timedelta(days=1), locale)
    return f"{last}24:00" if language_of(locale) == "zh" else f"{last} 23:59"


def format_deadline(local: datetime, locale: str) -> str:
    """Return the wall clock until which something is promised: `9月28日18:00前`, `28 September 18:00`."""
    moment = format_moment(local, locale)
    return f"{moment}前" if language_of(locale) == "zh" else moment


@lru_cache(maxsize=_CACHED)
def format_money(minor: int, currency: str, locale: str) -> str:
    """Return an amount given in minor units: `99元`, `US$39.90`, `£40`; whole amounts have no decimals."""
    amount = Decimal(minor).scaleb(-currency_digits(currency))
    is_whole = amount == amount.to_integral_value()
    known = _babel(locale)
    pattern = str(known.currency_formats["standard"].pattern)
    if is_whole:
        pattern = re.sub(r"(?<=0)[.,]0+", "", pattern)
    if language_of(locale) == "zh" and currency in ("CNY", "TWD"):
        pattern = pattern.replace("¤", "").strip() + "元"
    words = str(format_currency(amount, currency, pattern, locale=known, currency_digits=not is_whole))
    return re.sub(r"\s+", " ", words)  # a no-break space would double the price of an SMS


@lru_cache(maxsize=_CACHED)
def format_duration(span: timedelta, locale: str) -> str:
    """Return a span of time in whole hours and minutes: `4小时`, `1 hour 30 minutes`."""
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    if language_of(locale) == "zh":
        hour, minute = ("小時", "分鐘") if locale in ("zh-TW", "zh-HK", "zh-MO") else ("小时", "分钟")
        return (f"{hours}{hour}" if hours else "") + (f"{minutes}{minute}" if minutes or not hours else "")
    parts = [(hours, "hour"), (minutes, "minute")]
    return " ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts if n) or "0 minutes"


def currency_digits(currency: str) -> int:
    """Return how many decimals a currency has: 2 for CNY, 0 for JPY."""
    known = get_global("currency_fractions")
    return int(known.get(currency, known["DEFAULT"])[0])


@lru_cache(maxsize=64)
def _babel(locale: str) -> Locale:
    """Return what Babel knows of a locale; the language alone, or British English, where it knows nothing."""
    for name in (locale.replace("-", "_"), language_of(locale)):
        if name == "en":
            break
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en_GB")
