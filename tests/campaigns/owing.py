"""What a planner would do with the sets of an occasion."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from care.base.database import Instant, read
from care.campaigns.occasion import Due, OccasionFacts
from care.customers.tables import customer

SHANGHAI = "Asia/Shanghai"


def owed(engine: sa.Engine, dues: Sequence[Due]) -> list[tuple[str, str, datetime]]:
    """Return (customer, occasion, due_at) of everyone the sets select, as a planner would read them."""
    found: list[tuple[str, str, datetime]] = []
    with read(engine) as conn:
        for due in dues:
            occasion = sa.literal(due.occasion) if isinstance(due.occasion, str) else due.occasion
            due_at = sa.literal(due.due_at, Instant) if isinstance(due.due_at, datetime) else due.due_at
            source = customer if due.joined is None else customer.join(due.joined, due.on)
            query = sa.select(customer.c.external_id, occasion, due_at).select_from(source).where(due.where)
            found += [tuple(row) for row in conn.execute(query)]
    return sorted(found)


def who(engine: sa.Engine, dues: Sequence[Due]) -> list[str]:
    """Return the customers only."""
    return [row[0] for row in owed(engine, dues)]


def facts(**given) -> OccasionFacts:
    """Return facts about an ordinary customer on 1 June 2026."""
    known = {
        "occasion": "x",
        "occasion_on": date(2026, 6, 1),
        "locale": "zh-CN",
        "zone": SHANGHAI,
        "currency": "CNY",
        "customer": {"joined_on": date(2016, 6, 1)},
        "subject": None,
    }
    return OccasionFacts(**(known | given))
