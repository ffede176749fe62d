"""Tell a customer what follows their answer, where the answer itself did not come by text message."""

from datetime import datetime

import sqlalchemy as sa

from care.customers.tickets.tables import ticket, ticket_resolution
from care.inbound.replies import plan_answer
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
    planned = plan_answer(
        conn,
        template=REOPENED,
        occasion=f"case:{case_id}",
        subject=str(case_id),
        customer_id=customer_id,
        zone=zone,
        now=now,
    )
    return planned is not None
