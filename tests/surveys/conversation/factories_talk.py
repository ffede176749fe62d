"""A resolved ticket, the invitation that asks about it, and the customer who answers: rows as the ledger has them."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import read, write
from care.bootstrap import Services
from care.customers.tickets.tables import ticket, ticket_resolution
from care.inbound.tables import inbound_message
from care.inbound.worker import work_inbox
from care.messages.tables import message
from care.surveys.tables import follow_up, survey_answer, survey_case, survey_session
from tests.factories import make_customer
from tests.inbound.house import hear, make_attempt, make_message

PHONE = "+8613800001111"


def ask(services: Services, *, ref: str = "A12", phone: str = PHONE, customer: int | None = None, **fields: Any) -> int:
    """Let an invitation about a ticket leave now; return the follow-up's id."""
    now = services.clock.now()
    with write(services.engine) as conn:
        who = customer or _customer_of(conn, phone)
        mine = make_follow_up(conn, customer_id=who, ref=ref, now=now)
        made = make_invitation(conn, customer_id=who, subject=f"{ref}:r1", now=now, **fields)
        make_attempt(conn, message_id=made, phone=phone, now=now)
    return mine


def make_invitation(conn: sa.Connection, *, customer_id: int, subject: str, now: datetime, **fields: Any) -> int:
    given = {
        "campaign_id": "after_repair",
        "occasion": f"ticket:{subject}",
        "subject": subject,
        "purpose": "survey",
        "status": "accepted",
        **fields,
    }
    return make_message(conn, customer_id=customer_id, now=now, **given)


def make_follow_up(conn: sa.Connection, *, customer_id: int, ref: str, now: datetime, **fields: Any) -> int:
    """Insert a ticket that was resolved two hours ago, and its follow-up, which is invited."""
    resolved = now - timedelta(hours=2)
    row = {"external_id": ref, "customer_id": customer_id, "kind": "repair", "opened_at": resolved - timedelta(hours=9)}
    row |= {"resolved_at": resolved, "resolutions": 1, "attributes": {}, "as_of": resolved, "updated_at": now}
    ticket_id = conn.execute(sa.insert(ticket).values(row).returning(ticket.c.id)).scalar_one()
    row = {"external_id": f"{ref}:r1", "ticket_id": ticket_id, "customer_id": customer_id, "n": 1, "kind": "repair"}
    row |= {"resolved_at": resolved, "recorded_at": resolved, "followed_up_at": resolved}
    resolution = conn.execute(sa.insert(ticket_resolution).values(row).returning(ticket_resolution.c.id)).scalar_one()
    row = {
        "external_id": f"{ref}:r1",
        "resolution_id": resolution,
        "ticket_id": ticket_id,
        "customer_id": customer_id,
        "kind": "repair",
        "campaign_id": "after_repair",
        "resolved_at": resolved,
        "commitment": "72h",
        "deadline_at": resolved + timedelta(hours=72),
        "state": "invited",
        "invited_at": now,
        "covered_at": now,
        "state_at": now,
        **fields,
    }
    return int(conn.execute(sa.insert(follow_up).values(row).returning(follow_up.c.id)).scalar_one())


def _customer_of(conn: sa.Connection, phone: str) -> int:
    return make_customer(conn, phone=phone, locale="zh-CN")


def say(services: Services, text: str, *, phone: str = PHONE) -> str:
    """Let the customer write; return what our answer is called, '' for none."""
    hear(services, phone, text)
    work_inbox(services.engine, services.inbound_rules, now=services.clock.now())
    return answer_to_last(services)


def answer_to_last(services: Services) -> str:
    with read(services.engine) as conn:
        last = conn.execute(sa.select(sa.func.max(inbound_message.c.id))).scalar_one()
        said = conn.execute(sa.select(message.c.campaign_id).where(message.c.occasion == f"inbound:{last}")).scalar()
    return (said or "").removeprefix("reply:")


def handled(services: Services) -> list[str]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(inbound_message.c.handled_as).order_by(inbound_message.c.id)).scalars())


def answers(services: Services) -> list[tuple[str, int | None]]:
    """What stands, in the order in which it was said."""
    columns = sa.select(survey_answer.c.question, survey_answer.c.score).order_by(survey_answer.c.id)
    with read(services.engine) as conn:
        return [tuple(row) for row in conn.execute(columns.where(survey_answer.c.superseded_at.is_(None)))]


def stage(services: Services) -> str:
    with read(services.engine) as conn:
        return str(
            conn.execute(sa.select(survey_session.c.stage).order_by(survey_session.c.id.desc())).scalars().first()
        )


def state(services: Services, follow_up_id: int) -> str:
    with read(services.engine) as conn:
        return str(conn.execute(sa.select(follow_up.c.state).where(follow_up.c.id == follow_up_id)).scalar_one())


def cases(services: Services) -> list[str]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(survey_case.c.reason).order_by(survey_case.c.id)).scalars())


def rows(services: Services, table: sa.Table) -> list[Any]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(table)))
