"""Spare addresses that providers say are dead, or whose owners told the provider to stop."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.tables import suppression
from care.delivery.channels.base import ErrorClass, Suppress
from care.messages.tables import attempt

IN_A_ROW = 3
WITHIN = timedelta(days=14)


def suppress_by_rule(
    conn: sa.Connection, suppress: Suppress, *, channel: Channel, address_hash: str, now: datetime
) -> bool:
    """Write the suppression a provider's error asks for; return whether it is new."""
    if suppress is Suppress.NONE:
        return False
    if suppress is Suppress.AFTER_N and not _gone_for_long(conn, address_hash, now):
        return False
    reason = "opt_out" if suppress is Suppress.CONSENT else "bad_number"
    if reason == "bad_number" and channel is Channel.EMAIL:
        reason = "hard_bounce"
    alive = sa.select(suppression.c.id).where(
        suppression.c.address_hash == address_hash, suppression.c.lifted_at.is_(None), suppression.c.reason == reason
    )
    if conn.execute(alive).first():
        return False
    conn.execute(
        sa.insert(suppression).values(
            address_hash=address_hash,
            channel=str(channel),
            scope="all",
            reason=reason,
            source="provider",
            created_at=now,
        )
    )
    return True


def _gone_for_long(conn: sa.Connection, address_hash: str, now: datetime) -> bool:
    """Return whether the last attempts to the address all failed as probably gone; one success clears it."""
    last = conn.execute(
        sa.select(attempt.c.error_class)
        .where(attempt.c.address_hash == address_hash, attempt.c.intent_at > now - WITHIN)
        .order_by(attempt.c.id.desc())
        .limit(IN_A_ROW)
    ).scalars()
    words = list(last)
    return len(words) == IN_A_ROW and all(word == str(ErrorClass.NUMBER_SOFT) for word in words)
