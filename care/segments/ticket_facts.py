"""What tickets say about a customer: facts that rules may ask. Tries and colleagues' own tickets do not count."""

import operator as op
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket
from care.segments.facts import Fact, fact_field
from care.segments.fields import IS, KIND_OPERATORS, STANDARD_FIELDS, Kind

_COMPARE: Mapping[str, Callable[[Any, Any], sa.ColumnElement[bool]]] = MappingProxyType(
    {"at_least": op.ge, "at_most": op.le, "more_than": op.gt, "less_than": op.lt, "equals": op.eq}
)
_OPEN = sa.and_(
    ticket.c.customer_id == customer.c.id,
    ticket.c.resolved_at.is_(None),
    ticket.c.closed_at.is_(None),
    ticket.c.is_test.is_(False),
)


@dataclass(frozen=True, slots=True)
class OpenTickets:
    """How many tickets of a customer are open now."""

    name: str = "open_tickets"
    kind: Kind = Kind.NUMBER
    operators: tuple[str, ...] = tuple(_COMPARE)
    description: str = "Tickets that are not resolved"

    def predicate(self, operator: str, value: Any, as_of: date) -> sa.ColumnElement[bool]:
        """Return a predicate over `customer`, correlated, that is true or false and never NULL."""
        del as_of  # only how it stands now is known
        count = sa.select(sa.func.count()).select_from(ticket).where(_OPEN).correlate(customer).scalar_subquery()
        return _COMPARE[operator](count, value)


@dataclass(frozen=True, slots=True)
class OpenComplaint:
    """Whether a complaint of a customer is open: by a ticket, or by the customer's own record."""

    name: str = "open_complaint"
    kind: Kind = Kind.TRUTH
    operators: tuple[str, ...] = KIND_OPERATORS[Kind.TRUTH]
    description: str = "Has a complaint that is not closed, by the record or by a ticket"

    def predicate(self, operator: str, value: Any, as_of: date) -> sa.ColumnElement[bool]:
        """Return a predicate over `customer`, correlated, that is true or false and never NULL."""
        del as_of
        assert operator == IS
        complaints = sa.select(ticket.c.id).where(_OPEN, ticket.c.kind == "complaint").correlate(customer)
        has_one = sa.or_(customer.c.open_complaint.is_(True), sa.exists(complaints))
        return has_one if value else sa.not_(has_one)


def ticket_facts() -> dict[str, Fact]:
    """Return the facts by name."""
    facts: tuple[Fact, ...] = (OpenTickets(), OpenComplaint())
    return {fact.name: fact for fact in facts}


DECLARED_FIELDS = STANDARD_FIELDS.with_facts(fact_field(fact) for fact in ticket_facts().values())
"""Every name that rules may use, as editors and the page of segments know them."""
