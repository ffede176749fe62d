"""Marks that save asking again: a day of a campaign is settled until the campaign or a customer changes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from care.base.database import insert
from care.customers.tables import consent, customer, customer_change, subscription, suppression
from care.planning.tables import planned_day

KEPT = timedelta(days=40)


def watermark(conn: sa.Connection) -> str:
    """Return a text that changes when any customer, subscription, consent or suppression does.

    Five look-ups at the end of an index each, so an idle tick costs the same for ten customers and ten million.
    """
    tables = (customer, customer_change, subscription, consent, suppression)
    newest = [sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery() for table in tables]
    lifted = sa.select(sa.func.coalesce(sa.func.max(suppression.c.lifted_at), 0)).scalar_subquery()
    row = conn.execute(sa.select(*newest, sa.type_coerce(lifted, sa.BigInteger))).one()
    return ".".join(str(value) for value in row)


def read(conn: sa.Connection, campaign_id: str) -> Mapping[tuple[date, str], str]:
    """Return the stamp of each settled (day, zone) of a campaign."""
    rows = conn.execute(
        sa.select(planned_day.c.day, planned_day.c.zone, planned_day.c.stamp).where(
            planned_day.c.campaign_id == campaign_id
        )
    )
    return {(row.day, row.zone): row.stamp for row in rows}


def put(conn: sa.Connection, campaign_id: str, days: Sequence[tuple[date, str]], stamp: str, now: datetime) -> None:
    """Mark days as settled under a stamp, and forget marks that are long past."""
    rows = [{"campaign_id": campaign_id, "day": day, "zone": zone, "stamp": stamp, "at": now} for day, zone in days]
    statement = insert(conn, planned_day).values(rows)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "day", "zone"],
            set_={"stamp": statement.excluded.stamp, "at": statement.excluded.at},
        )
    )
    old = sa.and_(planned_day.c.campaign_id == campaign_id, planned_day.c.at < now - KEPT)
    conn.execute(sa.delete(planned_day).where(old))
