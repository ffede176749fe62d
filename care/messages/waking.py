"""Wake what waits because a provider took nothing."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.messages.model import CLAIMABLE
from care.messages.store import is_paused
from care.messages.tables import message

LONGEST_WAIT = timedelta(hours=1)
"""Whatever waits for a provider looks again within this time; the index then leads to few rows."""


def wake_waiting(
    conn: sa.Connection,
    *,
    channel: Channel,
    held_for: str,
    refused_for: Collection[str],
    now: datetime,
    limit: int | None = None,
) -> int:
    """Let messages be claimed now that wait for a channel, the first deadlines first; return how many.

    `held_for` is how the reason begins of those not tried; `refused_for` are reasons of those tried on the channel.
    """
    return _wake(conn, now, limit, *_waits(channel, held_for, refused_for, now))


def wake_for_trial(
    conn: sa.Connection,
    *,
    channel: Channel,
    held_for: str,
    refused_for: Collection[str],
    now: datetime,
    limit: int | None = None,
) -> int:
    """Let only such be claimed as nobody has paused: one that stays would leave a trial without its message."""
    return _wake(conn, now, limit, *_waits(channel, held_for, refused_for, now), sa.not_(is_paused))


def _waits(
    channel: Channel, held_for: str, refused_for: Collection[str], now: datetime
) -> Iterator[sa.ColumnElement[bool]]:
    is_refused = sa.and_(message.c.channel == str(channel), message.c.reason.in_(refused_for))
    yield sa.or_(message.c.reason.startswith(held_for, autoescape=True), is_refused)
    yield message.c.wake_at > now
    yield message.c.wake_at <= now + LONGEST_WAIT


def wake_put_off(conn: sa.Connection, *, channel: Channel, reason: str, now: datetime, limit: int) -> int:
    """Let messages be claimed now that were to wait for longer, as for another day; return how many.

    Those that come by themselves soon keep the places that they have among further tries.
    """
    is_mine = sa.and_(message.c.channel == str(channel), message.c.reason == reason)
    is_put_off = message.c.wake_at > message.c.due_at  # there is an index of these
    return _wake(conn, now, limit, message.c.wake_at > now + LONGEST_WAIT, is_put_off, is_mine)


def _wake(conn: sa.Connection, now: datetime, limit: int | None, *wanted: sa.ColumnElement[bool]) -> int:
    mine = sa.select(message.c.id).where(
        message.c.status.in_([str(status) for status in CLAIMABLE]),
        message.c.lane.in_([purpose.lane for purpose in Purpose]),
        *wanted,
    )
    waiting = mine.params(now=now).order_by(message.c.use_by)
    first = waiting.limit(limit).with_for_update(skip_locked=True)  # another wakes them
    statement = sa.update(message).where(message.c.id.in_(first)).values(wake_at=now)
    return int(conn.execute(statement.execution_options(preserve_rowcount=True)).rowcount)
