"""Calls that a person makes where no message reaches: handed over, listed, settled."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert
from care.customers.tables import contact_point, customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.surveys.model import MAIN, Survey
from care.surveys.tables import follow_up, phone_task

AT_LEAST = timedelta(hours=24)
"""Whoever calls has a day, also where the promise is broken already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneTask:
    """One call to make, as it stands in the list."""

    ref: str
    ticket: str
    customer: str
    name: str
    phone: str
    kind: str
    asks: str  # the question that counts: overall, 1 to 5, or effort, 1 to 7
    area: str
    staff: str
    ticket_result: str
    resolved_at: datetime
    why: str
    call_by: datetime


def hand_over(conn: sa.Connection, ids: Collection[int], *, now: datetime) -> None:
    """Write calls down for follow-ups that are phone tasks by now."""
    rows = conn.execute(
        sa.select(follow_up.c.id, follow_up.c.reason, follow_up.c.deadline_at).where(
            among(follow_up.c.id, ids), follow_up.c.state == "phone_task"
        )
    ).all()
    tasks = [
        {
            "follow_up_id": row.id,
            "reason": row.reason,
            "created_at": now,
            "call_by": row.deadline_at if row.deadline_at > now else now + AT_LEAST,
        }
        for row in rows
    ]
    if tasks:
        conn.execute(insert(conn, phone_task).values(tasks).on_conflict_do_nothing())


def settle(conn: sa.Connection, follow_up_id: int, outcome: str, *, now: datetime) -> None:
    """Write down how a call ended; a second word about it changes nothing."""
    conn.execute(
        sa.update(phone_task)
        .where(phone_task.c.follow_up_id == follow_up_id, phone_task.c.done_at.is_(None))
        .values(done_at=now, outcome=outcome)
    )


def overdue_calls(conn: sa.Connection, now: datetime) -> tuple[int, timedelta]:
    """Return how many calls are past their time and not recorded, and for how long the oldest of them."""
    late = (
        sa.select(sa.func.count(), sa.func.min(phone_task.c.call_by))
        .select_from(phone_task.join(follow_up, follow_up.c.id == phone_task.c.follow_up_id))
        .where(follow_up.c.state == "phone_task", phone_task.c.done_at.is_(None), phone_task.c.call_by < now)
    )
    count, oldest = conn.execute(late).one()
    return int(count), now - oldest if oldest else timedelta(0)


def open_tasks(conn: sa.Connection) -> Iterator[PhoneTask]:
    """Yield the calls still to make, the most urgent first; the reporter's number before the customer's own."""
    own = (
        sa.select(contact_point.c.address)
        .where(contact_point.c.customer_id == follow_up.c.customer_id, contact_point.c.channel == "sms")
        .order_by(contact_point.c.position)
        .limit(1)
        .correlate(follow_up)
        .scalar_subquery()
    )
    r = ticket_resolution
    query = (
        sa.select(
            follow_up.c.external_id,
            follow_up.c.survey,
            ticket.c.external_id.label("ticket"),
            customer.c.external_id.label("customer"),
            sa.func.coalesce(ticket.c.contact_name, customer.c.name).label("name"),
            sa.func.coalesce(ticket.c.contact_phone, own).label("phone"),
            *(r.c[name] for name in ("kind", "area", "staff", "result", "resolved_at")),
            phone_task.c.reason,
            phone_task.c.call_by,
        )
        .select_from(
            phone_task.join(follow_up, follow_up.c.id == phone_task.c.follow_up_id)
            .join(r, r.c.id == follow_up.c.resolution_id)
            .join(ticket, ticket.c.id == follow_up.c.ticket_id)
            .outerjoin(customer, customer.c.id == follow_up.c.customer_id)
        )
        .where(phone_task.c.done_at.is_(None), follow_up.c.state == "phone_task")
        .order_by(phone_task.c.call_by, follow_up.c.id)
    )
    for row in conn.execute(query):
        yield _task(row)


def mark_exported(conn: sa.Connection, refs: Collection[str], *, now: datetime) -> None:
    """Note that calls were given out; the first time counts."""
    mine = sa.select(follow_up.c.id).where(among(follow_up.c.external_id, refs))
    conn.execute(
        sa.update(phone_task)
        .where(phone_task.c.follow_up_id.in_(mine), phone_task.c.exported_at.is_(None))
        .values(exported_at=now)
    )


def _task(row: Any) -> PhoneTask:
    return PhoneTask(
        ref=row.external_id,
        ticket=row.ticket,
        customer=row.customer or "",
        name=row.name or "",
        phone=row.phone or "",
        kind=row.kind,
        asks=MAIN[Survey(row.survey)],
        area=row.area or "",
        staff=row.staff or "",
        ticket_result=row.result or "",
        resolved_at=row.resolved_at,
        why=row.reason,
        call_by=row.call_by,
    )
