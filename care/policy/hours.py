"""Contact hours as people write them, `mon-sat: ["09:00-20:00"]`, and what they have in common."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from care.policy.model import DAY_MINUTES, DAYS_OF_WEEK, Span, Windows

_RANGE = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")
_EVERY_DAY = "daily"


def parse_days(text: str) -> range:
    """Return the weekdays (0 = Monday) that `daily`, `sat` or `mon-fri` stand for.

    Raises:
        ValueError: for anything else, also a range that runs backwards.
    """
    if text == _EVERY_DAY:
        return range(len(DAYS_OF_WEEK))
    first, dash, last = text.partition("-")
    last = last if dash else first
    if first in DAYS_OF_WEEK and last in DAYS_OF_WEEK:
        days = range(DAYS_OF_WEEK.index(first), DAYS_OF_WEEK.index(last) + 1)
        if days:
            return days
    raise ValueError(f"'{text}' is not a day such as mon, mon-fri or daily")


def is_days(text: str) -> bool:
    """Tell whether `parse_days` can read the text."""
    try:
        parse_days(text)
    except ValueError:
        return False
    return True


def parse_span(text: str) -> Span:
    """Return (opens, closes) in minutes of the day; an end before the start is on the next day.

    Raises:
        ValueError: if the text is not HH:MM-HH:MM, or opens and closes at once.
    """
    match = _RANGE.fullmatch(text)
    if match:
        start, end = (int(match[h]) * 60 + int(match[m]) for h, m in ((1, 2), (3, 4)))
        if start < DAY_MINUTES and end <= DAY_MINUTES and start != end:
            return (start, end) if start < end else (start, end + DAY_MINUTES)
    raise ValueError(f"'{text}' is not a span of hours such as 09:00-20:00")


def parse_windows(hours: Mapping[str, Sequence[str]], *, holidays_of: str = "") -> Windows:
    """Return the windows of a week; spans past midnight go into the next day, those that touch become one.

    Raises:
        ValueError: if a day or a span cannot be read.
    """
    week: list[list[Span]] = [[] for _ in DAYS_OF_WEEK]
    for days, texts in hours.items():
        for day in parse_days(days):
            for opens, closes in map(parse_span, texts):
                week[day].append((opens, min(closes, DAY_MINUTES)))
                if closes > DAY_MINUTES:
                    week[(day + 1) % 7].append((0, closes - DAY_MINUTES))
    return Windows(days=tuple(_merged(spans) for spans in week), holidays_of=holidays_of)


def narrowest(windows: Iterable[Windows]) -> Windows:
    """Return the hours that all of the windows have in common; public holidays are left to each country."""
    return reduce(common_hours, windows)


def common_hours(a: Windows, b: Windows) -> Windows:
    """Return the hours that two windows have in common; the holidays are those of the first."""
    days = tuple(
        tuple((max(x[0], y[0]), min(x[1], y[1])) for x in one for y in other if max(x[0], y[0]) < min(x[1], y[1]))
        for one, other in zip(a.days, b.days, strict=True)
    )
    return Windows(days=days, holidays_of=a.holidays_of)


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for opens, closes in sorted(spans):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return tuple(merged)
