"""What the ledger has waiting already, in groups alike: a plan shares the sender with it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from care.base.database import from_micros, to_micros
from care.base.vocabulary import Channel, Purpose
from care.customers.tables import customer
from care.messages.model import CLAIMABLE
from care.messages.tables import attempt, message

_BUCKET = 900_000_000  # microseconds: a quarter of an hour
_RECENT = 1_000  # attempts that tell how many parts a message usually has

PageKey = tuple[str, str, date]
"""Campaign id, leg and local day: a page of the books."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Messages of one page and place that are still to go."""

    purpose: Purpose
    channel: Channel | None  # of the last try; None: not tried yet
    leg: str
    campaign_id: str
    country: str | None
    zone: str | None
    due_at: datetime  # the first of them
    use_by: datetime  # the first of them
    count: int


def waiting(conn: sa.Connection, *, besides: Collection[PageKey], now: datetime) -> list[Waiting]:
    """Return what waits in the ledger and is not on one of the pages in `besides`."""
    wakes, ends = (sa.type_coerce(column, sa.BigInteger) for column in (message.c.wake_at, message.c.use_by))
    keys = (
        message.c.campaign_id,
        message.c.leg,
        message.c.occasion_on,
        message.c.purpose,
        message.c.channel,
        customer.c.country,
        customer.c.timezone,
        (wakes // _BUCKET).label("wakes"),
        (ends // _BUCKET).label("ends"),
    )
    figures = (sa.func.min(wakes).label("due_at"), sa.func.min(ends).label("use_by"), sa.func.count().label("n"))
    query = (
        sa.select(*keys, *figures)
        .select_from(message.outerjoin(customer, customer.c.id == message.c.customer_id))
        .where(message.c.status.in_(sorted(str(status) for status in CLAIMABLE)), ends > to_micros(now))
        .group_by(*keys)
    )
    return [
        Waiting(
            purpose=Purpose(row.purpose),
            channel=None if row.channel is None else Channel(row.channel),
            leg=row.leg,
            campaign_id=row.campaign_id,
            country=row.country,
            zone=row.timezone,
            due_at=from_micros(row.due_at),
            use_by=from_micros(row.use_by),
            count=int(row.n),
        )
        for row in conn.execute(query)
        if (row.campaign_id, row.leg, row.occasion_on) not in besides
    ]


def usual_parts(conn: sa.Connection, channel: Channel) -> float:
    """Return how many parts a message of a channel had on average of late; 1 before anything was sent."""
    recent = sa.select(attempt.c.parts).where(attempt.c.channel == str(channel)).order_by(attempt.c.id.desc())
    parts = recent.limit(_RECENT).subquery()
    return float(conn.execute(sa.select(sa.func.avg(parts.c.parts))).scalar() or 1.0)
