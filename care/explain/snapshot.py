"""One customer's record as it stood at an instant, in a small database of its own.

The planner's own predicates run on it unchanged, so an explanation cannot differ from what the planner did: the past
is asked with the same words as the present.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.changes import RECORDED, customer_on
from care.customers.tables import consent, consent_now, contact_point, customer, subscription, suppression
from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages.tables import message
from care.segments.tables import customer_value, segment_member
from care.surveys.tables import follow_up, survey_case

_FOLLOWED = (ticket, ticket_resolution, follow_up)
_TABLES = (
    customer,
    contact_point,
    subscription,
    consent,
    consent_now,
    suppression,
    customer_value,
    segment_member,
    message,
    survey_case,
    *_FOLLOWED,
)
_OLDER_RANKS = "ranks by value are taken as they are now: those of past months are not kept"
_FIELDS_NOT_KEPT = "names and salutations are taken as they are now: no rule reads them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The record at `at`, None for now. `row` is empty when nothing was recorded yet."""

    conn: sa.Connection  # knows this one customer only
    customer_id: int
    row: Mapping[str, Any]
    at: datetime | None
    created_at: datetime  # of the first record
    notes: tuple[str, ...] = ()

    @property
    def is_recorded(self) -> bool:
        """Tell whether there was a record at that instant."""
        return bool(self.row)


@contextmanager
def snapshot(conn: sa.Connection, customer_id: int, *, at: datetime | None = None) -> Iterator[Snapshot]:
    """Open the record of a customer as it stood at an instant, or as it is now.

    Raises:
        LookupError: there is no such customer.
    """
    now = conn.execute(sa.select(customer).where(customer.c.id == customer_id)).mappings().one_or_none()
    if now is None:
        raise LookupError(f"no customer has the id {customer_id}")
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, hide_parameters=True)
    try:
        with engine.begin() as own:
            customer.metadata.create_all(own, tables=_TABLES, checkfirst=False)
            row, notes = _fill(own, conn, dict(now), at)
            yield Snapshot(
                conn=own, customer_id=customer_id, row=row, at=at, created_at=now["created_at"], notes=tuple(notes)
            )
    finally:
        engine.dispose()


def _fill(
    own: sa.Connection, conn: sa.Connection, now: dict[str, Any], at: datetime | None
) -> tuple[dict[str, Any], list[str]]:
    customer_id = now["id"]
    notes = []
    if at is None:
        row, points, terms = now, _mine(conn, contact_point, customer_id), _mine(conn, subscription, customer_id)
    else:
        past = customer_on(conn, customer_id, at)
        if past is None:
            return {}, []
        row = now | {name: past[name] for name in RECORDED} | {"attributes": past["attributes"]}
        row["joined_mmdd"] = _month_and_day(past["joined_on"])
        points = _past_points(conn, customer_id, past, at)
        terms = _past_terms(customer_id, past["subscriptions"], at)
        notes.append(_FIELDS_NOT_KEPT)
    _put(own, customer, [row])
    _put(own, contact_point, points)
    _put(own, subscription, terms)
    words = [one for one in _mine(conn, consent, customer_id) if at is None or one["recorded_at"] <= at]
    _put(own, consent, words)
    _put(own, consent_now, _mine(conn, consent_now, customer_id) if at is None else _latest(words))
    _put(own, suppression, _bans(conn, [point["address_hash"] for point in points], at))
    ranks = _mine(conn, customer_value, customer_id)
    if at is not None and any(rank["as_of"] > at.date() for rank in ranks):
        notes.append(_OLDER_RANKS)
    _put(own, customer_value, ranks)
    _put(own, segment_member, _mine(conn, segment_member, customer_id))
    for table in (message, survey_case, *_FOLLOWED):  # as they are now
        _put(own, table, _mine(conn, table, customer_id))
    return row, notes


def _mine(conn: sa.Connection, table: sa.Table, customer_id: int) -> list[dict[str, Any]]:
    rows = conn.execute(sa.select(table).where(table.c.customer_id == customer_id)).mappings()
    return [dict(row) for row in rows]


def _put(own: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        own.execute(sa.insert(table), [dict(row) for row in rows])


def _past_points(conn: sa.Connection, customer_id: int, past: Mapping[str, Any], at: datetime) -> list[dict[str, Any]]:
    """Return the first contact point of each channel as it was; of a former address only the hash is known."""
    known = {one["address_hash"]: one["address"] for one in _mine(conn, contact_point, customer_id)}
    return [
        {
            "id": n,
            "customer_id": customer_id,
            "channel": str(channel),
            "position": 0,
            "address": known.get(past[channel], ""),
            "address_hash": past[channel],
            "updated_at": at,
        }
        for n, channel in enumerate(Channel, start=1)
        if past[channel]
    ]


def _past_terms(customer_id: int, terms: Mapping[str, Mapping[str, Any]], at: datetime) -> list[dict[str, Any]]:
    return [
        {"id": n, "external_id": name, "customer_id": customer_id, "updated_at": at}
        | {column: _typed(subscription.c[column], value) for column, value in term.items()}
        for n, (name, term) in enumerate(sorted(terms.items()), start=1)
    ]


def _typed(column: sa.Column[Any], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if isinstance(column.type, sa.Date):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if column.name.endswith("_at") else value


def _latest(words: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the word that counted per purpose and channel: the last said, a withdrawal before a grant."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for word in sorted(words, key=lambda one: (one["at"], not one["given"])):
        found[word["purpose"], word["channel"]] = word
    names = [column.name for column in consent_now.c]
    return [{name: word[name] for name in names} for word in found.values()]


def _bans(conn: sa.Connection, hashes: Sequence[str], at: datetime | None) -> list[dict[str, Any]]:
    query = sa.select(suppression).where(suppression.c.address_hash.in_(hashes))
    if at is None:
        query = query.where(suppression.c.lifted_at.is_(None))
    else:
        query = query.where(
            suppression.c.created_at <= at, sa.or_(suppression.c.lifted_at.is_(None), suppression.c.lifted_at > at)
        )
    return [dict(row) | {"lifted_at": None} for row in conn.execute(query).mappings()]


def _month_and_day(day: date | None) -> int | None:
    return None if day is None else day.month * 100 + day.day
