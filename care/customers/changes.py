"""What a customer's record said on a past day, from the append-only rows of what changed since."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.store import insert_columns
from care.customers.tables import contact_point, customer, customer_change, subscription

ATTRIBUTE = "attributes."
SUBSCRIPTION = "subscription."
UNREAD = frozenset(
    {"id", "external_id", "name", "salutation", "joined_mmdd", "attributes", "draw", "created_at", "updated_at"}
    | {"erased_at"}
)
"""Columns without change rows: no rule reads them, or their parts are recorded one by one."""
RECORDED = tuple(column.name for column in customer.c if column.name not in UNREAD)
SUBSCRIPTION_FIELDS = tuple(
    column.name for column in subscription.c if column.name not in {"id", "external_id", "customer_id", "updated_at"}
)


class NotRecorded:
    """The answer for an instant before the first record; falsy, prints as `not recorded`."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "not recorded"


NOT_RECORDED: Final = NotRecorded()


@dataclass(frozen=True, slots=True)
class Change:
    """One changed field. Contact points are given as keyed hashes, subscriptions as a mapping of their columns."""

    customer_id: int
    field: str
    old: Any
    new: Any


def record_changes(conn: sa.Connection, changes: Sequence[Change], now: datetime) -> None:
    """Append one row per changed field."""
    if changes:
        columns: dict[str, list[Any]] = {
            "customer_id": [change.customer_id for change in changes],
            "field": [change.field for change in changes],
            "old": [_written(change.old) for change in changes],
            "new": [_written(change.new) for change in changes],
        }
        insert_columns(conn, customer_change, columns, {"at": now})


def value_on(conn: sa.Connection, customer_id: int, field: str, instant: datetime) -> Any:
    """Return what a field held at an instant, or `NOT_RECORDED` before the customer's first record.

    `field` is a column of `customer`, `sms` or `email` (the keyed hash of the first contact point),
    `attributes.<name>` or `subscription.<id>`. Days are `date`; a field that was empty is None.
    """
    created = conn.execute(sa.select(customer.c.created_at).where(customer.c.id == customer_id)).scalar()
    if created is None or instant < created:
        return NOT_RECORDED
    later = conn.execute(
        sa.select(customer_change.c.old)
        .where(
            customer_change.c.customer_id == customer_id,
            customer_change.c.field == field,
            customer_change.c.at > instant,
        )
        .order_by(customer_change.c.at, customer_change.c.id)
        .limit(1)
    ).first()
    if later is not None:
        return _read(field, later.old)
    return _current(conn, customer_id, field)


def customer_on(conn: sa.Connection, customer_id: int, instant: datetime) -> dict[str, Any] | None:
    """Return the whole record as it was at an instant, or None before the first record.

    Keys are the recorded columns of `customer`, `sms` and `email` (keyed hashes), `attributes` (a mapping) and
    `subscriptions` (external id -> columns).
    """
    row = conn.execute(sa.select(customer).where(customer.c.id == customer_id)).mappings().first()
    if row is None or instant < row["created_at"]:
        return None
    record: dict[str, Any] = {name: row[name] for name in RECORDED}
    record |= {channel.value: _current(conn, customer_id, channel) for channel in Channel}
    attributes: dict[str, Any] = dict(row["attributes"])
    subscriptions = _subscriptions_now(conn, customer_id)
    for field, old in _undone(conn, customer_id, instant):
        kind, _, name = field.partition(".")
        group = {"attributes": attributes, "subscription": subscriptions}.get(kind)
        if group is None:
            record[field] = old
        elif old is None:
            group.pop(name, None)
        else:
            group[name] = old
    return record | {"attributes": attributes, "subscriptions": subscriptions}


def _undone(conn: sa.Connection, customer_id: int, instant: datetime) -> Iterable[tuple[str, Any]]:
    """Yield former values, newest change first, so that the oldest one after the instant is applied last."""
    rows = conn.execute(
        sa.select(customer_change.c.field, customer_change.c.old)
        .where(customer_change.c.customer_id == customer_id, customer_change.c.at > instant)
        .order_by(customer_change.c.at.desc(), customer_change.c.id.desc())
    )
    return [(row.field, _read(row.field, row.old)) for row in rows]


def _current(conn: sa.Connection, customer_id: int, field: str) -> Any:
    if field in {channel.value for channel in Channel}:
        first = sa.select(contact_point.c.address_hash).where(
            contact_point.c.customer_id == customer_id, contact_point.c.channel == field
        )
        return conn.execute(first.order_by(contact_point.c.position).limit(1)).scalar()
    if field.startswith(SUBSCRIPTION):
        return _subscriptions_now(conn, customer_id).get(field.removeprefix(SUBSCRIPTION))
    column = "attributes" if field.startswith(ATTRIBUTE) else field
    value = conn.execute(sa.select(customer.c[column]).where(customer.c.id == customer_id)).scalar()
    return (value or {}).get(field.removeprefix(ATTRIBUTE)) if field.startswith(ATTRIBUTE) else value


def _subscriptions_now(conn: sa.Connection, customer_id: int) -> dict[str, Any]:
    rows = conn.execute(sa.select(subscription).where(subscription.c.customer_id == customer_id)).mappings()
    return {row["external_id"]: subscription_value(dict(row)) for row in rows}


def subscription_value(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what change rows keep of a subscription; days and instants as ISO 8601."""
    return {name: _plain(row[name]) for name in SUBSCRIPTION_FIELDS}


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _read(field: str, text: str | None) -> Any:
    value = None if text is None else json.loads(text)
    column = customer.c.get(field)
    is_day = column is not None and isinstance(column.type, sa.Date)
    return date.fromisoformat(value) if is_day and value is not None else value
