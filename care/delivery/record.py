"""Record what providers answered, in groups. Never fenced: a fact is welcome from anyone, however late."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from care.base.among import among, beside
from care.base.database import Instant
from care.base.hot import Hot
from care.base.vocabulary import Channel
from care.delivery.channels.base import Result
from care.delivery.model import Ready
from care.delivery.pace import lock_retry_queues
from care.delivery.prepare import channels_of
from care.delivery.retry import may_queue
from care.delivery.what_follows import follow
from care.messages import store as ledger
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message

S = MessageStatus
FIRST_WORDS = {"sent": S.SENT, "delivered": S.DELIVERED}
"""Providers whose first word already says more than accepted."""

STALE, CLOSED = "stale", "closed"
GIVEN_UP = {STALE: "too long after its intent", CLOSED: "its provider closed meanwhile"}
"""Why a message did not leave that had its intent."""


class Answer(NamedTuple):
    """One answer and the message it belongs to."""

    ready: Ready
    result: Result
    at: datetime
    seconds: float = 0.0  # that the provider took to answer


_CLOSE = (
    sa.update(attempt)
    .where(
        attempt.c.id == sa.bindparam("_id"),
        sa.or_(attempt.c.outcome == str(Outcome.INTENT), attempt.c.outcome == str(Outcome.UNKNOWN)),
    )
    .values(
        outcome=sa.bindparam("_outcome"),
        provider_ref=sa.func.coalesce(sa.bindparam("_ref", type_=sa.String), attempt.c.provider_ref),
        error_code=sa.bindparam("_code"),
        error_class=sa.bindparam("_class"),
        spent=sa.bindparam("_spent"),
        done_at=sa.bindparam("_at"),
    )
)


_CLOSE_ACCEPTED = Hot(
    sa.update(attempt)
    .where(
        attempt.c.id == sa.bindparam("_id"),
        sa.or_(attempt.c.outcome == str(Outcome.INTENT), attempt.c.outcome == str(Outcome.UNKNOWN)),
    )
    .values(
        outcome=str(Outcome.ACCEPTED),
        provider_ref=sa.bindparam("_ref"),
        error_code=None,
        error_class=None,
        done_at=sa.bindparam("_at"),
    ),
    each=("_ref", "_at", "_id"),
)
_in_work = sa.or_(*(beside(message.c.status) == str(status) for status in (S.SENDING, S.UNKNOWN)))
_accepted: dict[str, Any] = {
    "status": sa.bindparam("_status"),
    "reason": None,
    "status_at": sa.bindparam("_now"),
    "lease_owner": None,
    "lease_until": None,
    "sent_at": sa.func.coalesce(message.c.sent_at, sa.bindparam("_now", type_=Instant)),
}
_ACCEPT = Hot(sa.update(message).where(among(message.c.id, "ids"), _in_work).values(_accepted))
_DELIVER = Hot(
    sa.update(message)
    .where(among(message.c.id, "ids"), _in_work)
    .values(_accepted | {"delivered_at": sa.func.coalesce(message.c.delivered_at, sa.bindparam("_now", type_=Instant))})
)


_ACCEPTED, _TAKEN = Outcome.ACCEPTED, S.ACCEPTED  # asked for every message

_later = attempt.alias()
_LAST = sa.select(attempt.c.id, attempt.c.outcome).where(
    among(attempt.c.id, "ids"),
    ~sa.exists().where(_later.c.message_id == attempt.c.message_id, _later.c.n > attempt.c.n),
)


def record_answers(
    conn: sa.Connection, answers: Sequence[Answer], *, now: datetime, dice: random.Random, owner: int | None = None
) -> None:
    """Write outcomes of attempts and move their messages.

    What was given up before its first byte waits again if it is still leased to `owner`: another may have it by now.
    """
    if not answers:
        return
    answers = sorted(answers, key=lambda a: a.ready.outgoing.message_id)  # receipts lock in this order too
    accepted = [a for a in answers if a.result.outcome is _ACCEPTED]
    others = [a for a in answers if a.result.outcome is not _ACCEPTED] if len(accepted) < len(answers) else []
    lock_retry_queues(conn, map(_channel_of, filter(_may_queue, others)))
    _close_attempts(conn, accepted, others)
    others = _still_speak(conn, others)
    unknown = [a for a in others if a.result.outcome is Outcome.UNKNOWN]
    refused = [a for a in others if a.result.outcome is Outcome.REFUSED]
    by_status = dict[MessageStatus, list[int]]()
    for answer in accepted:
        status = FIRST_WORDS.get(answer.result.status, _TAKEN)
        by_status.setdefault(status, []).append(answer.ready.outgoing.message_id)
    for status, ids in by_status.items():
        accept_messages(conn, ids, status, now)
    _doubt(conn, unknown, now)
    if owner is not None:
        _wait_again(conn, [a for a in others if a.result.outcome is Outcome.ABANDONED], now, owner)
    for answer in sorted(refused, key=_queues):
        _refuse(conn, answer, now, dice)


def _channel_of(answer: Answer) -> Channel:
    return answer.ready.prepared.contact.channel


def _may_queue(answer: Answer) -> bool:
    rule = answer.result.rule
    return answer.result.outcome is Outcome.REFUSED and rule is not None and may_queue(rule)


def _wait_again(conn: sa.Connection, abandoned: Sequence[Answer], now: datetime, owner: int) -> None:
    for word in sorted({answer.result.error_code for answer in abandoned}):
        ids = [a.ready.prepared.message.id for a in abandoned if a.result.error_code == word]
        why = f"given up before it left: {GIVEN_UP[word]}"
        waits: dict[str, Any] = {"now": now, "by": "dispatcher", "reason": why, "wake_at": now}
        ledger.move_messages(conn, ids, S.PLANNED, only_owner=owner, **waits)
        ledger.move_messages(conn, ids, S.PLANNED, only_from=[S.UNKNOWN], **waits)  # by whoever took us for dead


def _close_attempts(conn: sa.Connection, accepted: Sequence[Answer], others: Sequence[Answer]) -> None:
    """Only an open or doubtful attempt takes the answer: a receipt may have told more already."""
    closed = [(a.result.provider_ref[:_REF] or None, a.at, a.result.attempt_id) for a in accepted]
    _CLOSE_ACCEPTED.many(conn, closed)
    if others:
        conn.execute(_CLOSE, [_attempt_values(answer) for answer in others])


def _still_speak(conn: sa.Connection, answers: Sequence[Answer]) -> list[Answer]:
    """Leave out what a receipt has settled already, or what a later try of the message has made old news."""
    if not answers:
        return []
    asked = {"ids": [answer.result.attempt_id for answer in answers]}
    last = {(row.id, row.outcome) for row in conn.execute(_LAST, asked)}
    return [answer for answer in answers if (answer.result.attempt_id, str(answer.result.outcome)) in last]


def _attempt_values(answer: Answer) -> dict[str, Any]:
    result = answer.result
    return {
        "_id": result.attempt_id,
        "_outcome": str(result.outcome),
        "_ref": result.provider_ref[:_REF] or None,
        "_code": result.error_code[:_CODE] or None,
        "_class": str(result.error_class) if result.error_class else None,
        "_spent": bool(result.rule and result.rule.is_permanent),
        "_at": answer.at,
    }


def _room(column: sa.Column[str]) -> int:
    assert isinstance(column.type, sa.String)
    return column.type.length or 0


_REF, _CODE = _room(attempt.c.provider_ref), _room(attempt.c.error_code)
"""Of a provider's word as many characters as its column holds: one long word must not spoil the group."""


