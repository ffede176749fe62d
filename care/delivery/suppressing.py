"""Spare addresses that providers say are dead, or whose owners told the provider to stop."""

from datetime import datetime, timedelta
from itertools import takewhile

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.tables import suppression
from care.delivery.channels.base import ErrorClass, Suppress
from care.messages.model import Outcome
from care.messages.tables import attempt

IN_A_ROW = 3
WITHIN = timedelta(days=14)
LOOK_BACK = 30
_COUNTED = {
    Channel.SMS: (str(ErrorClass.NUMBER_SOFT),),
    Channel.EMAIL: (str(ErrorClass.NUMBER_SOFT), str(ErrorClass.UNREACHABLE)),
}

_arrived = sa.and_(attempt.c.outcome == str(Outcome.ACCEPTED), attempt.c.error_class.is_(None))
"""As far as anybody has said."""


def suppress_by_rule(
    conn: sa.Connection, suppress: Suppress, *, channel: Channel, address_hash: str, now: datetime
) -> bool:
    """Write the suppression a provider's error asks for; return whether it stands."""
    if suppress is Suppress.NONE:
        return False
    if suppress is Suppress.AFTER_N and not _gone_for_long(conn, channel, address_hash, now):
        return False
    reason = "opt_out" if suppress is Suppress.CONSENT else "bad_number"
    if reason == "bad_number" and channel is Channel.EMAIL:
        reason = "hard_bounce"
    alive = sa.select(suppression.c.id).where(
        suppression.c.address_hash == address_hash, suppression.c.lifted_at.is_(None), suppression.c.reason == reason
    )
    if conn.execute(alive).first():
        return True
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


def _gone_for_long(conn: sa.Connection, channel: Channel, address_hash: str, now: datetime) -> bool:
    """Return whether the last messages to the address all failed as probably gone; one success clears it."""
    return len(failures_in_a_row(conn, channel, address_hash, now)) >= IN_A_ROW


def failures_in_a_row(conn: sa.Connection, channel: Channel, address_hash: str, now: datetime) -> list[datetime]:
    """Return when the failures were that count towards a ban, newest first; each counts for `WITHIN`.

    A success clears them, and so does lifting a ban; what never got there, or failed otherwise, does not. Messages
    count, not their tries: a phone that is off for a while, or a mailbox that is full, fails every try of one message.
    A mailbox that stays full or unreachable is gone as well.
    """
    lifted = sa.select(sa.func.max(suppression.c.lifted_at)).where(suppression.c.address_hash == address_hash)
    since = max(now - WITHIN, conn.execute(lifted).scalar() or now - WITHIN)
    is_bad = attempt.c.error_class.in_(_COUNTED[channel])
    rows = conn.execute(
        sa.select(attempt.c.message_id, attempt.c.error_class, attempt.c.intent_at)
        .where(attempt.c.address_hash == address_hash, attempt.c.intent_at > since, sa.or_(_arrived, is_bad))
        .order_by(attempt.c.id.desc())
        .limit(LOOK_BACK)
    ).all()
    bad = takewhile(lambda row: row.error_class is not None, rows)
    counted: dict[int, datetime] = {}
    for row in bad:
        counted.setdefault(row.message_id, row.intent_at)
    return list(counted.values())
