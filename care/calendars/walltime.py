"""Between wall time in a zone and instants: gaps, folds, local days, and zones by name."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from care.base.errors import InputError
from care.base.yamlfile import did_you_mean

_NOT_PLACES = frozenset({"localtime", "posixrules", "Factory"})


class UnknownZoneError(InputError):
    """A time zone that the IANA database does not have."""

    def __init__(self, name: str) -> None:
        """Name the zone and the nearest one that exists."""
        super().__init__(f"time zone '{name}' is not known. {did_you_mean(name, available_timezones())}")
        self.name = name


@cache
def load_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Raises:
        UnknownZoneError: if there is no such zone; a folder ('America') or a path is none either.
    """
    if name in _NOT_PLACES:
        raise UnknownZoneError(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZoneError(name) from error


def instant_at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the first instant (UTC) at which the zone's clock shows at least this day and time.

    In a fold, where the wall time comes twice, that is the first time; in a gap, where it never comes,
    the first valid minute after it. A day that a zone left out (Samoa, 30 December 2011) gives
    midnight of the next one.
    """
    wall = datetime.combine(day, at.replace(tzinfo=None, fold=0))
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _end_of_gap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant in (before, after] at which the zone's offset changes."""
    old = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the date that the zone's calendar shows at an aware instant.

    Raises:
        ValueError: if the instant is naive.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(zone).date()
