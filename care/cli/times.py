"""Days and spans as users type them."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from care.base.errors import InputError

_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_day(option: str, text: str) -> date:
    """Return the day an option names.

    Raises:
        InputError: it is no day of the calendar.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text}: not a day of the calendar. Write it as 2027-02-06") from None


def read_span(text: str) -> timedelta | None:
    """Return the span that 30m, 12h, 1d or 2w means; None for other texts."""
    found = _SPAN.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def read_since(option: str, text: str, *, now: datetime, zone: str) -> datetime:
    """Return the instant from which an option counts: so long ago, or the start of a local day.

    Raises:
        InputError: neither a span nor a day.
    """
    span = read_span(text)
    if span is not None:
        return now - span
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} {text}: not a time. Write a span (30m, 12h, 1d, 2w) or a day (2027-02-06)"
        ) from None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def read_moment(option: str, text: str, *, now: datetime, zone: str) -> datetime:
    """Return the instant to come that an option names: after a span, or at a local day or time.

    Raises:
        InputError: none of these.
    """
    span = read_span(text)
    if span is not None:
        return now + span
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            f"{option} {text}: not a time. Write a local time (2027-02-06T22:00), a day (2027-02-06) or a span (2h)"
        ) from None
    local_moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return local_moment.astimezone(UTC)  # two times of one zone would be compared as its clocks show them


def local(instant: datetime | None, zone: str) -> str:
    """Return an instant on a clock, with the name of its zone; nothing for none."""
    return "" if instant is None else instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")
