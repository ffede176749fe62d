"""Marks that save asking again: a day of a campaign is settled until the campaign or a customer changes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.customers.tables import consent, contact_point, customer, customer_change, subscription, suppression
from care.planning.tables import planned_day

KEPT = timedelta(days=40)
BELIEVED_FOR = timedelta(minutes=15)
"""After that a day is asked for again: what several write at once may become visible below the highest number."""

_MARGIN = 1_000  # numbers looked at again, for the same reason
_AT_ONCE = 10_000
_MANY = 50_000


def watermark(conn: sa.Connection) -> str:
    """Return a text that changes when any customer, subscription, consent or suppression does.

    Five look-ups at the end of an index each, so an idle tick costs the same for ten customers and ten million.
    """
    tables = (customer, customer_change, subscription, consent, suppression)
    newest = [sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery() for table in tables]
    lifted = sa.select(sa.func.coalesce(sa.func.max(suppression.c.lifted_at), 0)).scalar_subquery()
    row = conn.execute(sa.select(*newest, sa.type_coerce(lifted, sa.BigInteger))).one()
    return ".".join(str(value) for value in row)


def stamp_of(digest: str, mark: str, *, above: int | None = None, news: str = "") -> str:
    """Return what a settled day is stamped with: the campaign's version, from when it waits, and the watermark.

    `news` is what else may make something due: it changes with it.
    """
    return f"{digest[:16]}{'' if above is None else f'>{above}'}{news and f'~{news}'}:{mark}"


def news_of(conn: sa.Connection, query: sa.Select[Any] | None) -> str:
    """Return one row as a short text without ':'; nothing where nothing is asked."""
    return "" if query is None else ".".join(str(value) for value in conn.execute(query).one())


def read(conn: sa.Connection, campaign_id: str, now: datetime) -> Mapping[tuple[date, str], str]:
    """Return the stamp of each settled (day, zone) of a campaign that is still believed."""
    rows = conn.execute(
        sa.select(planned_day.c.day, planned_day.c.zone, planned_day.c.stamp).where(
            planned_day.c.campaign_id == campaign_id,
            planned_day.c.at > now - BELIEVED_FOR,
            planned_day.c.at <= now,
        )
    )
    return {(row.day, row.zone): row.stamp for row in rows}


def last_watermark(conn: sa.Connection, campaign_id: str) -> str:
    """Return the watermark under which a campaign was planned last, '' if never."""
    newest = sa.select(planned_day.c.stamp).where(planned_day.c.campaign_id == campaign_id)
    stamp = conn.execute(newest.order_by(planned_day.c.at.desc()).limit(1)).scalar()
    return str(stamp).partition(":")[2] if stamp else ""


def changed_since(conn: sa.Connection, before: str, after: str) -> Iterator[set[int] | None]:
    """Yield ids of customers whose record, consent or lifted suppression is newer than a watermark, in portions.

    None stands for everyone: so much has changed that asking one by one would take longer.
    """
    old, new = ([int(part) for part in mark.split(".")] for mark in (before, after))
    if new[1] - old[1] + new[3] - old[3] > _MANY:
        yield None
        return
    for table, n in ((customer_change, 1), (consent, 3)):
        if new[n] == old[n]:
            continue
        for first in range(max(1, old[n] + 1 - _MARGIN), new[n] + 1, _AT_ONCE):
            some = sa.select(table.c.customer_id).where(table.c.id.between(first, first + _AT_ONCE - 1))
            yield set(conn.execute(some).scalars())
    if new[5] != old[5]:
        lifted = sa.type_coerce(suppression.c.lifted_at, sa.BigInteger) > old[5]
        same = contact_point.c.address_hash == suppression.c.address_hash
        yield set(conn.execute(sa.select(contact_point.c.customer_id).join(suppression, same).where(lifted)).scalars())


def put(conn: sa.Connection, campaign_id: str, days: Sequence[tuple[date, str]], stamp: str, now: datetime) -> None:
    """Mark days as settled under a stamp, and forget marks that are long past."""
    rows = [{"campaign_id": campaign_id, "day": day, "zone": zone, "stamp": stamp, "at": now} for day, zone in days]
    statement = insert(conn, planned_day)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "day", "zone"],
            set_={"stamp": statement.excluded.stamp, "at": statement.excluded.at},
        ),
        rows,
    )
    old = sa.and_(planned_day.c.campaign_id == campaign_id, planned_day.c.at < now - KEPT)
    conn.execute(sa.delete(planned_day).where(old))
