"""The delivery log: what came due, latest first, however many million messages there are.

Each question walks one index from its newest end and stops after a page: by customer, by campaign and day, or by
status and lane. Nothing is sorted that is not shown. What was due and has been put off stands where it was due.
"""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import Instant
from care.base.vocabulary import Purpose
from care.customers.tables import customer
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import attempt, campaign_known, message, move, receipt
from care.reports.reasons import status_in_words

_ENTRY = (
    message.c.id,
    message.c.wake_at,
    message.c.due_at,
    message.c.customer_id,
    customer.c.external_id,
    message.c.campaign_id,
    message.c.occasion,
    message.c.occasion_on,
    message.c.leg,
    message.c.purpose,
    message.c.status,
    message.c.reason,
    message.c.channel,
    message.c.attempts,
    message.c.status_at,
    message.c.sent_at,
    message.c.delivered_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log. `customer` is the id as imported, empty once erased."""

    id: int
    wake_at: datetime  # when it was last due; the log's order
    due_at: datetime
    customer_id: int
    customer: str
    campaign_id: str
    occasion: str
    occasion_on: date
    leg: str
    purpose: str
    status: MessageStatus
    reason: str | None
    channel: str | None
    attempts: int
    status_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None

    @property
    def in_words(self) -> str:
        """Return the status in plain words, with the reason."""
        return status_in_words(self.status, self.reason, self.channel).text

    @property
    def advice(self) -> str:
        """Return what to do next."""
        return status_in_words(self.status, self.reason, self.channel).advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What part of the log is wanted. `before` is the id of the last entry of the page before."""

    statuses: tuple[MessageStatus, ...] = ()  # none: all
    campaign_id: str | None = None
    customer_id: int | None = None
    since: datetime | None = None  # only what came due at this instant or later
    until: datetime | None = None  # only what was due before it, also where it has been put off until later
    before: int | None = None
    limit: int = 50


def find_entries(conn: sa.Connection, question: Question) -> list[Entry]:
    """Return a page of the log, newest first: by the hour they came due; of one customer or campaign as planned."""
    mark = _mark(conn, question.before)
    if question.before is not None and mark is None:
        return []
    if question.customer_id is not None:
        return _by_customer(conn, question)
    if question.campaign_id is not None and not question.statuses:
        return list(_by_campaign(conn, question, mark))
    streams = [_by_status(conn, question, mark, status, lane) for status in _statuses(question) for lane in _LANES]
    if question.until is not None:
        waiting = [status for status in _statuses(question) if status in CLAIMABLE]
        streams += [_put_off(conn, question, mark, status, lane) for status in waiting for lane in _LANES]
    merged = heapq.merge(*streams, key=lambda entry: (_place(entry, question), entry.id), reverse=True)
    return list(itertools.islice(merged, question.limit))


_LANES = tuple(purpose.lane for purpose in Purpose)


def _place(one: Entry | sa.Row[Any], question: Question) -> datetime:
    """Return where a message stands in the log: at the hour at which it was last due."""
    is_put_off = question.until is not None and one.wake_at >= question.until
    return one.due_at if is_put_off else one.wake_at


def _statuses(question: Question) -> Iterable[MessageStatus]:
    return question.statuses or MessageStatus


def _mark(conn: sa.Connection, before: int | None) -> sa.Row[Any] | None:
    place: sa.Select[Any] = sa.select(message.c.id, message.c.wake_at, message.c.due_at, message.c.occasion_on)
    place = place.where(message.c.id == before)
    return None if before is None else conn.execute(place).one_or_none()


def _by_customer(conn: sa.Connection, question: Question) -> list[Entry]:
    query = _page(question).where(message.c.customer_id == question.customer_id)
    if question.campaign_id is not None:
        query = query.where(message.c.campaign_id == question.campaign_id)
    if question.statuses:
        query = query.where(message.c.status.in_([str(status) for status in question.statuses]))
    if question.before is not None:
        query = query.where(message.c.id < question.before)
    return _entries(conn, query.order_by(message.c.id.desc()))


def _by_campaign(conn: sa.Connection, question: Question, mark: sa.Row[Any] | None) -> Iterator[Entry]:
    """Walk a campaign's days from the newest."""
    days = sa.select(sa.func.max(message.c.occasion_on)).where(message.c.campaign_id == question.campaign_id)
    day: date | None = mark.occasion_on if mark else conn.execute(days).scalar()
    left = question.limit
    while day is not None and left and not (question.since and day < question.since.date() - _ZONES):
        query = _page(question).where(message.c.campaign_id == question.campaign_id, message.c.occasion_on == day)
        if mark is not None and day == mark.occasion_on:
            query = query.where(message.c.id < mark.id)
        found = _entries(conn, query.order_by(message.c.id.desc()))[:left]
        yield from found
        left -= len(found)
        day = conn.execute(days.where(message.c.occasion_on < day)).scalar()


_ZONES = timedelta(days=2)  # local days differ from those of UTC by less


def _by_status(
    conn: sa.Connection, question: Question, mark: sa.Row[Any] | None, status: MessageStatus, lane: int
) -> list[Entry]:
    query = _page(question).where(message.c.status == str(status), message.c.lane == lane)
    if question.until is not None:
        query = query.where(message.c.wake_at < question.until)
    return _entries(conn, _walk(query, question, mark, message.c.wake_at))


def _put_off(
    conn: sa.Connection, question: Question, mark: sa.Row[Any] | None, status: MessageStatus, lane: int
) -> list[Entry]:
    """Return what was due, and will be looked at again later: held, or waiting for its next try."""
    query = _page(question).where(
        message.c.status == sa.literal_column(f"'{status}'"),  # spelt out, like the next but one: the index has these
        message.c.lane == lane,
        message.c.wake_at > message.c.due_at,
        sa.type_coerce(message.c.wake_at, sa.BigInteger) + 0 >= sa.bindparam("until", question.until, Instant),
    )
    return _entries(conn, _walk(query, question, mark, message.c.due_at))


def _walk(
    query: sa.Select[Any], question: Question, mark: sa.Row[Any] | None, by: sa.ColumnElement[datetime]
) -> sa.Select[Any]:
    """Return the query from the mark on, in the order of an instant."""
    if question.campaign_id is not None:
        query = query.where(message.c.campaign_id == question.campaign_id)
    if mark is not None:
        place = _place(mark, question)
        query = query.where(by <= place, sa.or_(by < place, message.c.id < mark.id))
    return query.order_by(by.desc(), message.c.id.desc())


def _page(question: Question) -> sa.Select[Any]:
    query = (
        sa.select(*_ENTRY)
        .join_from(message, customer, customer.c.id == message.c.customer_id, isouter=True)
        .limit(question.limit)
    )
    if question.since is not None:
        query = query.where(message.c.wake_at >= question.since)
    if question.until is not None:
        query = query.where(message.c.due_at < question.until)
    return query


def entries_by_id(conn: sa.Connection, ids: Sequence[int]) -> list[Entry]:
    """Return the entries of some messages, in the order of their ids."""
    query = (
        sa.select(*_ENTRY)
        .join_from(message, customer, customer.c.id == message.c.customer_id, isouter=True)
        .where(message.c.id.in_(ids))
        .order_by(message.c.id)
    )
    return _entries(conn, query)


def _entries(conn: sa.Connection, query: sa.Select[Any]) -> list[Entry]:
    return [_entry(row) for row in conn.execute(query)]


def _entry(row: sa.Row[Any]) -> Entry:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    values["customer"] = values.pop("external_id") or ""
    values["status"] = MessageStatus(row.status)
    return Entry(**values)


def known_campaign(conn: sa.Connection, word: str) -> str | None:
    """Return the id of a campaign the planner has worked with, by id or by name; None if there was none."""
    same = sa.or_(campaign_known.c.campaign_id == word, campaign_known.c.name == word)
    found = conn.execute(sa.select(campaign_known.c.campaign_id).where(same).limit(1)).scalar()
    return None if found is None else str(found)


@dataclass(slots=True, kw_only=True)
class Watch:
    """Follows the log: what happened since the last look, by the newest ids of what only grows."""

    seen: dict[str, int]
    in_work: set[int]
    shown: dict[int, datetime]

    @classmethod
    def begin(cls, conn: sa.Connection) -> "Watch":
        """Start at this moment."""
        return cls(seen={table.name: _newest(conn, table) for table in _GROWING}, in_work=set(), shown={})

    def look(self, conn: sa.Connection) -> list[Entry]:
        """Return the messages that moved since the last look, each as it stands now."""
        ids = set(self.in_work)
        for table in _GROWING:
            for row_id, message_id in conn.execute(_news(table, self.seen[table.name])):
                self.seen[table.name] = max(self.seen[table.name], row_id)
                if message_id is not None:
                    ids.add(message_id)
        found = entries_by_id(conn, sorted(ids))
        self.in_work = {entry.id for entry in found if entry.status is MessageStatus.SENDING}
        news = [entry for entry in found if self.shown.get(entry.id) != entry.status_at]
        self.shown = {entry.id: entry.status_at for entry in found}
        return sorted(news, key=lambda entry: (entry.status_at, entry.id))


_GROWING = (attempt, receipt, move)
_NEWS_AT_ONCE = 1_000


def _newest(conn: sa.Connection, table: sa.Table) -> int:
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one())


def _news(table: sa.Table, after: int) -> sa.Select[Any]:
    if table is receipt:
        query = sa.select(receipt.c.id, attempt.c.message_id).outerjoin(attempt, attempt.c.id == receipt.c.attempt_id)
    else:
        query = sa.select(table.c.id, table.c.message_id)
    return query.where(table.c.id > after).order_by(table.c.id).limit(_NEWS_AT_ONCE)
