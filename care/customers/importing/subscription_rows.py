"""A batch of checked subscription rows against what is stored."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.calendars.walltime import instant_at, load_zone
from care.customers.changes import ATTRIBUTE, SUBSCRIPTION, Change, record_changes, subscription_value
from care.customers.importing.cells import KEEP
from care.customers.importing.sheet import Sheet
from care.customers.store import insert_columns
from care.customers.tables import customer, subscription

_ONE_DAY = timedelta(days=1)
_ONE_MICROSECOND = timedelta(microseconds=1)
_STORED_AS = {"monthly_amount": "monthly_amount_minor"}
_PLAIN = ("service", "plan", "monthly_amount", "started_on", "auto_renew", "area")
_NOBODY = 0, None
_NEW: dict[str, Any] = {
    **dict.fromkeys(("service", "plan", "monthly_amount_minor", "started_on", "ends_on", "ends_at", "area")),
    "auto_renew": False,
    "attributes": {},
}


class SubscriptionBatch:
    """Holds rows against the stored ones and collects what to write."""

    def __init__(self, conn: sa.Connection, sheet: Sheet, *, operator_zone: str, now: datetime) -> None:
        """Read what is stored of the subscriptions and customers named in the batch."""
        self._sheet, self._operator_zone, self._now = sheet, operator_zone, now
        self._attributes = [name for name in sheet.values if name.startswith(ATTRIBUTE)]
        rows = conn.execute(
            sa.select(subscription, customer.c.timezone)
            .join(customer, customer.c.id == subscription.c.customer_id)
            .where(among(subscription.c.external_id, [name for name in sheet.values["id"] if name]))
        ).mappings()
        self._stored = {row["external_id"]: row for row in rows}
        named = {name for name in sheet.values.get("customer", ()) if isinstance(name, str)}
        owners = conn.execute(
            sa.select(customer.c.external_id, customer.c.id, customer.c.timezone).where(
                among(customer.c.external_id, sorted(named)), customer.c.erased_at.is_(None)
            )
        )
        self._owners = {row.external_id: (row.id, row.timezone) for row in owners}
        self._ends: dict[tuple[date, str], tuple[date, datetime]] = {}
        self._changes: list[Change] = []
        self.inserts: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []

    def compare(self, index: int) -> None:
        """Note what one row adds or changes, or refuse it."""
        name = self._sheet.values["id"][index]
        known = self._stored.get(name)
        row = self._merged(index, known, self._owner(index, known))
        if row["started_on"] and row["ends_on"] and row["ends_on"] < row["started_on"]:
            self._sheet.refuse(index, "ends_at", "lies before started_on")
        if self._sheet.is_refused(index):
            return
        if known is None:
            self.inserts.append({"external_id": name, **row})
        elif any(value != known[column] for column, value in row.items()):
            self.updates.append({"b_id": known["id"], **row})
        else:
            return
        self._remember(name, known, row)

    def _owner(self, index: int, known: sa.RowMapping | None) -> tuple[int, str | None]:
        """Return key and zone of the row's customer; refuse the row if there is none."""
        given = self._sheet.values["customer"][index] if "customer" in self._sheet.values else KEEP
        if given is KEEP and known is not None:
            return known["customer_id"], known["timezone"]
        if isinstance(given, str) and given in self._owners:
            return self._owners[given]
        if isinstance(given, str):
            self._sheet.refuse(index, "customer", "is not known. Import the customers first")
        elif not self._sheet.is_refused(index, "id"):  # a known id would need no customer
            self._sheet.refuse(index, "customer", "is missing")
        return _NOBODY

    def _merged(self, index: int, known: sa.RowMapping | None, owner: tuple[int, str | None]) -> dict[str, Any]:
        """Return the row as it will be stored: what is given over what is known."""
        values = self._sheet.values
        row = {name: known[name] if known is not None else empty for name, empty in _NEW.items()}
        row["customer_id"] = owner[0]
        for name in _PLAIN:
            if name in values and values[name][index] is not KEEP:
                column = _STORED_AS.get(name, name)
                value = values[name][index]
                row[column] = _NEW[column] if value is None else value
        if "ends_at" in values and values["ends_at"][index] is not KEEP:
            row["ends_on"], row["ends_at"] = self._end(values["ends_at"][index], owner[1] or self._operator_zone)
        if self._attributes:
            row["attributes"] = self._merged_attributes(index, row["attributes"])
        return row

    def _merged_attributes(self, index: int, before: dict[str, Any]) -> dict[str, Any]:
        given = {name.removeprefix(ATTRIBUTE): self._sheet.values[name][index] for name in self._attributes}
        merged = before | {name: value for name, value in given.items() if value is not KEEP}
        return {name: value for name, value in merged.items() if value is not None}

    def _end(self, given: datetime | date | None, zone_name: str) -> tuple[date | None, datetime | None]:
        """Return the last local day of a term and the instant service stops.

        A day means its end in the customer's zone; a time without offset is meant in that zone.
        """
        if given is None:
            return None, None
        found = self._ends.get((given, zone_name))
        if found is None:
            found = self._ends[given, zone_name] = _end_of_term(given, zone_name)
        return found

    def _remember(self, name: str, known: sa.RowMapping | None, row: dict[str, Any]) -> None:
        field = SUBSCRIPTION + name
        before, after = subscription_value(dict(known)) if known is not None else None, subscription_value(row)
        if known is not None and known["customer_id"] != row["customer_id"]:
            self._changes.append(Change(known["customer_id"], field, before, None))
            before = None
        self._changes.append(Change(row["customer_id"], field, before, after))

    def write(self, conn: sa.Connection) -> None:
        """Write new and changed subscriptions and remember the changes."""
        if self.inserts:
            columns = {name: [row[name] for row in self.inserts] for name in self.inserts[0]}
            insert_columns(conn, subscription, columns, {"updated_at": self._now})
        if self.updates:
            values: dict[str, Any] = {name: sa.bindparam(name) for name in self.updates[0] if name != "b_id"}
            at = subscription.c.id == sa.bindparam("b_id")
            conn.execute(sa.update(subscription).where(at).values(values | {"updated_at": self._now}), self.updates)
        record_changes(conn, self._changes, self._now)


def _end_of_term(given: datetime | date, zone_name: str) -> tuple[date, datetime]:
    zone = load_zone(zone_name)
    if not isinstance(given, datetime):
        return given, instant_at(given + _ONE_DAY, time.min, zone)
    instant = given.astimezone(UTC) if given.tzinfo else instant_at(given.date(), given.time(), zone)
    return (instant - _ONE_MICROSECOND).astimezone(zone).date(), instant
