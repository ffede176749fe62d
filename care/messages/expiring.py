"""Expire what nobody claimed in time."""

import itertools
from datetime import datetime

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.store import move_messages
from care.messages.tables import message

_CLAIMABLE = sorted(str(status) for status in CLAIMABLE)


def expire_overdue(conn: sa.Connection, *, now: datetime, limit: int = 5_000) -> int:
    """Expire what waited past its time, because it was paused or nobody was there to send; return how many."""
    total = 0
    reason = "its time passed while it waited"
    for status, purpose in itertools.product(_CLAIMABLE, Purpose):  # one stretch of the claim's index each
        late = sa.select(message.c.id).where(
            message.c.status == sa.literal_column(f"'{status}'"),
            message.c.lane == purpose.lane,
            message.c.use_by <= now,
        )
        ids = conn.execute(late.limit(limit)).scalars().all()
        moved = move_messages(
            conn, ids, MessageStatus.EXPIRED, now=now, by="watchdog", reason=reason, only_from=CLAIMABLE
        )
        total += len(moved)
    return total
