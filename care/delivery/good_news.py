"""Good words about requests: a few statements for all of them; a message only moves up its rank."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.delivery.copies import OURS, is_another
from care.messages.model import CLAIMABLE, RANK, MessageStatus, Outcome, sources_of
from care.messages.requests import may_arrive
from care.messages.tables import attempt, message, receipt
from care.messages.words import BAD_WORDS, GOOD

S = MessageStatus
OPEN_OUTCOMES = (str(Outcome.INTENT), str(Outcome.UNKNOWN), str(Outcome.ABANDONED))
"""Of an attempt of which it is news that its provider took it."""

_later = attempt.alias()
_IS_LAST = message.c.attempts == sa.bindparam("_n")
_IS_ALONE = sa.and_(
    message.c.status != str(S.SENDING),
    ~sa.exists().where(_later.c.message_id == message.c.id, _later.c.n > sa.bindparam("_n"), may_arrive(_later)),
)
"""Later tries came to nothing. Not while a sender has it, who may be writing the next try this moment."""

_CAME_TO_NOTHING = sa.exists().where(
    attempt.c.id == sa.bindparam("_try"),
    attempt.c.error_class.is_not(None),
    receipt.c.attempt_id == attempt.c.id,
    sa.or_(receipt.c.provider_ref == sa.bindparam("_ref"), receipt.c.provider_ref.startswith(OURS)),
    sa.or_(*(receipt.c.status == word for word in sorted(BAD_WORDS))),
)
"""The good word is an older one, and late."""

_WAITS = sa.or_(*(message.c.status == str(status) for status in (S.SENDING, *sorted(CLAIMABLE))))
"""A try is to follow, or the first is on its way, of which any good word is a discovery."""

_IS_DISCOVERY = sa.bindparam("_is_discovery", type_=sa.Integer) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """One good word about an attempt."""

    attempt: sa.Row[Any]
    means: MessageStatus
    ref: str
    at: datetime

    @property
    def is_discovery(self) -> bool:
        """Tell whether nobody knew: the request was in doubt, or the provider has it once more than we thought."""
        return self.attempt.outcome in OPEN_OUTCOMES or is_another(self.attempt.provider_ref, self.ref)


def spread(conn: sa.Connection, good: Sequence[Good], now: datetime) -> None:
    """Write good news to attempts and messages."""
    if not good:
        return
    nameless = {each.attempt.id: each.ref for each in good if each.attempt.provider_ref is None}
    if nameless:
        named = sa.update(attempt).where(attempt.c.id == sa.bindparam("_id"), attempt.c.provider_ref.is_(None))
        conn.execute(
            named.values(provider_ref=sa.bindparam("_ref")), [{"_id": i, "_ref": ref} for i, ref in nameless.items()]
        )
    doubted = sa.and_(attempt.c.id.in_({each.attempt.id for each in good}), attempt.c.outcome.in_(OPEN_OUTCOMES))
    taken = {"outcome": str(Outcome.ACCEPTED), "done_at": now, "error_class": None, "error_code": None}
    conn.execute(sa.update(attempt).where(doubted).values(taken))
    best: dict[int, Good] = {}
    first: dict[int, datetime] = {}
    for each in good:
        message_id = each.attempt.message_id
        first.setdefault(message_id, each.at)
        if message_id not in best or RANK[each.means] > RANK[best[message_id].means]:
            best[message_id] = each
    for means in GOOD:
        mine = {message_id: each for message_id, each in best.items() if each.means is means}
        _raise(conn, means, mine, first, now)


def _raise(
    conn: sa.Connection, means: MessageStatus, good: Mapping[int, Good], first: Mapping[int, datetime], now: datetime
) -> None:
    """Move messages up to a good status; `first` tells when the provider first spoke of each.

    What only came on its way in an earlier try says nothing of a later one that may arrive. But if it was not known to
    be on its way at all, a further try that waits for its hour would be a copy, and is taken back.
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
    statement = sa.update(message).where(message.c.id == sa.bindparam("_id"), is_below(means))
    rows: list[dict[str, Any]] = [{"_id": message_id, "_first": first[message_id]} for message_id in good]
    if means is S.DELIVERED:
        rows = [row | {"_at": good[row["_id"]].at} for row in rows]
    else:
        statement = statement.where(
            sa.or_(_IS_LAST, _IS_ALONE), sa.or_(sa.not_(_WAITS), _IS_DISCOVERY), sa.not_(_CAME_TO_NOTHING)
        )
        rows = [row | _told(good[row["_id"]]) for row in rows]
    conn.execute(statement.values(values), rows)


def _told(one: Good) -> dict[str, Any]:
    return {"_n": one.attempt.n, "_try": one.attempt.id, "_ref": one.ref, "_is_discovery": int(one.is_discovery)}


def is_below(means: MessageStatus) -> sa.ColumnElement[bool]:
    """Return: the message may move up."""
    return _is_one_of(sources_of(means))


def _is_one_of(statuses: Collection[MessageStatus]) -> sa.ColumnElement[bool]:
    """Return: the message's status is one of these; spelt out, since executing many at once knows no IN."""
    return sa.or_(*(message.c.status == str(status) for status in sorted(statuses)))
