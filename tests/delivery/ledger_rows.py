"""Rows written straight into the ledger, where a test is about what happens after sending."""

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from care.delivery.receipts import Receipt
from care.messages.tables import attempt, contact_claim, message, move, receipt

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)


def reset_to_one_accepted(conn: sa.Connection) -> None:
    """Leave one accepted message with one accepted attempt, whose use-by is near."""
    for table in (receipt, attempt, contact_claim, move, message):
        conn.execute(sa.delete(table))
    conn.execute(
        sa.insert(message).values(
            id=1,
            campaign_id="birthday",
            occasion="birthday:solar-2026",
            customer_id=1,
            occasion_on=date(2026, 9, 25),
            purpose="greeting",
            lane=5,
            status="accepted",
            due_at=AT,
            use_by=AT + timedelta(seconds=1),
            wake_at=AT,
            channel="sms",
            attempts=1,
            plan_digest="x",
            planned_at=AT,
            status_at=AT,
            sent_at=AT,
        )
    )
    conn.execute(
        sa.insert(attempt).values(
            id=1,
            message_id=1,
            n=1,
            token="t" * 22,
            channel="sms",
            provider="twilio",
            address_hash="h" * 32,
            parts=1,
            body_digest="d",
            incarnation=1,
            outcome="accepted",
            provider_ref="SM1",
            intent_at=AT,
        )
    )


def receipt_of(word: str) -> Receipt:
    """Return one receipt about the one attempt."""
    code = "30007" if word in ("undelivered", "failed") else ""
    return Receipt(provider="twilio", provider_ref="SM1", status=word, error_code=code, token="t" * 22, at=AT)


def add_failure(conn: sa.Connection, *, customer_id: int, address_hash: str, error_class: str, at: datetime) -> None:
    """Add an undelivered message whose one attempt failed so."""
    count = conn.execute(sa.select(sa.func.count()).select_from(attempt)).scalar_one()
    owed = {
        "campaign_id": "birthday",
        "occasion": f"birthday:solar-{3000 + count}",
        "customer_id": customer_id,
        "occasion_on": at.date(),
        "purpose": "greeting",
        "lane": 5,
        "status": "undelivered",
        "due_at": at,
        "use_by": at + timedelta(hours=8),
        "wake_at": at,
        "channel": "sms",
        "attempts": 1,
        "plan_digest": "x",
        "planned_at": at,
        "status_at": at,
        "sent_at": at,
    }
    message_id = conn.execute(sa.insert(message).values(owed).returning(message.c.id)).scalar_one()
    tried = {
        "message_id": message_id,
        "n": 1,
        "token": f"failed-{count}",
        "channel": "sms",
        "provider": "twilio",
        "address_hash": address_hash,
        "parts": 1,
        "body_digest": "d",
        "incarnation": 1,
        "outcome": "refused",
        "error_class": error_class,
        "intent_at": at,
    }
    conn.execute(sa.insert(attempt).values(tried))
