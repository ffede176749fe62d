"""Answers that go out through the ledger: planned like any message, due at once, useless after half an hour."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import insert
from care.campaigns.builtin import REPLY_WITHIN, reply_campaign
from care.campaigns.model import MAIN_LEG
from care.inbound import store
from care.inbound.model import Inbound
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.tables import message

AUTOMATIC = "care"
QUIET_AFTER_REPLY = timedelta(hours=1)
"""Two robots that answer each other would never stop; one automatic answer per number and hour ends that."""


def plan_reply(
    conn: sa.Connection,
    *,
    inbound_id: int,
    provider_ref: str,
    customer_id: int,
    template: str,
    zone: str,
    now: datetime,
) -> int | None:
    """Put an answer to an inbound message into the ledger; return its id, None if it is there already.

    It goes to the number that wrote, which the sender finds by `subject`.
    """
    return plan_answer(
        conn,
        template=template,
        occasion=f"inbound:{inbound_id}",
        subject=provider_ref,
        customer_id=customer_id,
        zone=zone,
        now=now,
    )


def plan_answer(
    conn: sa.Connection, *, template: str, occasion: str, subject: str, customer_id: int, zone: str, now: datetime
) -> int | None:
    """Put an answer to a customer's own word into the ledger; return its id, None if it is there already."""
    campaign = reply_campaign(template)
    day = now.astimezone(ZoneInfo(zone)).date()
    row = {
        "campaign_id": campaign.id,
        "occasion": occasion,
        "customer_id": customer_id,
        "leg": MAIN_LEG,
        "occasion_on": day,
        "subject": subject,
        "purpose": str(campaign.purpose),
        "lane": campaign.purpose.lane,
        "status": str(MessageStatus.PLANNED),
        "due_at": now,
        "use_by": now + REPLY_WITHIN,
        "wake_at": now,
        "plan_digest": campaign.digest,
        "planned_at": now,
        "status_at": now,
    }
    statement = insert(conn, message).values(row).on_conflict_do_nothing()
    made = conn.execute(statement.returning(message.c.id)).first()
    if made is None:
        return None
    ledger.add_intended(conn, campaign_id=campaign.id, occasion_on=day, leg=MAIN_LEG, count=1, now=now)
    return int(made.id)


def is_too_late(inbound: Inbound, now: datetime) -> bool:
    """Tell whether nobody waits for an answer any more: fetched after hours, it might come in the night."""
    return now - inbound.received_at >= REPLY_WITHIN


def reply_by_itself(
    conn: sa.Connection, inbound: Inbound, *, provider_ref: str, template: str, zone: str, now: datetime
) -> bool:
    """Answer without a person; return False to numbers nobody has, too late, and where the last one is too fresh."""
    if inbound.customer_id is None or is_too_late(inbound, now):
        return False
    since = now - QUIET_AFTER_REPLY
    if store.was_answered_since(conn, address_hash=inbound.address_hash, by=AUTOMATIC, since=since):
        return False
    planned = plan_reply(
        conn,
        inbound_id=inbound.id,
        provider_ref=provider_ref,
        customer_id=inbound.customer_id,
        template=template,
        zone=zone,
        now=now,
    )
    return planned is not None and store.note_answer(conn, inbound.id, by=AUTOMATIC, at=now, text=None)
