"""When sending is allowed in the recipient's zone, asked per message: open now, opens next, closes at.

Everything follows from one definition: a minute is open when the wall clock and the calendar of every
zone given show an open minute. So a DST gap or fold needs no rule of its own, and a zone that is not
known is the list of all zones it may be.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from care.base.errors import CareError
from care.base.vocabulary import Purpose
from care.calendars.walltime import UnknownZoneError, load_zone
from care.calendars.workdays import is_day_off
from care.policy.model import (
    ANY_TIME,
    DAY_MINUTES,
    CountryPolicy,
    Policies,
    Span,
    WindowGroup,
    Windows,
)

_HOUR = 3600
_MINUTES = 60
_ALL_OPEN = (1 << _MINUTES) - 1
LONGEST_WAIT = timedelta(days=60)

_GROUP_OF = {
    Purpose.EMERGENCY: WindowGroup.SERVICE,
    Purpose.SERVICE: WindowGroup.SERVICE,
    Purpose.SURVEY: WindowGroup.SURVEY,
    Purpose.OFFER: WindowGroup.MARKETING,
    Purpose.GREETING: WindowGroup.MARKETING,
}


class NeverOpensError(CareError):
    """No minute of the next two months is open in every zone the recipient may be in."""

    def __init__(self, zones: Sequence[str]) -> None:
        """Say how many zones had to agree."""
        super().__init__(
            f"no contact hour is open at the same time in {len(zones)} time zones. "
            "Give the customer a time zone or a country"
        )


def contact_window(policy: CountryPolicy, purpose: Purpose, urgent: bool = False, area: str | None = None) -> Windows:
    """Return the hours in which a purpose may be sent in a country.

    Replies are exempt; emergencies, and services that are `urgent`, ignore the hours where the policy
    says so. `area` is the customer's; marketing keeps the hours of a state that has its own.
    """
    if purpose is Purpose.REPLY:
        return ANY_TIME
    group = _GROUP_OF[purpose]
    if group is WindowGroup.SERVICE and policy.urgent_any_time and (urgent or purpose is Purpose.EMERGENCY):
        return ANY_TIME
    if group is WindowGroup.MARKETING and area:
        state = area.strip().upper().removeprefix(f"{policy.code}-")
        return policy.states.get(state, policy.hours[group])
    return policy.hours[group]


def zones_for(timezone: str | None, country: str | None, policies: Policies) -> tuple[str, ...]:
    """Return the zones a recipient may be in: their own, else all of the country, else all of all countries.

    A zone that does not exist counts as unknown, so that it never opens an hour.
    """
    if timezone and (own := _own_zone(timezone)):
        return own
    return policies.country(country).timezones or _zones_of_territory(country or "") or _all_zones(policies)


@lru_cache(maxsize=4096)
def _own_zone(timezone: str) -> tuple[str, ...]:
    try:
        return (load_zone(timezone).key,)
    except UnknownZoneError:
        return ()


@lru_cache(maxsize=512)
def _zones_of_territory(country: str) -> tuple[str, ...]:
    from babel.core import get_global

    zones = get_global("territory_zones").get(country.upper(), ())
    return tuple(sorted(zone for zone in zones if not zone.startswith("Etc/")))


def _all_zones(policies: Policies) -> tuple[str, ...]:
    return tuple(sorted({zone for policy in policies.countries.values() for zone in policy.timezones}))


def is_open(windows: Windows, zones: Sequence[str], now: datetime) -> bool:
    """Tell whether sending is allowed at this aware instant in every zone.

    Raises:
        ValueError: if there is no zone, or the instant is naive.
    """
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    hour, second = divmod(int(now.timestamp()), _HOUR)
    return bool(_open_minutes(windows, tuple(zones), hour) >> (second // _MINUTES) & 1)


def next_open(windows: Windows, zones: Sequence[str], now: datetime) -> datetime:
    """Return the first instant (UTC) at or after `now` at which sending is allowed in every zone.

    Raises:
        NeverOpensError: if there is none within `LONGEST_WAIT`.
        ValueError: if there is no zone, or the instant is naive.
    """
    if is_open(windows, zones, now):
        return now.astimezone(UTC)
    if (found := _first_minute(windows, tuple(zones), now, is_wanted_open=True)) is None:
        raise NeverOpensError(zones)
    return found


def closes_at(windows: Windows, zones: Sequence[str], now: datetime) -> datetime | None:
    """Return the first instant (UTC) at or after `now` at which sending is not allowed in some zone.

    None means that it stays allowed for at least `LONGEST_WAIT`.

    Raises:
        ValueError: if there is no zone, or the instant is naive.
    """
    if not is_open(windows, zones, now):
        return now.astimezone(UTC)
    return None if windows.is_any_time else _first_minute(windows, tuple(zones), now, is_wanted_open=False)


def _first_minute(windows: Windows, zones: tuple[str, ...], now: datetime, *, is_wanted_open: bool) -> datetime | None:
    """Return the first whole minute after `now` that is open, or closed; None within LONGEST_WAIT."""
    first_hour, second = divmod(int(now.timestamp()), _HOUR)
    skipped = (1 << (second // _MINUTES + 1)) - 1
    for hour in range(first_hour, first_hour + int(LONGEST_WAIT.total_seconds()) // _HOUR):
        minutes = _open_minutes(windows, zones, hour)
        found = (minutes if is_wanted_open else ~minutes & _ALL_OPEN) & ~skipped
        if found:
            lowest = (found & -found).bit_length() - 1
            return datetime.fromtimestamp(hour * _HOUR + lowest * _MINUTES, UTC)
        skipped = 0
    return None


@lru_cache(maxsize=1 << 15)
def _open_minutes(windows: Windows, zones: tuple[str, ...], hour: int) -> int:
    """Return the open minutes of an hour since the epoch as 60 bits, the first minute lowest."""
    if not zones:
        raise ValueError("contact hours need at least one time zone")
    minutes = _ALL_OPEN
    for zone in zones:
        minutes &= _open_in_zone(windows, zone, hour)
    return minutes


@lru_cache(maxsize=1 << 16)
def _open_in_zone(windows: Windows, zone: str, hour: int) -> int:
    bits = 0
    for first, wall, count in _steady_runs(zone, hour):
        bits |= _open_along_wall(windows, wall, count) << first
    return bits


def _steady_runs(zone: str, hour: int) -> Iterator[tuple[int, datetime, int]]:
    """Yield (first minute, wall time of it, minutes) for the stretches of an hour without a clock change."""
    place = load_zone(zone)
    start = datetime.fromtimestamp(hour * _HOUR, place)
    if start.utcoffset() == datetime.fromtimestamp(hour * _HOUR + _HOUR - 1, place).utcoffset():
        yield 0, start.replace(tzinfo=None), _MINUTES
        return
    for minute in range(_MINUTES):
        wall = datetime.fromtimestamp(hour * _HOUR + minute * _MINUTES, place)
        yield minute, wall.replace(tzinfo=None), 1


def _open_along_wall(windows: Windows, wall: datetime, count: int) -> int:
    """Return as bits which of the next `count` minutes of an even wall clock are open."""
    at = wall.hour * _MINUTES + wall.minute
    bits = _overlap(_spans_on(windows, wall.date()), at, at + count)
    if at + count > DAY_MINUTES:
        today = DAY_MINUTES - at
        tomorrow = _overlap(_spans_on(windows, wall.date() + timedelta(1)), 0, count - today)
        bits |= tomorrow << today
    return bits


def _overlap(spans: Sequence[Span], start: int, end: int) -> int:
    bits = 0
    for opens, closes in spans:
        low, high = max(opens, start), min(closes, end)
        if low < high:
            bits |= ((1 << (high - low)) - 1) << (low - start)
    return bits


def _spans_on(windows: Windows, day: date) -> Sequence[Span]:
    if windows.holidays_of and is_day_off(day, windows.holidays_of):
        return ()
    return windows.days[day.weekday()]
