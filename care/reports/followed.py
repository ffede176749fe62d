"""Was everybody followed up whose time came on the days looked at."""

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from care.customers.tickets.tables import ticket_resolution
from care.reports.evidence import Finding
from care.surveys.follow_ups import waits_behind
from care.surveys.ledger import TAKEN_ON_WITHIN
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up


def not_followed_up(conn: sa.Connection, *, first: date, last: date, now: datetime) -> Finding:
    """Return how many resolved tickets nobody asked about by their deadline, or never took on; 0 is the aim.

    Days are of UTC: the names are in `care surveys followup --gaps`.
    """
    begin = datetime.combine(first, time(0), UTC)
    end = datetime.combine(last + timedelta(days=1), time(0), UTC)
    due = FollowUpState.DUE  # an overdue call is a gap and an incident of its own
    overdue = sa.select(sa.func.count()).where(
        sa.or_(follow_up.c.state == str(due), waits_behind(due)),
        follow_up.c.deadline_at >= begin,
        follow_up.c.deadline_at < min(end, now),
    )
    forgotten = sa.select(sa.func.count()).where(
        ticket_resolution.c.followed_up_at.is_(None),
        ticket_resolution.c.recorded_at >= begin,
        ticket_resolution.c.recorded_at < min(end, now - TAKEN_ON_WITHIN),
    )
    count = sum(int(conn.execute(query).scalar_one()) for query in (overdue, forgotten))
    return Finding(name="not_followed_up", text="resolved tickets that nobody followed up in time", count=count)
