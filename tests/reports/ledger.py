"""Messages and attempts written straight into the ledger, where a test is about what reports make of them."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.messages import store as ledger
from care.messages.tables import attempt, message, receipt

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
DAY = date(2026, 9, 25)
_numbers = itertools.count(1)


def make_message(conn: sa.Connection, *, intended: bool = True, **fields: Any) -> int:
    """Insert a planned greeting for nobody in particular and count it as intended; return its id."""
    n = next(_numbers)
    purpose = Purpose(fields.pop("purpose", "greeting"))
    row: dict[str, Any] = {
        "campaign_id": "birthday",
        "occasion": "birthday:solar-2026",
        "customer_id": 1_000_000 + n,
        "leg": "main",
        "occasion_on": DAY,
        "purpose": str(purpose),
        "lane": purpose.lane,
        "status": "planned",
        "due_at": AT,
        "use_by": AT + timedelta(hours=8),
        "wake_at": fields.get("due_at", AT),
        "plan_digest": "x",
        "planned_at": AT - timedelta(days=1),
        "status_at": AT,
        **fields,
    }
    if row["status"] == "delivered":
        row.setdefault("delivered_at", AT)
    if row["status"] in ("held", "skipped", "expired", "cancelled", "failed"):
        row.setdefault("reason", "no_consent")
    made = conn.execute(sa.insert(message).values(row).returning(message.c.id)).scalar_one()
    if intended:
        page = {name: row[name] for name in ("campaign_id", "occasion_on", "leg")}
        ledger.add_intended(conn, **page, count=1, now=AT)
    return int(made)


def make_attempt(conn: sa.Connection, message_id: int, *, says: str = "", **fields: Any) -> int:
    """Insert an accepted attempt of a message; `says` is the word of a receipt for it."""
    n = next(_numbers)
    row: dict[str, Any] = {
        "message_id": message_id,
        "n": 1,
        "token": f"token-{n}",
        "channel": "sms",
        "provider": "sandbox",
        "address_hash": f"hash-{message_id}",
        "parts": 1,
        "body_digest": "d",
        "incarnation": 1,
        "outcome": "accepted",
        "provider_ref": f"P{n}",
        "intent_at": AT,
        "done_at": AT,
        **fields,
    }
    made = conn.execute(sa.insert(attempt).values(row).returning(attempt.c.id)).scalar_one()
    conn.execute(sa.update(message).where(message.c.id == message_id).values(attempts=row["n"], channel=row["channel"]))
    if says:
        conn.execute(
            sa.insert(receipt).values(
                attempt_id=made, provider="sandbox", provider_ref=row["provider_ref"], status=says, received_at=AT
            )
        )
    return int(made)


def make_sent(conn: sa.Connection, *, status: str = "delivered", **fields: Any) -> int:
    """Insert a message that was handed over once, with its attempt; `intent_at` and `address_hash` are the attempt's."""
    about = {name: fields.pop(name) for name in ("intent_at", "address_hash", "channel") if name in fields}
    made = make_message(conn, status=status, sent_at=fields.pop("sent_at", about.get("intent_at", AT)), **fields)
    make_attempt(conn, made, says="delivered" if status == "delivered" else "", **about)
    return made
