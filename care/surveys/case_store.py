"""Cases for those who work on them: the lists, and one case with everything that led to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.inbound.tables import inbound_message
from care.messages.tables import message
from care.surveys.case_states import state_of_case
from care.surveys.occasion_open import ticket_of_session
from care.surveys.tables import follow_up, survey_answer, survey_case

MOST_OF_EACH = 50
"""Rows of one kind that are shown with a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cases to list: those that are open, unless one of the others is asked for."""

    everything: bool = False
    overdue: bool = False  # open, and their time has passed
    to_recontact: bool = False  # closed, and the day to ask again has come
    owner: str | None = None
    limit: int = 100


def list_cases(conn: sa.Connection, wanted: Wanted, *, now: datetime) -> list[dict[str, Any]]:
    """Return cases, the most urgent first."""
    query = _cases()
    if wanted.to_recontact:
        asked = survey_case.c.recontacted_at.is_(None)
        query = query.where(survey_case.c.recontact_at <= now, survey_case.c.closed_at.is_not(None), asked)
    elif not wanted.everything:
        query = query.where(survey_case.c.closed_at.is_(None))
    if wanted.overdue:
        query = query.where(survey_case.c.due_at < now)
    if wanted.owner is not None:
        query = query.where(survey_case.c.owner == wanted.owner)
    order = (survey_case.c.closed_at.is_not(None), survey_case.c.due_at, survey_case.c.id)
    return [_as_row(row, now) for row in conn.execute(query.order_by(*order).limit(wanted.limit))]


def find_case(conn: sa.Connection, case_id: int, *, now: datetime) -> dict[str, Any] | None:
    """Return one case with its context, None if there is none: the ticket, the answers, the words, the messages."""
    row = conn.execute(_cases().where(survey_case.c.id == case_id)).first()
    if row is None:
        return None
    return {
        **_as_row(row, now),
        "note": row.note,
        "ticket_as_resolved": _resolution(conn, row.follow_up_id),
        "answers": _answers(conn, row),
        "words": _words(conn, row),
        "messages": _messages(conn, row),
        "open_tickets": _open_tickets(conn, row.customer_id),
    }


def overdue_cases(conn: sa.Connection, now: datetime) -> tuple[int, timedelta]:
    """Return how many open cases are past their time, and for how long the oldest of them."""
    late = sa.select(sa.func.count(), sa.func.min(survey_case.c.due_at)).where(
        survey_case.c.closed_at.is_(None), survey_case.c.due_at < now
    )
    count, oldest = conn.execute(late).one()
    return int(count), now - oldest if oldest else timedelta(0)


def _cases() -> sa.Select[Any]:
    return (
        sa.select(
            survey_case,
            customer.c.external_id.label("customer"),
            sa.func.coalesce(ticket.c.external_id, ticket_of_session(survey_case.c.session_id)).label("ticket"),
        )
        .outerjoin(customer, customer.c.id == survey_case.c.customer_id)
        .outerjoin(follow_up, follow_up.c.id == survey_case.c.follow_up_id)
        .outerjoin(ticket, ticket.c.id == follow_up.c.ticket_id)
    )


def _as_row(row: Any, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": str(state_of_case(row)),
        "reason": row.reason,
        "customer": row.customer,
        "ticket": row.ticket,
        "opened_at": row.opened_at,
        "due_at": row.due_at,
        "overdue": row.closed_at is None and row.due_at < now,
        "escalated_at": row.escalated_at,
        "owner": row.owner,
        "taken_at": row.taken_at,
        "closed_at": row.closed_at,
        "outcome": row.outcome,
        "recontact_at": row.recontact_at,
        "recontacted_at": row.recontacted_at,
    }


def _resolution(conn: sa.Connection, follow_up_id: int | None) -> Mapping[str, Any] | None:
    """Return the ticket as it was when the customer was asked about it."""
    names = ("external_id", "kind", "severity", "staff", "area", "opened_at", "first_call_at", "resolved_at", "result")
    wanted = (
        sa.select(*(ticket_resolution.c[name] for name in names), ticket.c.summary)
        .join(follow_up, follow_up.c.resolution_id == ticket_resolution.c.id)
        .join(ticket, ticket.c.id == ticket_resolution.c.ticket_id)
        .where(follow_up.c.id == follow_up_id)
    )
    row = conn.execute(wanted).mappings().first()
    return dict(row) if row else None


def _answers(conn: sa.Connection, case: Any) -> list[dict[str, Any]]:
    names = ("survey", "question", "score", "comment", "channel", "is_late", "at", "superseded_at")
    same = [
        survey_answer.c[name] == value
        for name, value in (("follow_up_id", case.follow_up_id), ("session_id", case.session_id))
        if value is not None
    ]
    wanted = sa.select(*(survey_answer.c[name] for name in names)).where(sa.or_(sa.false(), *same))
    return _rows(conn, wanted.order_by(survey_answer.c.id))


def _words(conn: sa.Connection, case: Any) -> list[dict[str, Any]]:
    """Return what the customer wrote since a day before the case was opened, the one that opened it first of all."""
    names = ("id", "received_at", "text", "handled_as", "answer")
    since = case.opened_at - timedelta(days=1)
    lately = sa.and_(inbound_message.c.customer_id == case.customer_id, inbound_message.c.received_at >= since)
    wanted = sa.select(*(inbound_message.c[name] for name in names))
    return _rows(conn, wanted.where(sa.or_(inbound_message.c.id == case.inbound_id, lately)).order_by("id"))


def _messages(conn: sa.Connection, case: Any) -> list[dict[str, Any]]:
    """Return what we wrote to the customer in the month before."""
    names = ("id", "campaign_id", "subject", "status", "due_at", "sent_at", "delivered_at")
    wanted = sa.select(*(message.c[name] for name in names)).where(
        message.c.customer_id == case.customer_id, message.c.sent_at >= case.opened_at - timedelta(days=30)
    )
    return _rows(conn, wanted.order_by(message.c.sent_at))


def _open_tickets(conn: sa.Connection, customer_id: int | None) -> list[dict[str, Any]]:
    names = ("external_id", "kind", "severity", "opened_at", "reopened_at", "summary")
    wanted = sa.select(*(ticket.c[name] for name in names)).where(
        ticket.c.customer_id == customer_id, ticket.c.resolved_at.is_(None), ticket.c.closed_at.is_(None)
    )
    return _rows(conn, wanted.order_by(ticket.c.id))


def _rows(conn: sa.Connection, wanted: sa.Select[Any]) -> list[dict[str, Any]]:
    found: Sequence[Any] = conn.execute(wanted.limit(MOST_OF_EACH)).mappings().all()
    return [dict(row) for row in found]
