"""Tickets and resolutions as the ticket system's events leave them."""

import itertools
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.customers.tickets.tables import ticket, ticket_resolution
from care.surveys.model import AnswerChannel, Question, Survey
from care.surveys.recording import About, Given, record_answers
from tests.factories import address_hash

_numbers = itertools.count(881)
OF_ROUND = ("kind", "severity", "staff", "area", "parent", "result", "is_test")


def make_ticket(conn: sa.Connection, *, customer_id: int, **fields: Any) -> int:
    """Insert an open repair and return its id."""
    at: datetime = fields.pop("at")
    row: dict[str, Any] = {
        "external_id": f"T-{next(_numbers)}",
        "customer_id": customer_id,
        "kind": "repair",
        "staff": "李师傅",
        "area": "滨江",
        "opened_at": at,
        "as_of": at,
        "updated_at": at,
        "attributes": {},
        **fields,
    }
    if row.get("contact_phone"):
        row["contact_hash"] = address_hash("sms", row["contact_phone"])
    return int(conn.execute(sa.insert(ticket).values(row).returning(ticket.c.id)).scalar_one())


def resolve(conn: sa.Connection, ticket_id: int, *, at: datetime, **fields: Any) -> str:
    """Resolve a ticket, once more where it was reopened, and return the resolution's external id."""
    one = conn.execute(sa.select(ticket).where(ticket.c.id == ticket_id)).one()
    n = one.resolutions + 1
    conn.execute(
        sa.update(ticket).where(ticket.c.id == ticket_id).values(resolved_at=at, resolutions=n, as_of=at, updated_at=at)
    )
    row = {
        "external_id": f"{one.external_id}:r{n}",
        "ticket_id": ticket_id,
        "customer_id": one.customer_id,
        "n": n,
        "resolved_at": at,
        "opened_at": one.opened_at,
        "first_call_at": one.opened_at,
        "address_hash": one.contact_hash,
        "recorded_at": at,
        **{name: getattr(one, name) for name in OF_ROUND},
        **fields,
    }
    conn.execute(sa.insert(ticket_resolution).values(row))
    return str(row["external_id"])


def reopen(conn: sa.Connection, ticket_id: int, *, at: datetime) -> None:
    """Open a resolved ticket again."""
    conn.execute(
        sa.update(ticket)
        .where(ticket.c.id == ticket_id)
        .values(resolved_at=None, reopened_at=at, as_of=at, updated_at=at)
    )


def make_resolved(conn: sa.Connection, *, customer_id: int, at: datetime, **fields: Any) -> str:
    """Insert a ticket that is resolved at an instant, opened then or at `opened_at`; return the resolution's id."""
    opened_at = fields.pop("opened_at", at)
    return resolve(conn, make_ticket(conn, customer_id=customer_id, at=opened_at, **fields), at=at)


def answer(
    conn: sa.Connection,
    one: sa.Row[Any],
    now: datetime,
    *,
    overall: int | None = 5,
    solved: int | None = None,
    channel: AnswerChannel = AnswerChannel.SMS,
) -> None:
    """Answer a follow-up; a comment alone where there is no score."""
    given = [Given(question=Question.COMMENT, comment="嗯")] if overall is None and solved is None else []
    given += [Given(question=Question.OVERALL, score=overall, raw=overall)] if overall is not None else []
    given += [Given(question=Question.SOLVED, score=solved)] if solved is not None else []
    about = About(
        survey=Survey.TICKET,
        customer_id=one.customer_id,
        follow_up_id=one.id,
        session_id=None,
        channel=channel,
        source=f"test:{one.id}:{next(_numbers)}",
    )
    record_answers(conn, given, about, now=now)
