"""What providers bill for: parts and price as they count, kept with the attempt; no callback tells them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from care.delivery.channels.base import ProviderMessage
from care.messages.tables import attempt

MICROS = 1_000_000
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a provider billed for the attempts of some time, in one currency ('' where no price is known yet)."""

    currency: str
    messages: int
    parts_counted: int  # by us, of the same attempts
    parts_billed: int
    price: Decimal | None  # in major units


def note_bills(conn: sa.Connection, records: Mapping[int, ProviderMessage]) -> None:
    """Keep parts and price of what was billed, by attempt; a price that is not known yet changes nothing."""
    rows: list[dict[str, Any]] = [
        {
            "_id": attempt_id,
            "_parts": record.parts or None,
            "_micros": None if record.price is None else int(abs(record.price) * MICROS),
            "_currency": record.price_unit[:3].upper() or None if record.price is not None else None,
        }
        for attempt_id, record in records.items()
        if record.parts or record.price is not None
    ]
    statement = (
        sa.update(attempt)
        .where(attempt.c.id == sa.bindparam("_id"))
        .values(
            billed_parts=sa.func.coalesce(sa.bindparam("_parts", type_=sa.Integer), attempt.c.billed_parts),
            billed_micros=sa.func.coalesce(sa.bindparam("_micros", type_=sa.BigInteger), attempt.c.billed_micros),
            billed_currency=sa.func.coalesce(sa.bindparam("_currency", type_=sa.String), attempt.c.billed_currency),
        )
    )
    for start in range(0, len(rows), AT_ONCE):
        conn.execute(statement, rows[start : start + AT_ONCE])


def bills_of(conn: sa.Connection, which: sa.ColumnElement[bool]) -> list[Bill]:
    """Return what was billed for the attempts of a choice, by currency; reads each of them."""
    currency = sa.func.coalesce(attempt.c.billed_currency, "").label("currency")
    query = (
        sa.select(
            currency,
            sa.func.count().label("n"),
            sa.func.sum(attempt.c.parts).label("counted"),
            sa.func.sum(attempt.c.billed_parts).label("billed"),
            sa.func.sum(attempt.c.billed_micros).label("micros"),
        )
        .where(which, attempt.c.billed_parts.is_not(None))
        .group_by(currency)
        .order_by(currency)
    )
    return [
        Bill(
            currency=row.currency,
            messages=row.n,
            parts_counted=int(row.counted),
            parts_billed=int(row.billed),
            price=None if row.micros is None else Decimal(int(row.micros)) / MICROS,
        )
        for row in conn.execute(query)
    ]
