"""Answers as people look at them: every one with its customer, its ticket and how it came."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket
from care.surveys.tables import follow_up, survey_answer

COLUMNS: Final = (
    "id",
    "at",
    "customer",
    "ticket",
    "survey",
    "question",
    "score",
    "comment",
    "channel",
    "derived",
    "is_late",
    "superseded",
)


def list_answers(conn: sa.Connection, *, since: datetime | None, everything: bool) -> Iterator[dict[str, Any]]:
    """Yield answers, newest first; with `everything` also those that a customer has corrected."""
    answer = survey_answer.c
    rows = (
        sa.select(survey_answer, customer.c.external_id.label("customer"), ticket.c.external_id.label("ticket"))
        .outerjoin(customer, customer.c.id == answer.customer_id)
        .outerjoin(follow_up, follow_up.c.id == answer.follow_up_id)
        .outerjoin(ticket, ticket.c.id == follow_up.c.ticket_id)
        .order_by(answer.at.desc(), answer.id.desc())
    )
    if since is not None:
        rows = rows.where(answer.at >= since)
    if not everything:
        rows = rows.where(answer.superseded_at.is_(None))
    for row in conn.execute(rows).mappings():
        yield {**{name: row[name] for name in COLUMNS[:-1]}, "superseded": row["superseded_at"] is not None}
