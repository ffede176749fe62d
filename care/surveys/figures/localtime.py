"""Local days and hours of instants, worked out by the database: the zone's offsets are few in any stretch of time."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import to_micros
from care.calendars.walltime import load_zone

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_EPOCH = date(1970, 1, 1)
_STEP = timedelta(hours=1)


def local_hour(instant: sa.ColumnElement[Any], zone: str, since: datetime, until: datetime) -> sa.ColumnElement[int]:
    """Return the hour, 0 to 23, that the zone's clock shows at an instant."""
    return (_local(instant, zone, since, until) // _HOUR) % 24


def local_day_number(
    instant: sa.ColumnElement[Any], zone: str, since: datetime, until: datetime
) -> sa.ColumnElement[int]:
    """Return the local day of an instant as days since 1970; `day_of` makes a date of it."""
    return _local(instant, zone, since, until) // _DAY


def day_of(number: int) -> date:
    """Return the date of a day number."""
    return _EPOCH + timedelta(days=number)


def _local(instant: sa.ColumnElement[Any], zone: str, since: datetime, until: datetime) -> sa.ColumnElement[int]:
    """Return microseconds of wall time; beyond the stretch the offsets at its ends are carried on."""
    micros = sa.type_coerce(instant, sa.BigInteger)
    (_, first), *changes = offsets(zone, since, until)
    if not changes:
        return micros + sa.literal_column(str(first))
    times = [to_micros(at) for at, _ in changes]
    steps = [first, *(micros_of for _, micros_of in changes)]
    shift: sa.ColumnElement[int] = sa.case(
        *((micros < at, sa.literal_column(str(offset))) for at, offset in zip(times, steps[:-1], strict=True)),
        else_=sa.literal_column(str(steps[-1])),
    )
    return micros + shift


def offsets(zone: str, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """Return from when on which offset counts, in microseconds: the first at `since`, one more per change of clocks."""
    there = load_zone(zone)

    def offset_at(instant: datetime) -> int:
        offset = instant.astimezone(there).utcoffset()
        assert offset is not None
        return int(offset / timedelta(microseconds=1))

    at = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found = [(since, offset_at(since))]
    while at < until:
        at += timedelta(days=1)
        if offset_at(at) != found[-1][1]:
            found.append((_change(at, found[-1][1], offset_at), offset_at(at)))
    return found


def _change(after: datetime, before: int, offset_at: Any) -> datetime:
    """Return the quarter of an hour at which the offset changed, within the day up to `after`."""
    at = after
    while offset_at(at - _STEP / 4) != before:
        at -= _STEP / 4
    return at
