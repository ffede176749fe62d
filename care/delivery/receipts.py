"""Apply what providers say later. Receipts are append-only; a message only moves up its rank.

So doubled, late and shuffled receipts are harmless, and one that comes before our own record finds its intent.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import Channel
from care.delivery.bad_news import Allowed, end_by_receipt, every_channel
from care.delivery.channels.base import ErrorRule
from care.delivery.channels.errors import classify_receipt
from care.delivery.copies import another_may_arrive, warn_of_copies
from care.delivery.good_news import OPEN_OUTCOMES, Good, spread
from care.delivery.pace import lock_retry_queues
from care.delivery.retry import may_queue
from care.messages import store as ledger
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message, receipt
from care.messages.words import BAD_WORDS, GOOD, MEANING

S = MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One word of a provider about one attempt, found by its token or by the provider's reference."""

    provider: str
    provider_ref: str
    status: str
    error_code: str = ""
    token: str = ""
    at: datetime


def apply_receipts(
    conn: sa.Connection,
    receipts: Sequence[Receipt],
    *,
    now: datetime,
    dice: random.Random,
    allowed: Allowed = every_channel,
) -> int:
    """Apply receipts in order; return how many were news. `allowed` tells on which channels a message may go on.

    Good news travels in a few statements for all; bad news, which leads to more, one at a time.
    """
    attempts = _find_attempts(conn, receipts)
    lock_retry_queues(conn, _queues(receipts, attempts))
    news = _keep(conn, receipts, attempts)
    warn_of_copies((one.provider_ref, found) for one, found in news if MEANING.get(one.status) in GOOD)
    good: list[Good] = []
    for one, found in news:
        means = MEANING.get(one.status)
        if means in GOOD:
            good.append(Good(attempt=found, means=means, ref=one.provider_ref, at=one.at))
            continue
        spread(conn, good, now)
        good = []
        if means is None or another_may_arrive(conn, found, one.provider_ref, bad=BAD_WORDS):
            continue  # of two copies one failed: another try could make it three
        rule = classify_receipt(one.error_code)
        _close(conn, found, one, rule, now)
        end_by_receipt(conn, found, means=means, rule=rule, at=one.at, allowed=allowed, now=now, dice=dice)
    spread(conn, good, now)
    return len(news)


def _queues(receipts: Sequence[Receipt], attempts: Sequence[sa.Row[Any] | None]) -> set[Channel]:
    """Return the channels on which bad news may lead to another try."""
    return {
        Channel(found.channel)
        for one, found in zip(receipts, attempts, strict=True)
        if found is not None
        and MEANING.get(one.status) in (S.UNDELIVERED, S.FAILED)
        and may_queue(classify_receipt(one.error_code))
    }


def _find_attempts(conn: sa.Connection, receipts: Sequence[Receipt]) -> list[sa.Row[Any] | None]:
    """Return each receipt's attempt: by its token, else the first one with the reference at that very provider.

    The token is of one attempt alone, so it counts whatever the account is called today.
    """
    tokens = {one.token for one in receipts if one.token}
    by_token = {row.token: row for row in conn.execute(sa.select(attempt).where(attempt.c.token.in_(tokens)))}
    refs = {one.provider_ref for one in receipts if one.token not in by_token}
    by_ref: dict[tuple[str, str], sa.Row[Any]] = {}
    if refs:
        same = sa.select(attempt).where(attempt.c.provider_ref.in_(refs)).order_by(attempt.c.id.desc())
        by_ref = {(row.provider, row.provider_ref): row for row in conn.execute(same)}
    return [by_token.get(one.token) or by_ref.get((one.provider, one.provider_ref)) for one in receipts]


def _keep(
    conn: sa.Connection, receipts: Sequence[Receipt], attempts: Sequence[sa.Row[Any] | None]
) -> list[tuple[Receipt, sa.Row[Any]]]:
    """Append the receipts; return, in order, those that are new and speak of an attempt of ours."""
    rows = {
        (one.provider_ref, one.status, one.error_code): {
            "attempt_id": found.id if found else None,
            "provider": one.provider,
            "provider_ref": one.provider_ref,
            "status": one.status,
            "error_code": one.error_code,
            "received_at": one.at,
        }
        for one, found in reversed(list(zip(receipts, attempts, strict=True)))
    }
    if not rows:
        return []
    statement = insert(conn, receipt).on_conflict_do_nothing()
    statement = statement.returning(receipt.c.provider_ref, receipt.c.status, receipt.c.error_code)
    new = {tuple(row) for row in conn.execute(statement, list(reversed(rows.values())))}
    fresh = []
    for one, found in zip(receipts, attempts, strict=True):
        key = (one.provider_ref, one.status, one.error_code)
        if key in new and found is not None:
            new.remove(key)  # the first of several alike counts
            fresh.append((one, found))
    return fresh


def _close(conn: sa.Connection, found: sa.Row[Any], one: Receipt, rule: ErrorRule, now: datetime) -> None:
    """Write to an attempt that it came to nothing. The provider took it, whatever we knew before."""
    values: dict[str, Any] = {
        "provider_ref": found.provider_ref or one.provider_ref,
        "error_code": one.error_code or None,
        "error_class": str(rule.error_class),
        "spent": rule.is_permanent,
    }
    if found.outcome in OPEN_OUTCOMES:
        values |= {"outcome": str(Outcome.ACCEPTED), "done_at": now}
    conn.execute(sa.update(attempt).where(attempt.c.id == found.id).values(values))


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
