"""Tell a customer what follows their answer, where the answer itself did not come by text message."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import insert
from care.campaigns.builtin import REPLY_WITHIN, reply_campaign
from care.campaigns.model import MAIN_LEG
from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.tables import message
from care.surveys.tables import follow_up, survey_case

REOPENED = "not_resolved_reopened"

told_case = (
    sa.select(
        sa.cast(survey_case.c.id, sa.String).label("external_id"),
        ticket.c.external_id.label("ref"),
        survey_case.c.due_at.label("call_by"),
        ticket_resolution.c.address_hash,
    )
    .join(follow_up, follow_up.c.id == survey_case.c.follow_up_id)
    .join(ticket, ticket.c.id == follow_up.c.ticket_id)
    .join(ticket_resolution, ticket_resolution.c.id == follow_up.c.resolution_id)
    .subquery("told_case")
)
"""What a message about a case speaks of: the ticket, when the customer is called, and the reporter's number."""


def tell_reopened(conn: sa.Connection, case_id: int, *, customer_id: int, zone: str, now: datetime) -> bool:
    """Plan the message that the ticket is open again and by when somebody calls; False if it is planned already.

    It is an answer to the customer's own word: due at once, useless after half an hour.
    """
    campaign = reply_campaign(REOPENED)
    day = now.astimezone(ZoneInfo(zone)).date()
    row = {
        "campaign_id": campaign.id,
        "occasion": f"case:{case_id}",
        "customer_id": customer_id,
        "leg": MAIN_LEG,
        "occasion_on": day,
        "subject": str(case_id),
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
    if conn.execute(statement.returning(message.c.id)).first() is None:
        return False
    ledger.add_intended(conn, campaign_id=campaign.id, occasion_on=day, leg=MAIN_LEG, count=1, now=now)
    return True
