"""Apply what providers say later. Receipts are append-only; a message only moves up its rank.

So doubled, late and shuffled receipts are harmless, and one that comes before our own record finds its intent.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import Channel
from care.customers.tables import contact_point
from care.delivery.channels.errors import classify_receipt
from care.delivery.record import follow
from care.messages import store as ledger
from care.messages.model import MessageStatus, Outcome, sources_of
from care.messages.tables import attempt, message, receipt

S = MessageStatus
MEANING: Mapping[str, MessageStatus | None] = {
    "accepted": S.ACCEPTED,
    "scheduled": S.ACCEPTED,
    "queued": S.ACCEPTED,
    "sending": S.ACCEPTED,
    "sent": S.SENT,
    "delivered": S.DELIVERED,
    "partially_delivered": S.DELIVERED,
    "read": S.DELIVERED,
    "undelivered": S.UNDELIVERED,
    "failed": S.FAILED,
    "canceled": S.FAILED,
}
"""Providers' words for what became of a message; a word not listed is kept and moves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One word of a provider about one attempt, found by its token or by the provider's reference."""

    provider: str
    provider_ref: str
    status: str
    error_code: str = ""
    token: str = ""
    at: datetime


def apply_receipts(conn: sa.Connection, receipts: Sequence[Receipt], *, now: datetime, dice: random.Random) -> int:
    """Apply receipts in order; return how many were news."""
    return sum(_apply(conn, one, now=now, dice=dice) for one in receipts)


def _apply(conn: sa.Connection, one: Receipt, *, now: datetime, dice: random.Random) -> bool:
    found = _find_attempt(conn, one)
    values = {
        "attempt_id": found.id if found else None,
        "provider": one.provider,
        "provider_ref": one.provider_ref,
        "status": one.status,
        "error_code": one.error_code,
        "received_at": one.at,
    }
    statement = insert(conn, receipt).values(values).on_conflict_do_nothing()
    news = conn.execute(statement.returning(receipt.c.id)).first()
    if news is None or found is None:
        return False
    means = MEANING.get(one.status)
    if means is not None:
        _settle_attempt(conn, found, one, now)
        _move(conn, found, one, means, now=now, dice=dice)
    return True


def _find_attempt(conn: sa.Connection, one: Receipt) -> sa.Row[Any] | None:
    if one.token:
        by_token = conn.execute(sa.select(attempt).where(attempt.c.token == one.token)).one_or_none()
        if by_token is not None:
            return by_token
    return conn.execute(
        sa.select(attempt).where(attempt.c.provider_ref == one.provider_ref).order_by(attempt.c.id).limit(1)
    ).one_or_none()


def _settle_attempt(conn: sa.Connection, found: sa.Row[Any], one: Receipt, now: datetime) -> None:
    """A receipt proves that the provider took the attempt, whatever we knew before."""
    values: dict[str, Any] = {"provider_ref": found.provider_ref or one.provider_ref}
    if found.outcome in (str(Outcome.INTENT), str(Outcome.UNKNOWN), str(Outcome.ABANDONED)):
        values |= {"outcome": str(Outcome.ACCEPTED), "done_at": now, "error_class": None, "error_code": None}
    if one.error_code:
        rule = classify_receipt(one.error_code)
        values |= {"error_code": one.error_code, "error_class": str(rule.error_class), "spent": rule.is_permanent}
    conn.execute(sa.update(attempt).where(attempt.c.id == found.id).values(values))


def _move(
    conn: sa.Connection, found: sa.Row[Any], one: Receipt, means: MessageStatus, *, now: datetime, dice: random.Random
) -> None:
    is_bad = means in (S.UNDELIVERED, S.FAILED)
    if is_bad and _is_superseded(conn, found):
        return  # a later attempt is on its way or did better
    values: dict[str, Any] = {
        "status": str(means),
        "reason": (f"{classify_receipt(one.error_code).error_class}" if is_bad else None),
        "status_at": now,
        "lease_owner": None,
        "lease_until": None,
        "sent_at": sa.func.coalesce(message.c.sent_at, sa.literal(one.at, message.c.sent_at.type)),
    }
    if means is S.DELIVERED:
        values["delivered_at"] = sa.func.coalesce(
            message.c.delivered_at, sa.literal(one.at, message.c.delivered_at.type)
        )
    lower = [str(status) for status in sorted(sources_of(means) - {S.PLANNED, S.HELD, S.SKIPPED})]
    moved = conn.execute(
        sa.update(message)
        .where(message.c.id == found.message_id, message.c.status.in_(lower))
        .values(values)
        .returning(message.c.id)
    ).first()
    if moved is None and means is S.DELIVERED:
        _deliver_late(conn, found, one, now)
    if moved is not None and is_bad:
        _follow_bad_news(conn, found, one, now=now, dice=dice)


def _is_superseded(conn: sa.Connection, found: sa.Row[Any]) -> bool:
    later = sa.select(attempt.c.id).where(attempt.c.message_id == found.message_id, attempt.c.n > found.n)
    return conn.execute(later).first() is not None


def _deliver_late(conn: sa.Connection, found: sa.Row[Any], one: Receipt, now: datetime) -> None:
    """The message waits for another try although the first arrived after all: the better news wins."""
    waiting = [str(S.PLANNED), str(S.HELD)]
    conn.execute(
        sa.update(message)
        .where(message.c.id == found.message_id, message.c.status.in_(waiting), message.c.attempts > 0)
        .values(
            status=str(S.DELIVERED),
            reason=None,
            status_at=now,
            delivered_at=one.at,
            sent_at=sa.func.coalesce(message.c.sent_at, sa.literal(one.at, message.c.sent_at.type)),
        )
    )


def _follow_bad_news(
    conn: sa.Connection, found: sa.Row[Any], one: Receipt, *, now: datetime, dice: random.Random
) -> None:
    owed = conn.execute(sa.select(message).where(message.c.id == found.message_id)).one()
    spent = sa.select(attempt.c.channel).where(attempt.c.message_id == owed.id, attempt.c.spent.is_(True))
    gone = {Channel(word) for word in conn.execute(spent).scalars()} | {Channel(found.channel)}
    has = sa.select(contact_point.c.channel).where(contact_point.c.customer_id == owed.customer_id).distinct()
    left = tuple(c for c in Channel if c not in gone and c in set(conn.execute(has).scalars()))
    rule = classify_receipt(one.error_code)
    follow(
        conn,
        message_id=owed.id,
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


def give_up_waiting(conn: sa.Connection, *, now: datetime, older_than: datetime, limit: int = 5_000) -> int:
    """Move messages without a receipt for too long to `unconfirmed`; return how many."""
    silent = (
        sa.select(message.c.id)
        .where(message.c.status.in_([str(S.ACCEPTED), str(S.SENT), str(S.UNKNOWN)]), message.c.status_at < older_than)
        .limit(limit)
    )
    ids = conn.execute(silent).scalars().all()
    reason = "no receipt within 72 hours"
    return len(ledger.move_messages(conn, ids, S.UNCONFIRMED, now=now, by="watchdog", reason=reason))
