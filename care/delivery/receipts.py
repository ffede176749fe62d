"""Apply what providers say later. Receipts are append-only; a message only moves up its rank.

So doubled, late and shuffled receipts are harmless, and one that comes before our own record finds its intent.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import Channel
from care.delivery.bad_news import Allowed, every_channel, follow_bad_news, is_superseded
from care.delivery.channels.errors import classify_receipt
from care.delivery.copies import another_may_arrive, warn_of_copies
from care.delivery.pace import lock_retry_queues
from care.delivery.retry import may_queue
from care.messages import store as ledger
from care.messages.model import RANK, MessageStatus, Outcome, sources_of
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
    warn_of_copies((one.provider_ref, found) for one, found in news if MEANING.get(one.status) in _GOOD)
    good: list[_Good] = []
    for one, found in news:
        means = MEANING.get(one.status)
        if means in _GOOD and not one.error_code:
            good.append(_Good(one=one, attempt=found, means=means))
            continue
        _spread(conn, good, now)
        good = []
        if means is None or (means not in _GOOD and another_may_arrive(conn, found, one.provider_ref, bad=_BAD_WORDS)):
            continue  # of two copies one failed: another try could make it three
        _settle_attempt(conn, found, one, now)
        _move(conn, found, one, means, allowed=allowed, now=now, dice=dice)
    _spread(conn, good, now)
    return len(news)


_GOOD = (S.ACCEPTED, S.SENT, S.DELIVERED)
_BAD_WORDS = frozenset(word for word, means in MEANING.items() if means in (S.UNDELIVERED, S.FAILED))
_CAME_TO_NOTHING = sa.exists().where(
    receipt.c.attempt_id == sa.bindparam("_try"), sa.or_(*(receipt.c.status == word for word in sorted(_BAD_WORDS)))
)
"""The last try did: what is in doubt is an earlier one."""

_OPEN_OUTCOMES = [str(Outcome.INTENT), str(Outcome.UNKNOWN), str(Outcome.ABANDONED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    one: Receipt
    attempt: sa.Row[Any]
    means: MessageStatus


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


def _spread(conn: sa.Connection, good: Sequence[_Good], now: datetime) -> None:
    """Write good news to attempts and messages; a message only moves up."""
    if not good:
        return
    nameless = {each.attempt.id: each.one.provider_ref for each in good if each.attempt.provider_ref is None}
    if nameless:
        named = sa.update(attempt).where(attempt.c.id == sa.bindparam("_id"), attempt.c.provider_ref.is_(None))
        conn.execute(
            named.values(provider_ref=sa.bindparam("_ref")), [{"_id": i, "_ref": ref} for i, ref in nameless.items()]
        )
    doubted = sa.and_(attempt.c.id.in_({each.attempt.id for each in good}), attempt.c.outcome.in_(_OPEN_OUTCOMES))
    taken = {"outcome": str(Outcome.ACCEPTED), "done_at": now, "error_class": None, "error_code": None}
    conn.execute(sa.update(attempt).where(doubted).values(taken))
    best: dict[int, _Good] = {}
    first: dict[int, datetime] = {}
    for each in good:
        message_id = each.attempt.message_id
        first.setdefault(message_id, each.one.at)
        if message_id not in best or RANK[each.means] > RANK[best[message_id].means]:
            best[message_id] = each
    for means in _GOOD:
        mine = {message_id: each for message_id, each in best.items() if each.means is means}
        _raise(conn, means, mine, first, now)


def _raise(
    conn: sa.Connection, means: MessageStatus, good: Mapping[int, _Good], first: Mapping[int, datetime], now: datetime
) -> None:
    """Move messages up to a good status; `first` tells when the provider first spoke of each.

    What only came on its way in an earlier try says nothing of the last one, which may be open.
    """
    if not good:
        return
    values: dict[str, Any] = {
        "status": str(means),
        "reason": None,
        "status_at": now,
        "lease_owner": None,
        "lease_until": None,
        "sent_at": sa.func.coalesce(message.c.sent_at, sa.bindparam("_first", type_=message.c.sent_at.type)),
    }
    if means is S.DELIVERED:
        heard = sa.bindparam("_at", type_=message.c.delivered_at.type)
        values["delivered_at"] = sa.func.coalesce(message.c.delivered_at, heard)
    statement = sa.update(message).where(message.c.id == sa.bindparam("_id"), _is_below(means))
    rows: list[dict[str, Any]] = [{"_id": message_id, "_first": first[message_id]} for message_id in good]
    if means is S.DELIVERED:
        rows = [row | {"_at": good[row["_id"]].one.at} for row in rows]
    else:
        is_doubt_of_another = sa.and_(message.c.status == str(S.UNKNOWN), _CAME_TO_NOTHING)
        statement = statement.where(message.c.attempts == sa.bindparam("_n"), sa.not_(is_doubt_of_another))
        rows = [row | {"_n": good[row["_id"]].attempt.n, "_try": good[row["_id"]].attempt.id} for row in rows]
    conn.execute(statement.values(values), rows)


def _is_below(means: MessageStatus) -> sa.ColumnElement[bool]:
    """Return: the message may move up; a wait or an end between two tries gives way to `delivered` only."""
    return _is_one_of(sources_of(means))


def _is_one_of(statuses: Collection[MessageStatus]) -> sa.ColumnElement[bool]:
    """Return: the message's status is one of these; spelt out, since executing many at once knows no IN."""
    return sa.or_(*(message.c.status == str(status) for status in sorted(statuses)))


def _settle_attempt(conn: sa.Connection, found: sa.Row[Any], one: Receipt, now: datetime) -> None:
    """A receipt proves that the provider took the attempt, whatever we knew before."""
    values: dict[str, Any] = {"provider_ref": found.provider_ref or one.provider_ref}
    if found.outcome in _OPEN_OUTCOMES:
        values |= {"outcome": str(Outcome.ACCEPTED), "done_at": now, "error_class": None, "error_code": None}
    if one.error_code:
        rule = classify_receipt(one.error_code)
        values |= {"error_code": one.error_code, "error_class": str(rule.error_class), "spent": rule.is_permanent}
    conn.execute(sa.update(attempt).where(attempt.c.id == found.id).values(values))


def _move(
    conn: sa.Connection,
    found: sa.Row[Any],
    one: Receipt,
    means: MessageStatus,
    *,
    allowed: Allowed,
    now: datetime,
    dice: random.Random,
) -> None:
    if means in _GOOD:
        good = _Good(one=one, attempt=found, means=means)
        _raise(conn, means, {found.message_id: good}, {found.message_id: one.at}, now)
        return
    rule = classify_receipt(one.error_code)
    values: dict[str, Any] = {
        "status": str(means),
        "reason": str(rule.error_class),
        "status_at": now,
        "lease_owner": None,
        "lease_until": None,
        "sent_at": sa.func.coalesce(message.c.sent_at, sa.literal(one.at, message.c.sent_at.type)),
    }
    ended = sa.update(message).where(message.c.id == found.message_id, _is_below(means), ~is_superseded(found))
    if conn.execute(ended.values(values).returning(message.c.id)).first():
        follow_bad_news(conn, found, rule=rule, allowed=allowed, now=now, dice=dice)


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
