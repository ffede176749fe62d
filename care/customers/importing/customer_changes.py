"""Rows of customers who are known, held against what is stored: what differs is written and remembered, no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.addresses import AddressHasher, zone_of_phone
from care.customers.changes import ATTRIBUTE, RECORDED, Change, record_changes
from care.customers.importing.cells import KEEP
from care.customers.importing.sheet import Sheet
from care.customers.store import insert_columns
from care.customers.tables import contact_point, customer

CHANNELS = (Channel.SMS.value, Channel.EMAIL.value)
NEVER_EMPTY: dict[str, Any] = {
    "status": "active",
    "customer_type": "person",
    "birth_calendar": "solar",
    **dict.fromkeys(
        ("birth_leap", "key_account", "depends_on_line", "deceased", "minor", "hardship", "open_complaint"), False
    ),
}
"""What a column that may not be empty holds when it is cleared, or not given for a new customer."""
_RECORDED = frozenset(RECORDED)


@dataclass(slots=True)
class Stored:
    """What the database holds of the customers in a batch, by external id; contacts by our key and channel."""

    rows: Mapping[str, sa.RowMapping]
    contacts: Mapping[tuple[int, str], sa.Row[Any]]


@dataclass(slots=True)
class Differences:
    """What has to be written for customers that are known."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    contacts_gone: list[int] = field(default_factory=list)
    contacts_moved: list[dict[str, Any]] = field(default_factory=list)
    contacts_new: list[dict[str, Any]] = field(default_factory=list)


class Comparison:
    """Holds rows of a batch against the stored ones and collects what differs."""

    def __init__(
        self, sheet: Sheet, names: Sequence[str], stored: Stored, hasher: AddressHasher, found: Differences
    ) -> None:
        self._stored, self._hasher, self._found = stored, hasher, found
        self._ids = sheet.values["external_id"]
        self._fields = [(name, sheet.values[name]) for name in names if name != "external_id"]
        self._attributes = [
            (name.removeprefix(ATTRIBUTE), values)
            for name, values in sheet.values.items()
            if name.startswith(ATTRIBUTE)
        ]
        self._channels = [(channel, sheet.values[channel]) for channel in CHANNELS if channel in sheet.values]

    def differs(self, index: int) -> bool:
        """Note what is different in one row; tell whether anything is."""
        known = self._stored.rows[self._ids[index]]
        identity = known["id"]
        changed = {
            name: values[index]
            for name, values in self._fields
            if values[index] is not KEEP and values[index] != known[name]
        }
        self._found.changes += [
            Change(identity, name, known[name], value) for name, value in changed.items() if name in _RECORDED
        ]
        if self._attributes:
            changed |= self._changed_attributes(index, known)
        moved = [self._contact_differs(identity, channel, values[index]) for channel, values in self._channels]
        if moved and moved[0] and known["timezone"] is None and not changed.get("timezone"):
            changed |= self._zone_from_phone(index, identity)
        if not changed and not any(moved):
            return False
        self._found.updates.append({"b_id": identity, **changed})
        return True

    def _changed_attributes(self, index: int, known: sa.RowMapping) -> dict[str, Any]:
        before: dict[str, Any] = known["attributes"]
        after = dict(before)
        for name, values in self._attributes:
            value = values[index]
            if value is KEEP or value == before.get(name):
                continue
            self._found.changes.append(Change(known["id"], ATTRIBUTE + name, before.get(name), value))
            if value is None:
                del after[name]
            else:
                after[name] = value
        return {} if after == before else {"attributes": after}

    def _contact_differs(self, identity: int, channel: str, address: Any) -> bool:
        point = self._stored.contacts.get((identity, channel))
        if address is KEEP or address == (point.address if point else None):
            return False
        hashed = None if address is None else self._hasher.hash(channel, address)
        self._found.changes.append(Change(identity, channel, point.address_hash if point else None, hashed))
        if address is None and point is not None:
            self._found.contacts_gone.append(point.id)
        elif point is not None:
            self._found.contacts_moved.append({"b_id": point.id, "address": address, "address_hash": hashed})
        else:
            row = {"customer_id": identity, "channel": channel, "address": address, "address_hash": hashed}
            self._found.contacts_new.append(row)
        return True

    def _zone_from_phone(self, index: int, identity: int) -> dict[str, Any]:
        """Return the zone a new number tells, for customers whose zone was unknown."""
        channel, values = self._channels[0]
        number = values[index]
        zone = zone_of_phone(number) if channel == Channel.SMS and isinstance(number, str) else None
        if zone is None:
            return {}
        self._found.changes.append(Change(identity, "timezone", None, zone))
        return {"timezone": zone}


def write_differences(conn: sa.Connection, found: Differences, now: datetime) -> None:
    """Write what differs: one statement per set of changed columns, one row per remembered change."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for update in found.updates:
        by_columns.setdefault(tuple(update), []).append(update)
    for columns, rows in by_columns.items():
        values: dict[str, Any] = {name: sa.bindparam(name) for name in columns if name != "b_id"} | {"updated_at": now}
        conn.execute(sa.update(customer).where(customer.c.id == sa.bindparam("b_id")).values(values), rows)
    if found.contacts_gone:
        conn.execute(sa.delete(contact_point).where(contact_point.c.id.in_(found.contacts_gone)))
    if found.contacts_moved:
        moved = {"address": sa.bindparam("address"), "address_hash": sa.bindparam("address_hash"), "updated_at": now}
        at = contact_point.c.id == sa.bindparam("b_id")
        conn.execute(sa.update(contact_point).where(at).values(moved), found.contacts_moved)
    if found.contacts_new:
        columns_of = {name: [row[name] for row in found.contacts_new] for name in found.contacts_new[0]}
        insert_columns(conn, contact_point, columns_of, {"position": 0, "updated_at": now})
    record_changes(conn, found.changes, now)
