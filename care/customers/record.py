"""Everything held of one customer, for the customer's own question and for the clerk who answers it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import phonenumbers
import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.store import contact_points
from care.customers.suppressions import suppression_history
from care.customers.tables import consent, customer, customer_change, subscription

_INTERNAL = frozenset({"id", "external_id", "draw", "joined_mmdd", "customer_id", "address_hash", "position"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRecord:
    """What we hold, ready to print; addresses are masked unless asked for plainly."""

    fields: dict[str, Any]
    contact_points: list[dict[str, Any]]
    subscriptions: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    suppressions: list[dict[str, Any]]
    changes: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for machines."""
        plain = asdict(self)
        fields: dict[str, Any] = plain.pop("fields")
        return fields | plain


def customer_record(conn: sa.Connection, external_id: str, *, plain: bool = False) -> CustomerRecord | None:
    """Return all that is held of a customer, or None if nobody has this id."""
    row = conn.execute(sa.select(customer).where(customer.c.external_id == external_id)).mappings().first()
    if row is None:
        return None
    points = contact_points(conn, row["id"])
    bans = [ban for point in points for ban in suppression_history(conn, point.address_hash)]
    return CustomerRecord(
        fields={"id": external_id, **_shown(row)},
        contact_points=[
            {
                "channel": point.channel,
                "address": _address(point, plain=plain),
                "updated_at": point.updated_at,
            }
            for point in points
        ],
        subscriptions=[
            {"id": one["external_id"], **_shown(one)} for one in _of_customer(conn, subscription, row["id"])
        ],
        consents=[_shown(one) for one in _of_customer(conn, consent, row["id"])],
        suppressions=[{"id": ban.id, **_shown(ban._mapping)} for ban in bans],  # noqa: SLF001 - a row's documented names
        changes=[_change(one, points, plain=plain) for one in _of_customer(conn, customer_change, row["id"])],
    )


def _of_customer(conn: sa.Connection, table: sa.Table, customer_id: int) -> Sequence[sa.RowMapping]:
    rows = sa.select(table).where(table.c.customer_id == customer_id).order_by(table.c.id)
    return conn.execute(rows).mappings().all()


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _INTERNAL}


def _address(point: sa.Row[Any], *, plain: bool) -> str:
    return str(point.address) if plain else mask_address(point.channel, point.address)


def _change(row: sa.RowMapping, points: Sequence[sa.Row[Any]], *, plain: bool) -> dict[str, Any]:
    """Return a change; of a former address only a hash is kept, and nobody reads that."""
    shown = _shown(row)
    if row["field"] in set(Channel):
        known = {point.address_hash: _address(point, plain=plain) for point in points}
        for side in ("old", "new"):
            address_hash = json.loads(row[side] or "null")
            shown[side] = address_hash and known.get(address_hash, _FORMER)
    return shown


_FORMER = "a former one, not kept"
_SHOWN_DIGITS, _LEAST_HIDDEN = 7, 4


def mask_address(channel: str, address: str) -> str:
    """Return an address that its owner recognises and nobody can write to: +86 138****0000, w***@example.com."""
    if channel == Channel.EMAIL:
        local, _, domain = address.partition("@")
        return f"{local[:1]}***@{domain}"
    number = phonenumbers.parse(address)
    digits = str(number.national_number)
    hidden = max(_LEAST_HIDDEN, len(digits) - _SHOWN_DIGITS)
    head = (len(digits) - hidden) // 2
    return f"+{number.country_code} {digits[:head]}{'*' * hidden}{digits[head + hidden :]}"
