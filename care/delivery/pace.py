"""Parts per second, shared by all processes of a sender: one moving instant in the database."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.database import insert
from care.base.hot import Hot
from care.base.ids import digest
from care.base.vocabulary import Channel, Purpose
from care.delivery.model import Ready
from care.delivery.tables import pace

INTENT_SECONDS = 2.0
"""A group of intents covers at most this much sending time, so no intent waits long for its first byte."""

GROUP_LIMIT = 256
LATE_SECONDS = 0.1
"""Slots missed by more are lost: sending what they were for all at once would break the pace."""


def pace_key(channel: Channel, purpose: Purpose, senders: Mapping[str, str]) -> str:
    """Return whose pace a message keeps: the channel's, or that of the sender its purpose has of its own."""
    sender = senders.get(purpose)
    return f"{channel}:{digest(sender)[:16]}" if sender else str(channel)


def group_size(rate_per_second: float) -> int:
    """Return how many parts one group of intents may hold: what a crash leaves in doubt is at most this."""
    return int(min(GROUP_LIMIT, max(1, rate_per_second * INTENT_SECONDS)))


_FREE_AT = Hot(sa.select(pace.c.next_free_at).where(pace.c.sender == sa.bindparam("of")))
_LOCKED = Hot(sa.select(pace.c.next_free_at).where(pace.c.sender == sa.bindparam("of")).with_for_update())
_BEGIN = Hot(lambda conn: insert(conn, pace).on_conflict_do_nothing(), each=("sender", "next_free_at"))
_MOVE = Hot(sa.update(pace).where(pace.c.sender == sa.bindparam("of")).values(next_free_at=sa.bindparam("after")))
_FAR_SECONDS = 30.0
_FAR_PARTS = 100


def seconds_until_free(conn: sa.Connection, sender: str, now: datetime, *, rate_per_second: float) -> float:
    """Return how long until the sender's next part may leave; 0 when it may now."""
    found = _FREE_AT.rows(conn, of=str(sender))
    return (_begin(found[0][0], now, rate_per_second) - now).total_seconds() if found else 0.0


def take_slice(conn: sa.Connection, *, sender: str, parts: int, rate_per_second: float, now: datetime) -> datetime:
    """Reserve time for `parts` and return when the first may leave; each next one follows 1 / rate later."""
    found = _LOCKED.rows(conn, of=str(sender))
    if not found:
        _BEGIN.many(conn, [(str(sender), now)])
        found = _LOCKED.rows(conn, of=str(sender))
    start: datetime = _begin(found[0][0], now, rate_per_second)
    _MOVE.run(conn, of=str(sender), after=start + timedelta(seconds=parts / rate_per_second))
    return start


def move_slots(
    conn: sa.Connection,
    group: Sequence[Ready],
    *,
    sender: str,
    rate_per_second: float,
    now: datetime,
    monotonic: float,
) -> None:
    """Give a group that was committed late new slots: those it had are gone, and catching up would be a burst."""
    parts = sum(ready.prepared.parts for ready in group)
    start = take_slice(conn, sender=sender, parts=parts, rate_per_second=rate_per_second, now=now)
    ahead = (start - now).total_seconds()
    for ready in group:
        ready.leaves_at = monotonic + ahead
        ready.leave_by = monotonic + last_moment(ahead, ready.prepared.message.use_by, now)
        ahead += ready.prepared.parts / rate_per_second


RETRY_SHARE = 0.1
"""So much of a channel's pace, over all processes, may be further tries."""

_RETRY = Hot(
    sa.select(pace.c.next_free_at, pace.c.gap_micros).where(pace.c.sender == sa.bindparam("of")).with_for_update()
)
_LONGEST_QUEUE = timedelta(days=2)


def open_retry_pace(conn: sa.Connection, channel: Channel, *, rate_per_second: float, now: datetime) -> None:
    """Say how fast further tries may follow each other on a channel; what is taken already stays taken."""
    gap = round(1e6 / (rate_per_second * RETRY_SHARE))
    rows = [{"sender": key, "next_free_at": now, "gap_micros": gap} for key in _retry_keys(channel)]
    statement = insert(conn, pace).values(rows)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["sender"], set_={"gap_micros": statement.excluded.gap_micros})
    )


def lock_retry_queues(conn: sa.Connection, channels: Iterable[Channel]) -> None:
    """Lock queues for another try, before any message: all who join one begin so, and wait for nobody in a circle."""
    for key in sorted(key for channel in set(channels) for key in _retry_keys(channel)):
        _RETRY.rows(conn, of=key)


def retry_queue(conn: sa.Connection, channel: Channel, purpose: Purpose, now: datetime) -> timedelta:
    """Return how long what fails now stands behind others that wait for another try; locks the queues.

    A notice stands behind notices only.
    """
    keys = _retry_keys(channel)
    return max(_length(conn, key, now) for key in (keys[:1] if purpose.is_service else keys))


def _length(conn: sa.Connection, key: str, now: datetime) -> timedelta:
    found = _RETRY.rows(conn, of=key)
    free_at: datetime = found[0][0] if found else now
    return free_at - now if now < free_at <= now + _LONGEST_QUEUE else timedelta(0)  # else the clock was set back


def join_retry_queue(conn: sa.Connection, channel: Channel, purpose: Purpose, queued: timedelta, now: datetime) -> None:
    """Take the place at the end of the queue that `retry_queue` has named."""
    key = _retry_keys(channel)[0 if purpose.is_service else 1]
    found = _RETRY.rows(conn, of=key)
    if found and found[0][1]:
        _MOVE.run(conn, of=key, after=now + queued + timedelta(microseconds=found[0][1]))


def _retry_keys(channel: Channel) -> tuple[str, str]:
    """Return the queue of notices and that of all others, in the order in which they are locked."""
    return f"{channel}:notices:retry", f"{channel}:retry"


STALE_SECONDS = 5.0
"""An intent whose slot passed this long ago is given up before its first byte."""


def last_moment(ahead: float, use_by: datetime, now: datetime) -> float:
    """Return seconds from now until when a message may still leave that has its slot so many seconds ahead.

    Never after its use: a slot that lies a moment beyond it would make it late.
    """
    return min(max(0.0, ahead) + STALE_SECONDS, (use_by - now).total_seconds())


def _begin(free_at: datetime, now: datetime, rate_per_second: float) -> datetime:
    """Return when the next slice begins.

    Slices are taken a moment ahead. What lies further ahead than all senders together would go was taken before the
    clock was set back, and means nothing now.
    """
    far = timedelta(seconds=max(_FAR_SECONDS, _FAR_PARTS / rate_per_second))
    return free_at if now < free_at <= now + far else now
