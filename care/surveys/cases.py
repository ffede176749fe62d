"""Cases: what a person has to settle, opened by what a customer said."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.surveys.model import CaseReason
from care.surveys.tables import survey_case


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
    """Open a case and return its id, None if the same concern is open already."""
    same = sa.and_(
        survey_case.c.reason == str(concern.reason),
        survey_case.c.customer_id.is_not_distinct_from(concern.customer_id),
        survey_case.c.follow_up_id.is_not_distinct_from(concern.follow_up_id),
        survey_case.c.closed_at.is_(None),
    )
    if conn.execute(sa.select(survey_case.c.id).where(same)).first() is not None:
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
    return int(conn.execute(sa.insert(survey_case).values(row).returning(survey_case.c.id)).scalar_one())
