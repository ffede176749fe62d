"""Messages in doubt, and which request of each is to be asked about."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.customers.tables import contact_point
from care.delivery.doubt import SETTLE
from care.messages.model import MessageStatus
from care.messages.requests import is_in_doubt, was_taken
from care.messages.tables import attempt, message, receipt

ASK_AGAIN_AFTER = timedelta(minutes=10)
MOST_AT_ONCE = 200

_any_of = attempt.alias()
_tried = _any_of.c.message_id == message.c.id
_LAST_OF_DOUBTS = (
    attempt.c.message_id == message.c.id,
    message.c.status == str(MessageStatus.UNKNOWN),
    is_in_doubt(),
    ~sa.exists().where(_tried, _any_of.c.n > attempt.c.n, is_in_doubt(_any_of)),
)
"""Of messages in doubt the last request that is so. A later one may have been refused: then the earlier one counts."""

_is_spoken_of = sa.exists().where(receipt.c.attempt_id == attempt.c.id)
"""Its provider has it, and has said so in a word that we do not know; any other would have settled it."""


def open_cases(conn: sa.Connection, *, now: datetime, at_once: bool = False) -> list[sa.Row[Any]]:
    """Return requests in doubt, one of each message, oldest first; each is looked at every ten minutes.

    `at_once` takes those too that were looked at a moment ago.
    """
    in_doubt = sa.select(sa.func.count()).where(_tried, is_in_doubt(_any_of))
    first_at = sa.select(sa.func.min(_any_of.c.intent_at)).where(_tried)
    there = sa.select(sa.func.min(contact_point.c.address)).where(
        contact_point.c.customer_id == message.c.customer_id,
        contact_point.c.address_hash == attempt.c.address_hash,
        contact_point.c.channel == attempt.c.channel,
    )
    asked = sa.select(
        attempt,
        message.c.campaign_id,
        message.c.purpose,
        message.c.use_by,
        message.c.reason,
        in_doubt.scalar_subquery().label("in_doubt"),
        sa.or_(sa.exists().where(_tried, was_taken(_any_of)), _is_spoken_of).label("is_taken"),
        first_at.scalar_subquery().label("first_at"),
        there.scalar_subquery().label("address"),
    ).where(*_LAST_OF_DOUBTS, attempt.c.done_at <= now - SETTLE)
    if not at_once:
        asked = asked.where(sa.or_(attempt.c.asked_at.is_(None), attempt.c.asked_at <= now - ASK_AGAIN_AFTER))
    return list(conn.execute(asked.order_by(attempt.c.done_at).limit(MOST_AT_ONCE)))


def count_open(conn: sa.Connection) -> int:
    """Return how many messages are in doubt."""
    doubtful = message.c.status == str(MessageStatus.UNKNOWN)
    return int(conn.execute(sa.select(sa.func.count()).where(doubtful)).scalar_one())


def too_young(conn: sa.Connection, now: datetime) -> tuple[int, datetime | None]:
    """Return how many messages in doubt are left to their callbacks as yet, and until when the last of them is."""
    young = sa.select(sa.func.count(), sa.func.max(attempt.c.done_at))
    count, last = conn.execute(young.where(*_LAST_OF_DOUBTS, attempt.c.done_at > now - SETTLE)).one()
    return int(count), last + SETTLE if last else None


def known_refs(conn: sa.Connection, refs: Collection[str]) -> frozenset[str]:
    """Return those of a provider's references that belong to requests we know of."""
    mine = sa.select(attempt.c.provider_ref).where(among(attempt.c.provider_ref, refs))
    return frozenset(conn.execute(mine).scalars())
