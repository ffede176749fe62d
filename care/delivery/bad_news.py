"""A receipt says that an attempt came to nothing: what follows for its message."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.customers.tables import contact_point
from care.delivery.channels.base import ErrorRule
from care.delivery.what_follows import follow
from care.messages.tables import attempt, message

Allowed = Callable[[str, str], tuple[Channel, ...]]
"""Which channels the leg of a campaign, by its id, may use."""


def every_channel(_campaign_id: str, _leg: str) -> tuple[Channel, ...]:
    """Return all: whoever sends looks again."""
    return tuple(Channel)


def is_superseded(found: sa.Row[Any]) -> sa.ColumnElement[bool]:
    """Return: a later attempt of the message is on its way or did better."""
    return sa.exists().where(attempt.c.message_id == found.message_id, attempt.c.n > found.n)


def follow_bad_news(
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
        by="receipt",
        is_final=True,
    )
