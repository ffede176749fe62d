"""Rows of the follow-up, believable where a test says nothing."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.customers.tickets.tables import ticket, ticket_resolution
from care.surveys.tables import follow_up

RESOLVED = datetime(2026, 9, 20, 2, tzinfo=UTC)
_numbers = itertools.count(1)


def make_follow_up(conn: sa.Connection, customer_id: int, **fields: Any) -> int:
    """Insert a repair resolved on 20 September 2026 with its ticket and its follow-up; return the follow-up's id."""
    n = next(_numbers)
    resolved_at = fields.get("resolved_at", RESOLVED)
    ticket_id = conn.execute(
        sa.insert(ticket)
        .values(
            external_id=f"T-{n}",
            customer_id=customer_id,
            kind="repair",
            opened_at=resolved_at - timedelta(hours=5),
            resolved_at=resolved_at,
            resolutions=1,
            as_of=resolved_at,
            updated_at=resolved_at,
        )
        .returning(ticket.c.id)
    ).scalar_one()
    resolution_id = conn.execute(
        sa.insert(ticket_resolution)
        .values(
            external_id=f"T-{n}:r1",
            ticket_id=ticket_id,
            customer_id=customer_id,
            n=1,
            kind="repair",
            resolved_at=resolved_at,
            recorded_at=resolved_at,
            followed_up_at=resolved_at,
        )
        .returning(ticket_resolution.c.id)
    ).scalar_one()
    row: dict[str, Any] = {
        "external_id": f"T-{n}:r1",
        "resolution_id": resolution_id,
        "ticket_id": ticket_id,
        "customer_id": customer_id,
        "kind": "repair",
        "resolved_at": resolved_at,
        "due_at": resolved_at + timedelta(hours=2),
        "commitment": "after_repair",
        "deadline_at": resolved_at + timedelta(hours=72),
        "state": "due",
        "state_at": resolved_at,
        **fields,
    }
    return int(conn.execute(sa.insert(follow_up).values(row).returning(follow_up.c.id)).scalar_one())
