"""Brakes against toll fraud and mistakes: money per day, and parts to other countries per day."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import sqlalchemy as sa

from care.base.database import insert, is_sqlite
from care.base.hot import Hot
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
    parts: dict[str, int] = field(default_factory=dict)  # let through so far, per country
    new: set[str] = field(default_factory=set)  # countries with more than was written

    @property
    def cost_minor(self) -> Decimal:
        """Return what the parts cost, exactly: rounding each little group would stop the day far too early or late."""
        return sum((self._price(country) * parts for country, parts in self.parts.items()), Decimal(0))

    @property
    def international(self) -> int:
        """Return the parts that went to other countries."""
        return sum(parts for country, parts in self.parts.items() if country != self.home)

    def _price(self, country: str) -> Decimal:
        return self.price_minor.get(country, Decimal(0))

    def refuse(self, country: str, parts: int) -> str | None:
        """Return the brake that stops a message of so many parts, or let it through and count it."""
        limit = self.spend_limit_minor
        if limit is not None and self.cost_minor + self._price(country) * parts > limit:
            return SPEND
        if country != self.home and self.international + parts > self.international_limit:
            return INTERNATIONAL
        self.parts[country] = self.parts.get(country, 0) + parts
        self.new.add(country)
        return None

    def takes(self, parts: Mapping[str, int]) -> bool:
        """Let messages of so many parts per country through and count them, if no brake stops any of them."""
        cost = sum((self._price(country) * more for country, more in parts.items()), self.cost_minor)
        abroad = self.international + sum(more for country, more in parts.items() if country != self.home)
        limit = self.spend_limit_minor
        if (limit is not None and cost > limit) or (abroad > self.international_limit and {*parts} - {self.home}):
            return False
        for country, more in parts.items():
            self.parts[country] = self.parts.get(country, 0) + more
        self.new.update(parts)
        return True


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
    if not is_sqlite(conn):
        _queue_up(conn, day, home)
    return DaySpend(
        day=day,
        tomorrow_at=tomorrow,
        home=home,
        spend_limit_minor=spend_limit_minor,
        international_limit=international_limit,
        price_minor=price_minor,
        parts=dict(_SPENT.rows(conn, on=day)),
    )


_SPENT = Hot(sa.select(spend.c.country, spend.c.parts).where(spend.c.day == sa.bindparam("on")))


def _write(conn: sa.Connection) -> Any:
    statement = insert(conn, spend)
    now_known = {"parts": statement.excluded.parts, "cost_minor": statement.excluded.cost_minor}
    return statement.on_conflict_do_update(index_elements=["day", "country"], set_=now_known)


_WRITE = Hot(_write, each=("day", "country", "parts", "cost_minor"))


def _queue_up(conn: sa.Connection, day: date, home: str) -> None:
    """Hold the home country's row, which stands for the day: only then is the sum over all countries the last word."""
    mine = sa.select(spend.c.day).where(spend.c.day == day, spend.c.country == home).with_for_update()
    if conn.execute(mine).first() is None:
        conn.execute(insert(conn, spend).values(day=day, country=home).on_conflict_do_nothing())
        conn.execute(mine)


def close_day(conn: sa.Connection, spent: DaySpend) -> None:
    """Write what was let through."""
    prices, parts = spent.price_minor, spent.parts
    costs = {country: math.ceil(prices.get(country, Decimal(0)) * parts[country]) for country in sorted(spent.new)}
    _WRITE.many(conn, [(spent.day, country, parts[country], cost) for country, cost in costs.items()])


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
