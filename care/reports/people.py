"""Customers as a screen may show them: enough to recognise a record, not enough to know a person."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from care.base.masking import mask_phone
from care.customers.tables import contact_point, customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A customer's name and first phone, both masked; empty where there is none."""

    name: str = ""
    phone: str = ""


def mask_name(name: str | None) -> str:
    """Return the first letter of a name and stars: 王**."""
    shown = (name or "").strip()[:1]
    return f"{shown}**" if shown.isalpha() else ("***" if shown else "")


def masked_people(conn: sa.Connection, ids: Collection[int]) -> dict[int, Masked]:
    """Return each customer who is still there, by our key."""
    phone = (
        sa.select(contact_point.c.address)
        .where(contact_point.c.customer_id == customer.c.id, contact_point.c.channel == "sms")
        .order_by(contact_point.c.position)
        .limit(1)
        .correlate(customer)
        .scalar_subquery()
    )
    rows = conn.execute(sa.select(customer.c.id, customer.c.name, phone.label("phone")).where(customer.c.id.in_(ids)))
    return {row.id: Masked(name=mask_name(row.name), phone=mask_phone(row.phone) if row.phone else "") for row in rows}
