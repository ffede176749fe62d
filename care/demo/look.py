"""What to look at: real rows of the week that show how the product thinks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from care.base.database import read
from care.customers.tables import customer
from care.inbound.model import HandledAs
from care.inbound.tables import inbound_message
from care.messages.model import MessageStatus
from care.messages.tables import message
from care.surveys.tables import follow_up, survey_case

S = MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A command worth typing, and what it shows."""

    command: str
    shows: str


def find_sights(engine: sa.Engine) -> list[Sight]:
    """Return commands with the ids of this very week; what did not happen in it is left out."""
    with read(engine) as conn:
        return list(_sights(conn))


def _sights(conn: sa.Connection) -> Iterator[Sight]:
    if conn.execute(sa.select(follow_up.c.id).limit(1)).first():
        yield Sight(command="care surveys followup", shows="every resolved ticket was followed up, or why not")
    yield from _bad_answer(conn)
    told = _first(conn, _reason("told_via:%"))
    if told:
        yield Sight(command=_why(told), shows="a household is told once")
    capped = _first(conn, _reason("frequency_cap:%"))
    if capped:
        yield Sight(command=_why(capped), shows="nobody is written to more often than agreed")
    turned = _first(conn, sa.and_(message.c.status == str(S.DELIVERED), message.c.attempts > 1))
    if turned:
        yield Sight(command=f"care message show {turned.id}", shows="what became of each attempt")
    stopped = sa.select(customer.c.external_id).join(inbound_message, inbound_message.c.customer_id == customer.c.id)
    who = conn.execute(stopped.where(inbound_message.c.handled_as == str(HandledAs.OPT_OUT)).limit(1)).scalar()
    if who:
        yield Sight(command=f"care customers show {who}", shows="somebody who said no, and why nothing goes there")


def _bad_answer(conn: sa.Connection) -> Iterator[Sight]:
    """A case that a customer's answer opened."""
    newest = sa.select(survey_case.c.id).where(survey_case.c.closed_at.is_(None)).order_by(survey_case.c.id.desc())
    case_id = conn.execute(newest.limit(1)).scalar()
    if case_id:
        yield Sight(command=f"care surveys cases show {case_id}", shows="an unhappy answer, and who calls by when")


def _why(found: Any) -> str:
    return f"care why {found.external_id} {found.campaign_id} --on {found.occasion_on}"


def _reason(pattern: str) -> sa.ColumnElement[bool]:
    return sa.and_(message.c.status == str(S.SKIPPED), message.c.reason.like(pattern))


def _first(conn: sa.Connection, where: sa.ColumnElement[bool]) -> Any:
    found = (
        sa.select(message.c.id, message.c.campaign_id, message.c.occasion_on, customer.c.external_id)
        .join(customer, customer.c.id == message.c.customer_id)
        .where(where)
        .order_by(message.c.id.desc())
    )
    return conn.execute(found.limit(1)).first()
