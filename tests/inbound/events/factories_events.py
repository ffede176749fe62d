"""Events as other systems post them, and the verbs of tests about them."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import read, write
from care.bootstrap import Services
from care.customers.tickets.tables import ticket, ticket_resolution
from care.inbound.events.applying import event_rules
from care.inbound.events.intake import take_in
from care.inbound.events.model import Posted
from care.inbound.events.reading import read_entry
from care.inbound.events.tables import event
from care.inbound.events.worker import work_events

T0 = datetime(2026, 9, 20, tzinfo=UTC)
_numbers = itertools.count(1)


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def make_event(type_: str, hours: float, *, ticket: str = "T-1", customer: str | None = "C1", **data: Any) -> dict:
    """Return an event with an id of its own, unless `event_id` names one."""
    external_id = data.pop("event_id", None) or f"e{next(_numbers)}"
    made = {"id": external_id, "type": type_, "at": at(hours).isoformat(), "data": {"ticket": ticket, **data}}
    return made | ({"customer": customer} if customer else {})


def resolved(hours: float, **data: Any) -> dict:
    return make_event("ticket.resolved", hours, **data)


def reopened(hours: float, **data: Any) -> dict:
    return make_event("ticket.reopened", hours, **data)


def opened(hours: float, **data: Any) -> dict:
    return make_event("ticket.opened", hours, **data)


def post(services: Services, *items: dict, key_id: str = "test") -> Posted:
    """Take events in as one list."""
    now = services.clock.now()
    entries = [read_entry(item, zone=ZoneInfo("Asia/Shanghai"), now=now) for item in items]
    posted = Posted(key_id=key_id, entries=entries, is_list=True, at=now, request_digest="x")
    with write(services.engine) as conn:
        take_in(conn, [posted], now=now)
    return posted


def work(services: Services) -> int:
    rules = event_rules(services.settings, services.hasher)
    return work_events(services.engine, rules, now=services.clock.now())


def tell(services: Services, *items: dict) -> None:
    """Take events in and work on them."""
    post(services, *items)
    work(services)


def states(services: Services) -> dict[str, str]:
    """Return the state of each event by its id."""
    with read(services.engine) as conn:
        return {row.external_id: row.state for row in conn.execute(sa.select(event).order_by(event.c.id))}


def problem(services: Services, external_id: str) -> str | None:
    with read(services.engine) as conn:
        return conn.execute(sa.select(event.c.problem).where(event.c.external_id == external_id)).scalar_one()


def tickets(services: Services) -> list[Any]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(ticket).order_by(ticket.c.external_id)))


def resolutions(services: Services) -> list[Any]:
    with read(services.engine) as conn:
        return list(
            conn.execute(sa.select(ticket_resolution).order_by(ticket_resolution.c.ticket_id, ticket_resolution.c.n))
        )


def numbers(services: Services) -> list[tuple[str, datetime]]:
    """Return id and moment of every resolution."""
    return [(one.external_id, one.resolved_at) for one in resolutions(services)]
