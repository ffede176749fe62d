"""Does each status rest on evidence: what was handed over has an attempt, what waits or ended has none that arrived.

The books of numbers cannot see a status that somebody wrote by hand; this can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message, receipt
from care.messages.words import words_for

S = MessageStatus
Days = Sequence[tuple[str, date, date]]
"""Campaign id, first and last local day: the pages looked at."""

MOST_IDS = 20
_HANDED_OVER = (S.ACCEPTED, S.SENT, S.DELIVERED, S.UNDELIVERED)
_TRIED = (S.UNKNOWN, S.UNCONFIRMED)
_NOTHING_ARRIVED = (S.PLANNED, S.HELD, S.SKIPPED, S.EXPIRED, S.CANCELLED, S.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that ought to count 0, and the messages concerned, at most `MOST_IDS` of them."""

    name: str
    text: str  # what is wrong, as it stands after a number
    count: int
    message_ids: Sequence[int] = ()


def arrived(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: the provider took this attempt, and did not say afterwards that it failed."""
    mine = receipt.c.attempt_id == of.c.id
    bad = sa.exists().where(mine, receipt.c.status.in_(words_for(S.UNDELIVERED, S.FAILED))).correlate(of)
    good = sa.exists().where(mine, receipt.c.status.in_(words_for(S.DELIVERED))).correlate(of)
    return sa.and_(of.c.outcome == str(Outcome.ACCEPTED), sa.or_(sa.not_(bad), good))


def on_pages(campaign_id: str, first: date, last: date) -> sa.ColumnElement[bool]:
    """Return: the message stands on these pages of the books."""
    return sa.and_(message.c.campaign_id == campaign_id, message.c.occasion_on.between(first, last))


def gather_ids(conn: sa.Connection, queries: Sequence[sa.Select[Any]]) -> tuple[int, list[int]]:
    """Return how many message ids the queries find together, and the first of them."""
    total, ids = 0, list[int]()
    for query in queries:
        found = [int(i) for i in conn.execute(query).scalars()]
        total += len(found)
        ids += found[: MOST_IDS - len(ids)]
    return total, ids


def unproven(conn: sa.Connection, days: Days) -> Finding:
    """Return the messages whose status nothing in the ledger bears out."""
    count, ids = gather_ids(conn, [_unproven_on(*page) for page in days])
    return Finding(name="unproven", text="messages whose status has no evidence", count=count, message_ids=ids)


def _unproven_on(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    mine = attempt.c.message_id == message.c.id
    any_attempt = sa.exists().where(mine).correlate(message)
    taken = sa.exists().where(mine, attempt.c.outcome == str(Outcome.ACCEPTED)).correlate(message)
    went = sa.exists().where(mine, arrived()).correlate(message)
    wrong = sa.or_(
        sa.and_(message.c.status.in_(_words(_HANDED_OVER)), sa.not_(taken)),
        sa.and_(message.c.status.in_(_words(_TRIED)), sa.not_(any_attempt)),
        sa.and_(message.c.status.in_(_words(_NOTHING_ARRIVED)), went),
    )
    return sa.select(message.c.id).where(on_pages(campaign_id, first, last), wrong).order_by(message.c.id)


def _words(statuses: Sequence[MessageStatus]) -> list[str]:
    return [str(status) for status in statuses]
