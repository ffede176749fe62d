"""What a customer got lately and is about to get: the facts that caps and the contact budget read from the ledger."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.among import among
from care.base.hot import Hot
from care.base.vocabulary import Purpose
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message
from care.policy.caps import LOOK_BACK

AHEAD = timedelta(hours=24)
"""A message yields to a more important one that is due within this time."""

_COUNTED = [str(outcome) for outcome in (Outcome.INTENT, Outcome.ACCEPTED, Outcome.UNKNOWN)]
_WAITING = [str(MessageStatus.PLANNED), str(MessageStatus.HELD)]

Touches = dict[int, tuple[datetime, Purpose]]
"""What reached, or is about to reach, one ear: when and for which purpose, by message id."""


_SENT = sa.select(message.c.customer_id, message.c.id, message.c.sent_at, message.c.purpose).where(
    among(message.c.customer_id, "customers"), message.c.sent_at > sa.bindparam("since")
)
_ON_ITS_WAY = (  # written down, the answer not yet recorded: on another channel no address tells of it
    sa.select(message.c.customer_id, message.c.id, attempt.c.intent_at, message.c.purpose)
    .join(attempt, attempt.c.message_id == message.c.id)
    .where(
        among(message.c.customer_id, "customers"),
        sa.or_(attempt.c.outcome == str(Outcome.INTENT), attempt.c.outcome == str(Outcome.UNKNOWN)),
        attempt.c.intent_at > sa.bindparam("since"),
    )
)
_BY_CUSTOMER = Hot(sa.union_all(_ON_ITS_WAY, _SENT))
_BY_ADDRESS = Hot(
    sa.select(attempt.c.address_hash, message.c.id, attempt.c.intent_at, message.c.purpose)
    .join(message, message.c.id == attempt.c.message_id)
    .where(
        among(attempt.c.address_hash, "hashes"),
        attempt.c.intent_at > sa.bindparam("since"),
        sa.or_(*(attempt.c.outcome == word for word in _COUNTED)),
    )
)
_other = message.alias()
_OTHER_LEGS = Hot(
    sa.select(message.c.id, _other.c.id.label("other")).where(
        among(message.c.id, "ids"),
        *(_other.c[name] == message.c[name] for name in ("campaign_id", "occasion", "customer_id")),
        _other.c.id != message.c.id,
    )
)
_COMING = Hot(
    sa.select(message.c.customer_id, message.c.id, message.c.wake_at, message.c.purpose).where(
        among(message.c.customer_id, "customers"),
        sa.or_(*(message.c.status == word for word in _WAITING)),
        message.c.lane < sa.bindparam("lane"),
        message.c.wake_at <= sa.bindparam("until"),
        message.c.use_by > sa.bindparam("now"),
    )
)


def sent_lately(
    conn: sa.Connection, *, customers: Collection[int], address_hashes: Collection[str], now: datetime
) -> tuple[dict[int, Touches], dict[str, Touches]]:
    """Return hand-overs of the last 30 days by customer and by address: a shared phone counts for all of them."""
    since = now - LOOK_BACK
    by_customer: dict[int, Touches] = {}
    for customer_id, message_id, at, purpose in _BY_CUSTOMER.rows(conn, customers=customers, since=since):
        by_customer.setdefault(customer_id, {})[message_id] = (at, Purpose(purpose))
    by_address: dict[str, Touches] = {}
    for address_hash, message_id, at, purpose in _BY_ADDRESS.rows(conn, hashes=address_hashes, since=since):
        by_address.setdefault(address_hash, {})[message_id] = (at, Purpose(purpose))
    return by_customer, by_address


def more_important(conn: sa.Connection, *, customers: Collection[int], lane: int, now: datetime) -> dict[int, Touches]:
    """Return what of more important lanes is due to these customers within a day: it counts as if sent."""
    found: dict[int, Touches] = {}
    coming = _COMING.rows(conn, customers=customers, lane=lane, until=now + AHEAD, now=now)
    for customer_id, message_id, at, purpose in coming:
        found.setdefault(customer_id, {})[message_id] = (max(at, now), Purpose(purpose))
    return found


def other_legs(conn: sa.Connection, ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Return the messages that tell the same customer of the same occasion on another channel, by message id."""
    found: dict[int, frozenset[int]] = {}
    if not ids:
        return found
    for message_id, other in _OTHER_LEGS.rows(conn, ids=ids):
        found[message_id] = found.get(message_id, frozenset()) | {other}
    return found
