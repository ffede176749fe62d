"""Cases: what a person has to settle, opened by what a customer said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket
from care.inbound.events.outgoing import Told, tell
from care.surveys.model import CaseReason
from care.surveys.occasion_open import ticket_of_session
from care.surveys.tables import follow_up, survey_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Why a person has to act, and by when the customer was told to be called."""

    reason: CaseReason
    customer_id: int | None
    due_at: datetime
    follow_up_id: int | None = None
    session_id: int | None = None
    inbound_id: int | None = None


def open_case(conn: sa.Connection, concern: Concern, *, now: datetime) -> int | None:
    """Open a case and return its id, None if the same concern is open already.

    The ticket system is told, in the same transaction.
    """
    if find_open(conn, concern) is not None:
        return None
    row = {
        "reason": str(concern.reason),
        "customer_id": concern.customer_id,
        "follow_up_id": concern.follow_up_id,
        "session_id": concern.session_id,
        "inbound_id": concern.inbound_id,
        "opened_at": now,
        "due_at": concern.due_at,
    }
    made = conn.execute(sa.insert(survey_case).values(row).returning(survey_case.c.id)).scalar_one()
    tell_of_case(conn, Told.CASE_OPENED, int(made), now=now)
    return int(made)


def find_open(conn: sa.Connection, concern: Concern) -> int | None:
    """Return the open case of the same reason, customer and follow-up."""
    same = sa.select(survey_case.c.id).where(
        survey_case.c.reason == str(concern.reason),
        survey_case.c.customer_id.is_not_distinct_from(concern.customer_id),
        survey_case.c.follow_up_id.is_not_distinct_from(concern.follow_up_id),
        survey_case.c.closed_at.is_(None),
    )
    return conn.execute(same).scalar()


def tell_of_case(conn: sa.Connection, what: Told, case_id: int, *, now: datetime) -> None:
    """Write down that the ticket system hears of a case: ids and instants, no person and no words of theirs."""
    tell(conn, what, case_facts(conn, case_id), now=now)


def case_facts(conn: sa.Connection, case_id: int) -> Mapping[str, Any]:
    """Return what may be told of a case outside."""
    wanted = (
        sa.select(
            survey_case.c.id,
            survey_case.c.reason,
            survey_case.c.opened_at,
            survey_case.c.due_at,
            survey_case.c.owner,
            customer.c.external_id.label("customer"),
            sa.func.coalesce(ticket.c.external_id, ticket_of_session(survey_case.c.session_id)).label("ticket"),
            follow_up.c.external_id.label("resolution"),
        )
        .outerjoin(customer, customer.c.id == survey_case.c.customer_id)
        .outerjoin(follow_up, follow_up.c.id == survey_case.c.follow_up_id)
        .outerjoin(ticket, ticket.c.id == follow_up.c.ticket_id)
        .where(survey_case.c.id == case_id)
    )
    row = conn.execute(wanted).one()
    return {
        "case": row.id,
        "reason": row.reason,
        "customer": row.customer,
        "ticket": row.ticket,
        "resolution": row.resolution,
        "opened_at": row.opened_at.isoformat(),
        "call_back_by": row.due_at.isoformat(),
        "owner": row.owner,
    }