def accept_messages(conn: sa.Connection, ids: Sequence[int], status: MessageStatus, now: datetime) -> None:
    """Move messages in work or in doubt to what the provider's yes means."""
    accept = _DELIVER if status is S.DELIVERED else _ACCEPT
    accept.run(conn, ids=ids, _status=str(status), _now=now)


def _doubt(conn: sa.Connection, unknown: Sequence[Answer], now: datetime) -> None:
    """No certain answer: the message is `unknown`, counts for caps, and is not sent again blindly."""
    for word in {str(a.result.error_code or "no answer") for a in unknown}:
        ids = [a.ready.prepared.message.id for a in unknown if str(a.result.error_code or "no answer") == word]
        reason = f"no certain answer from the provider: {word}"
        moved = ledger.move_messages(conn, ids, S.UNKNOWN, now=now, by="dispatcher", reason=reason)
        sent_at = sa.func.coalesce(message.c.sent_at, sa.literal(now, message.c.sent_at.type))
        conn.execute(sa.update(message).where(among(message.c.id, moved)).values(sent_at=sent_at))


def _queues(answer: Answer) -> tuple[Channel, datetime]:
    """Let the first deadlines stand first in the queue for another try; everyone locks the queues in this order."""
    prepared = answer.ready.prepared
    return prepared.contact.channel, prepared.message.use_by


def _refuse(conn: sa.Connection, answer: Answer, now: datetime, dice: random.Random) -> None:
    prepared, result = answer.ready.prepared, answer.result
    claimed, rule = prepared.message, result.rule
    assert rule is not None, "a refusal carries what follows from it"
    spent = claimed.spent_channels | {prepared.contact.channel}
    follow(
        conn,
        message_id=claimed.id,
        purpose=claimed.purpose,
        rule=rule,
        channel=prepared.contact.channel,
        address_hash=prepared.contact.address_hash,
        attempts=claimed.attempts + 1,
        channels_left=tuple(c for c in channels_of(claimed) if c not in spent and c in claimed.contacts),
        use_by=claimed.use_by,
        now=now,
        dice=dice,
        asked_wait=timedelta(seconds=result.retry_after_seconds or 0),
        by="dispatcher",
    )
