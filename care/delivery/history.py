"""What a customer got lately and is about to get: the facts that caps and the contact budget read from the ledger."""

from collections.abc import Collection
from dataclasses import dataclass, field
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


_row = [message.c[name] for name in ("customer_id", "id", "purpose", "sent_at", "wake_at", "use_by", "lane", "status")]
_OF_CUSTOMERS = Hot(  # one stretch of an index for what was sent, one for what was not: neither grows with the years
    sa.union_all(
        sa.select(*_row, message.c.attempts).where(
            among(message.c.customer_id, "customers"), message.c.sent_at > sa.bindparam("since")
        ),
        sa.select(*_row, message.c.attempts).where(
            among(message.c.customer_id, "customers"),
            message.c.sent_at.is_(None),
            sa.or_(*(message.c.status == word for word in _WAITING), message.c.attempts > 0),
        ),
    )
)
_ON_THEIR_WAY = Hot(  # written down, the answer not yet recorded: on another channel no address tells of it
    sa.select(attempt.c.message_id, attempt.c.intent_at).where(
        among(attempt.c.message_id, "ids"),
        sa.or_(attempt.c.outcome == str(Outcome.INTENT), attempt.c.outcome == str(Outcome.UNKNOWN)),
        attempt.c.intent_at > sa.bindparam("since"),
    )
)
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


@dataclass(frozen=True, slots=True)
class History:
    """What counts for caps: handed over in the last 30 days, and due within a day in more important lanes."""

    by_customer: dict[int, Touches] = field(default_factory=dict)
    by_address: dict[str, Touches] = field(default_factory=dict)
    coming: dict[int, Touches] = field(default_factory=dict)  # counts as if sent


def history_of(
    conn: sa.Connection, *, customers: Collection[int], address_hashes: Collection[str], lane: int, now: datetime
) -> History:
    """Return what these people got lately, under any account that shares the address, and will get before `lane`."""
    since, found = now - LOOK_BACK, History()
    not_recorded: dict[int, tuple[int, Purpose]] = {}
    for row in _OF_CUSTOMERS.rows(conn, customers=customers, since=since):
        customer_id, message_id, purpose, sent_at, wake_at, use_by, its_lane, status, attempts = row
        if sent_at is not None:
            found.by_customer.setdefault(customer_id, {})[message_id] = (sent_at, Purpose(purpose))
        elif attempts:
            not_recorded[message_id] = (customer_id, Purpose(purpose))
        if status in _WAITING and its_lane < lane and wake_at <= now + AHEAD and use_by > now:
            found.coming.setdefault(customer_id, {})[message_id] = (max(wake_at, now), Purpose(purpose))
    if not_recorded:
        for message_id, at in _ON_THEIR_WAY.rows(conn, ids=not_recorded, since=since):
            customer_id, its_purpose = not_recorded[message_id]
            found.by_customer.setdefault(customer_id, {})[message_id] = (at, its_purpose)
    for address_hash, message_id, at, purpose in _BY_ADDRESS.rows(conn, hashes=address_hashes, since=since):
        found.by_address.setdefault(address_hash, {})[message_id] = (at, Purpose(purpose))
    return found


def other_legs(conn: sa.Connection, ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Return the messages that tell the same customer of the same occasion on another channel, by message id."""
    found: dict[int, frozenset[int]] = {}
    if not ids:
        return found
    for message_id, other in _OTHER_LEGS.rows(conn, ids=ids):
        found[message_id] = found.get(message_id, frozenset()) | {other}
    return found
