"""Tickets that were resolved and invitations that left, for the tests of page and cases."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages.tables import message
from care.surveys.tables import follow_up
from tests.factories import address_hash, make_customer
from tests.inbound.house import make_attempt, make_message

_numbers = itertools.count(1)


def make_follow_up(
    conn: sa.Connection, *, customer_id: int, now: datetime, phone: str = "+8613800009999", **fields: Any
) -> int:
    """Insert a repair that was resolved three hours ago, with its follow-up, and return the follow-up's id."""
    name = fields.pop("ticket", f"T-{next(_numbers)}")
    kind = fields.pop("kind", "repair")
    resolved_at = now - timedelta(hours=3)
    facts = {"customer_id": customer_id, "kind": kind, "staff": "LiWei", "area": "East"}
    made = conn.execute(
        sa.insert(ticket)
        .values(
            external_id=name,
            summary="No signal since the storm",
            result="Replaced the splitter",
            opened_at=resolved_at - timedelta(hours=20),
            resolved_at=resolved_at,
            resolutions=1,
            attributes={},
            as_of=resolved_at,
            updated_at=resolved_at,
            **facts,
        )
        .returning(ticket.c.id)
    ).scalar_one()
    resolution = conn.execute(
        sa.insert(ticket_resolution)
        .values(
            external_id=f"{name}:r1",
            ticket_id=made,
            n=1,
            resolved_at=resolved_at,
            opened_at=resolved_at - timedelta(hours=20),
            result="Replaced the splitter",
            address_hash=address_hash("sms", phone),
            recorded_at=resolved_at,
            followed_up_at=resolved_at,
            **facts,
        )
        .returning(ticket_resolution.c.id)
    ).scalar_one()
    row = {
        "external_id": f"{name}:r1",
        "resolution_id": resolution,
        "ticket_id": made,
        "customer_id": customer_id,
        "kind": kind,
        "resolved_at": resolved_at,
        "commitment": "repair_72h",
        "deadline_at": resolved_at + timedelta(hours=72),
        "state": "delivered",
        "covered_at": now,
        "state_at": now,
        **fields,
    }
    return int(conn.execute(sa.insert(follow_up).values(row).returning(follow_up.c.id)).scalar_one())


def make_invitation(
    conn: sa.Connection,
    *,
    now: datetime,
    follow_up_id: int | None = None,
    customer_id: int | None = None,
    phone: str = "+8613800009999",
    **fields: Any,
) -> int:
    """Insert an invitation by SMS that left just now and return the message's id; about a ticket of a new customer."""
    if customer_id is None:
        customer_id = make_customer(conn, phone=phone, locale=fields.pop("locale", "en"))
    campaign = fields.pop("campaign_id", "survey_invite")
    if follow_up_id is None and campaign == "survey_invite":
        follow_up_id = make_follow_up(conn, customer_id=customer_id, now=now, phone=phone)
    subject = conn.execute(sa.select(follow_up.c.external_id).where(follow_up.c.id == (follow_up_id or 0))).scalar()
    row = {
        "campaign_id": campaign,
        "occasion": f"ticket:{subject}" if subject else f"{campaign}:{next(_numbers)}",
        "subject": subject,
        "purpose": "survey",
        "status": "sent",
        "channel": "sms",
        "sent_at": now,
        **fields,
    }
    message_id = make_message(conn, customer_id=customer_id, now=now, **row)
    make_attempt(conn, message_id=message_id, phone=phone, now=now)
    return message_id


def use_by_of(conn: sa.Connection, message_id: int) -> datetime:
    """Return until when an invitation may leave: its link's time counts from there."""
    found: datetime = conn.execute(sa.select(message.c.use_by).where(message.c.id == message_id)).scalar_one()
    return found
