"""Brakes against toll fraud and mistakes: money per day, and parts to other countries per day."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
import sqlalchemy as sa

from care.base.database import insert
from care.delivery.tables import spend

SPEND = "spend_limit"
INTERNATIONAL = "international_limit"


@dataclass(kw_only=True)
class DaySpend:
    """What this day has cost so far, and the limits; grows with each message let through."""

    day: date
    tomorrow_at: datetime  # when the brakes are released, aware UTC
    home: str
    spend_limit_minor: int | None
    international_limit: int
    price_minor: Mapping[str, Decimal]  # per part and country, in minor units
    cost_minor: Decimal = Decimal(0)
    international: int = 0
    new: dict[str, tuple[int, Decimal]] = field(default_factory=dict)

    def refuse(self, country: str, parts: int) -> str | None:
        """Return the brake that stops a message of so many parts, or let it through and count it."""
        cost = self.price_minor.get(country, Decimal(0)) * parts
        if self.spend_limit_minor is not None and self.cost_minor + cost > self.spend_limit_minor:
            return SPEND
        abroad = country != self.home
        if abroad and self.international + parts > self.international_limit:
            return INTERNATIONAL
        self.cost_minor += cost
        self.international += parts if abroad else 0
        known_parts, known_cost = self.new.get(country, (0, Decimal(0)))
        self.new[country] = (known_parts + parts, known_cost + cost)
        return None


def open_day(
    conn: sa.Connection,
    *,
    now: datetime,
    zone: str,
    home: str,
    spend_limit_minor: int | None,
    international_limit: int,
    price_minor: Mapping[str, Decimal],
) -> DaySpend:
    """Read what the operator's day has cost; on PostgreSQL other senders wait for this transaction."""
    clock = ZoneInfo(zone)
    day = now.astimezone(clock).date()
    tomorrow = datetime.combine(day + timedelta(days=1), datetime.min.time(), clock).astimezone(now.tzinfo)
    rows = conn.execute(sa.select(spend).where(spend.c.day == day).with_for_update()).all()
    return DaySpend(
        day=day,
        tomorrow_at=tomorrow,
        home=home,
        spend_limit_minor=spend_limit_minor,
        international_limit=international_limit,
        price_minor=price_minor,
        cost_minor=Decimal(sum(row.cost_minor for row in rows)),
        international=sum(row.parts for row in rows if row.country != home),
    )


def close_day(conn: sa.Connection, spent: DaySpend) -> None:
    """Write what was let through."""
    for country, (parts, cost) in sorted(spent.new.items()):
        statement = insert(conn, spend).values(
            day=spent.day, country=country, parts=parts, cost_minor=math.ceil(cost)
        )  # up: a brake errs on the safe side
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["day", "country"],
                set_={
                    "parts": spend.c.parts + statement.excluded.parts,
                    "cost_minor": spend.c.cost_minor + statement.excluded.cost_minor,
                },
            )
        )


@lru_cache(maxsize=4096)
def _regions(prefix: str) -> tuple[str, ...]:
    for digits in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(prefix[:digits]))
        if regions:
            return tuple(regions)
    return ("ZZ",)


def country_of_number(e164: str, customer_country: str) -> str:
    """Return the ISO country of a number; where several share a code, the customer's if it is one of them."""
    regions = _regions(e164[1:4])
    return customer_country if customer_country in regions else regions[0]
