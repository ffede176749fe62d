"""What was sent before a restore and is not known any more: kept by what was owed, until its message comes up again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert, read, write
from care.base.hot import Hot
from care.delivery.incarnation import BEFORE_RESTORE
from care.delivery.journal_pages import Entry, Owed
from care.delivery.model import Claimed
from care.delivery.tables import forgotten
from care.messages import store as ledger
from care.messages.contacts import claim_contacts
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message

REASON = "sent before the database was restored; what became of it is not known"
_ANY = Hot(sa.select(forgotten.c.token).limit(1))
_KEPT = ("token", "owed", "channel", "provider", "address_hash", "parts", "body_digest", "incarnation", "account")

Tries = Mapping[str, Sequence[sa.Row[Any]]]
"""Forgotten attempts, in their order, by the digest of what was owed."""


def keep(conn: sa.Connection, entries: Iterable[Entry]) -> None:
    """Keep attempts of the journal that the database does not know; again does no harm."""
    rows = [{name: getattr(entry, name) for name in _KEPT} | {"intent_at": entry.at} for entry in entries]
    if rows:
        conn.execute(insert(conn, forgotten).on_conflict_do_nothing(), rows)


def forget_older(conn: sa.Connection, then: datetime) -> int:
    """Let go what can be owed no more; return how many."""
    return conn.execute(sa.delete(forgotten).where(forgotten.c.intent_at < then)).rowcount


def tries_of(conn: sa.Connection, owed: Collection[str]) -> Tries:
    """Return the forgotten attempts of what is owed."""
    found: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    asked = sa.select(forgotten).where(among(forgotten.c.owed, owed)).order_by(forgotten.c.intent_at)
    for row in conn.execute(asked):
        found[row.owed].append(row)
    return found


def settle(conn: sa.Connection, told: Mapping[int, Sequence[sa.Row[Any]]], *, now: datetime) -> int:
    """Give messages back the attempts that were forgotten, and leave them in doubt; return how many moved.

    What the class of a campaign allows is then done as with any other doubt: a request that was sent before a
    restore counts as one whose sender may still live.
    """
    moved = ledger.move_messages(conn, list(told), MessageStatus.UNKNOWN, now=now, by="adoption", reason=REASON)
    if not moved:
        return 0
    rows = conn.execute(sa.select(message).where(among(message.c.id, moved))).all()
    for row in rows:
        tries = told[row.id]
        conn.execute(sa.insert(attempt), [_attempt(row, n, one, now) for n, one in enumerate(tries, row.attempts + 1)])
        mine = sa.update(message).where(message.c.id == row.id)
        sent_at = sa.func.coalesce(message.c.sent_at, sa.literal(tries[0].intent_at, message.c.sent_at.type))
        conn.execute(mine.values(attempts=row.attempts + len(tries), channel=tries[-1].channel, sent_at=sent_at))
    claimed = [(row.campaign_id, row.occasion, told[row.id][-1].address_hash, row.id) for row in rows]
    claim_contacts(conn, claimed, now)
    tokens = [one.token for row in rows for one in told[row.id]]
    conn.execute(sa.delete(forgotten).where(among(forgotten.c.token, tokens)))
    return len(moved)


def _attempt(row: sa.Row[Any], n: int, one: sa.Row[Any], now: datetime) -> dict[str, Any]:
    return {
        "message_id": row.id,
        "n": n,
        "outcome": str(Outcome.UNKNOWN),
        "error_class": "ambiguous",
        "error_code": BEFORE_RESTORE,
        "done_at": now,
        **{name: getattr(one, name) for name in _KEPT if name != "owed"},
        "intent_at": one.intent_at,
    }


def sift(engine: sa.Engine, claimed: Sequence[Claimed], owed: Owed, *, now: datetime) -> list[Claimed]:
    """Settle those claimed messages that were sent before a restore; return the rest."""
    with read(engine) as conn:
        if not _ANY.rows(conn):
            return list(claimed)
        digests = {one.id: digest_of(owed, one) for one in claimed}
        tries = tries_of(conn, set(digests.values()))
    told = {id_: tries[of] for id_, of in digests.items() if of in tries}
    if told:
        with write(engine) as conn:
            settle(conn, told, now=now)
    return [one for one in claimed if one.id not in told]


def digest_of(owed: Owed, one: Claimed) -> str:
    """Return the digest of what a claimed message owes; '' for a customer who was erased."""
    if one.customer is None:
        return ""
    return owed.digest(one.campaign_id, one.occasion, one.customer["external_id"], one.leg)
