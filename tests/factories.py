"""`make_x` functions: a test states only what it is about, everything else is believable."""

import itertools
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from care.base.ids import household_draw, keyed_hash
from care.customers.tables import consent, consent_now, contact_point, customer, subscription, suppression

SUPPRESSION_KEY = b"a key for tests only, thirty-two bytes"
THEN = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)


def number_from(first: int) -> None:
    """Let the next customer have this number: it decides on phone, hour and hold-out, and so must not on the tests before."""
    global _numbers  # noqa: PLW0603 - what all tests share
    _numbers = itertools.count(first)


def address_hash(channel: str, address: str) -> str:
    """Return the keyed hash as the product writes it."""
    return keyed_hash(SUPPRESSION_KEY, f"{channel}:{address}")


def make_customer(
    conn: sa.Connection,
    *,
    phone: str | None = "",
    email: str | None = None,
    consents: tuple[str, ...] = (),
    **fields: Any,
) -> int:
    """Insert a ten-year customer in Shanghai with a phone of their own and return the id.

    `phone=None` leaves the phone out; `consents` are purposes given on both channels.
    """
    n = next(_numbers)
    phone = f"+8613800{n:06d}" if phone == "" else phone
    row: dict[str, Any] = {
        "external_id": f"C{n}",
        "joined_on": date(2016, 3, 1),
        "country": "CN",
        "timezone": "Asia/Shanghai",
        "locale": "zh-CN",
        "name": "王小明",
        "salutation": "王女士",
        "draw": household_draw(phone or f"C{n}"),
        "created_at": THEN,
        "updated_at": THEN,
        "attributes": {},
        **fields,
    }
    if row.get("joined_on"):
        row.setdefault("joined_mmdd", row["joined_on"].month * 100 + row["joined_on"].day)
    made = conn.execute(sa.insert(customer).values(row).returning(customer.c.id)).scalar_one()
    for channel, address in (("sms", phone), ("email", email)):
        if address:
            conn.execute(
                sa.insert(contact_point).values(
                    customer_id=made,
                    channel=channel,
                    address=address,
                    address_hash=address_hash(channel, address),
                    updated_at=THEN,
                )
            )
    for purpose in consents:
        for channel in ("sms", "email"):
            make_consent(conn, customer_id=made, purpose=purpose, channel=channel)
    return int(made)


def make_consent(
    conn: sa.Connection,
    *,
    customer_id: int,
    purpose: str = "greeting",
    channel: str = "sms",
    given: bool = True,
    at: datetime = THEN,
) -> None:
    """Record a consent, or its withdrawal, as the latest word."""
    words = {"customer_id": customer_id, "purpose": purpose, "channel": channel, "given": given, "at": at}
    conn.execute(sa.insert(consent).values(**words, source="shop", wording="I agree", recorded_at=at))
    same = sa.and_(*(consent_now.c[key] == words[key] for key in ("customer_id", "purpose", "channel")))
    conn.execute(sa.delete(consent_now).where(same))
    conn.execute(sa.insert(consent_now).values(**words))


def make_subscription(conn: sa.Connection, *, customer_id: int, **fields: Any) -> str:
    """Insert a broadband term and return its external id."""
    row: dict[str, Any] = {
        "external_id": f"S{next(_numbers)}",
        "customer_id": customer_id,
        "service": "broadband",
        "plan": "融合300M套餐",
        "monthly_amount_minor": 9900,
        "started_on": date(2025, 2, 1),
        "ends_on": date(2027, 1, 31),
        "ends_at": datetime(2027, 1, 31, 16, tzinfo=UTC),
        "attributes": {},
        "updated_at": THEN,
        **fields,
    }
    conn.execute(sa.insert(subscription).values(row))
    return str(row["external_id"])


def make_suppression(
    conn: sa.Connection,
    *,
    channel: str = "sms",
    address: str,
    scope: str = "all",
    reason: str = "opt_out",
    at: datetime = THEN,
) -> None:
    """Silence an address."""
    conn.execute(
        sa.insert(suppression).values(
            address_hash=address_hash(channel, address),
            channel=channel,
            scope=scope,
            reason=reason,
            source="test",
            created_at=at,
        )
    )
