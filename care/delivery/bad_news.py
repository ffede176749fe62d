"""A receipt says that an attempt came to nothing: what follows for its message."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.customers.tables import contact_point
from care.delivery.channels.base import ErrorRule
from care.delivery.good_news import OPEN_OUTCOMES, is_below
from care.delivery.what_follows import follow, say_why
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.requests import may_arrive
from care.messages.tables import attempt, message

BY = "receipt"

Allowed = Callable[[str, str], tuple[Channel, ...]]
"""Which channels the leg of a campaign, by its id, may use."""


def every_channel(_campaign_id: str, _leg: str) -> tuple[Channel, ...]:
    """Return all: whoever sends looks again."""
    return tuple(Channel)


def is_superseded(found: sa.Row[Any]) -> sa.ColumnElement[bool]:
    """Return: a later attempt counts: one that may arrive, or any that a sender has begun, or is about to begin."""
    later = sa.and_(attempt.c.message_id == found.message_id, attempt.c.n > found.n)
    is_in_hand = message.c.status == str(MessageStatus.SENDING)
    is_for_a_later = sa.exists().where(later) if found.outcome in OPEN_OUTCOMES else sa.true()
    return sa.or_(sa.exists().where(later, may_arrive()), sa.and_(is_in_hand, is_for_a_later))


def end_by_receipt(
    conn: sa.Connection,
    found: sa.Row[Any],
    *,
    means: MessageStatus,
    rule: ErrorRule,
    at: datetime,
    allowed: Allowed,
    now: datetime,
    dice: random.Random,
) -> None:
    """Give a message the end that a receipt tells of, and carry out what follows from it.

    What was to go no further anyway, and was only in doubt, ends for the reason that it had.
    """
    earlier = str(conn.execute(sa.select(message.c.reason).where(message.c.id == found.message_id)).scalar())
    values: dict[str, Any] = {
        "status": str(means),
        "reason": str(rule.error_class),
        "status_at": now,
        "lease_owner": None,
        "lease_until": None,
        "sent_at": sa.func.coalesce(message.c.sent_at, sa.literal(at, message.c.sent_at.type)),
    }
    ended = sa.update(message).where(message.c.id == found.message_id, is_below(means), ~is_superseded(found))
    if not conn.execute(ended.values(values).returning(message.c.id)).first():
        return
    if earlier.startswith(ledger.IN_DOUBT_STILL):
        say_why(conn, found.message_id, earlier.removeprefix(ledger.IN_DOUBT_STILL), now=now, by=BY)
        ledger.reelect(conn, [found.message_id], now=now)
    else:
        _follow(conn, found, rule=rule, allowed=allowed, now=now, dice=dice)


def _follow(
    conn: sa.Connection, found: sa.Row[Any], *, rule: ErrorRule, allowed: Allowed, now: datetime, dice: random.Random
) -> None:
    """Carry out what a message's end by a receipt leads to: another try, another channel, or why nothing follows."""
    owed = conn.execute(sa.select(message).where(message.c.id == found.message_id)).one()
    spent = sa.select(attempt.c.channel).where(attempt.c.message_id == owed.id, attempt.c.spent.is_(True))
    gone = {Channel(word) for word in conn.execute(spent).scalars()} | {Channel(found.channel)}
    has = sa.select(contact_point.c.channel).where(contact_point.c.customer_id == owed.customer_id).distinct()
    reachable = set(conn.execute(has).scalars())
    left = tuple(c for c in allowed(owed.campaign_id, owed.leg) if c not in gone and c in reachable)
    follow(
        conn,
        message_id=owed.id,
        purpose=Purpose(owed.purpose),
        rule=rule,
        channel=Channel(found.channel),
        address_hash=found.address_hash,
        attempts=owed.attempts,
        channels_left=left,
        use_by=owed.use_by,
        now=now,
        dice=dice,
        by=BY,
        is_final=True,
    )
