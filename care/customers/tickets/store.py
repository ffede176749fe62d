"""SQL of tickets: one statement per verb, connection first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import is_sqlite
from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution

_TURN = 0x71C4E7  # names the lock that all who write tickets share on PostgreSQL


def take_turn(conn: sa.Connection) -> None:
    """Let those who write tickets do it one after the other until the end of the transaction; SQLite has one writer."""
    if not is_sqlite(conn):
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))


def find_tickets(conn: sa.Connection, external_ids: Collection[str]) -> dict[str, sa.RowMapping]:
    """Return the tickets of these ids, each with its customer's type and country, and since when they are erased."""
    of_customer = (customer.c[name] for name in ("customer_type", "country", "erased_at"))
    found = conn.execute(
        sa.select(ticket, *of_customer, customer.c.external_id.label("customer"))
        .join(customer, customer.c.id == ticket.c.customer_id)
        .where(among(ticket.c.external_id, external_ids))
    )
    return {row["external_id"]: row for row in found.mappings()}


def find_resolutions(conn: sa.Connection, ticket_ids: Collection[int]) -> Sequence[sa.RowMapping]:
    """Return the resolutions of tickets, locked in the order of their ids: no follow-up takes one on meanwhile."""
    mine = sa.select(ticket_resolution).where(among(ticket_resolution.c.ticket_id, ticket_ids))
    return conn.execute(mine.order_by(ticket_resolution.c.id).with_for_update()).mappings().all()


def find_owners(conn: sa.Connection, external_ids: Collection[str]) -> dict[str, sa.RowMapping]:
    """Return the customers of these ids: id, customer_type, country, and since when they are erased."""
    columns = (customer.c[name] for name in ("id", "external_id", "customer_type", "country", "erased_at"))
    mine = sa.select(*columns).where(among(customer.c.external_id, external_ids))
    return {row["external_id"]: row for row in conn.execute(mine).mappings()}


def insert_tickets(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Insert tickets and return the id of each by its external id."""
    if not rows:
        return {}
    made = conn.execute(sa.insert(ticket).returning(ticket.c.external_id, ticket.c.id), list(rows))
    return {row.external_id: row.id for row in made}


def update_tickets(conn: sa.Connection, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write tickets anew, by id; all rows have the same columns."""
    if rows:
        columns = next(iter(rows.values()))
        values: dict[str, Any] = {name: sa.bindparam(f"_{name}") for name in columns}
        statement = sa.update(ticket).where(ticket.c.id == sa.bindparam("_key")).values(values)
        given = [{"_key": key} | {f"_{name}": value for name, value in row.items()} for key, row in rows.items()]
        conn.execute(statement, given)


def insert_resolutions(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write resolutions down."""
    if rows:
        conn.execute(sa.insert(ticket_resolution), list(rows))


def update_resolutions(conn: sa.Connection, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write resolutions anew, by id, that no follow-up has taken on; all rows have the same columns."""
    if rows:
        columns = next(iter(rows.values()))
        values: dict[str, Any] = {name: sa.bindparam(f"_{name}") for name in columns}
        table = ticket_resolution.c
        statement = sa.update(ticket_resolution).where(table.id == sa.bindparam("_key"), table.followed_up_at.is_(None))
        given = [{"_key": key} | {f"_{name}": value for name, value in row.items()} for key, row in rows.items()]
        conn.execute(statement.values(values), given)


def delete_resolutions(conn: sa.Connection, ids: Collection[int]) -> None:
    """Take back resolutions that no follow-up has taken on."""
    untaken = sa.and_(among(ticket_resolution.c.id, ids), ticket_resolution.c.followed_up_at.is_(None))
    conn.execute(sa.delete(ticket_resolution).where(untaken))


def resolutions_of(conn: sa.Connection, ticket_id: int) -> Sequence[sa.RowMapping]:
    """Return the resolutions of one ticket, first to last."""
    mine = sa.select(ticket_resolution).where(ticket_resolution.c.ticket_id == ticket_id)
    return conn.execute(mine.order_by(ticket_resolution.c.n)).mappings().all()


def moments_of(conn: sa.Connection) -> Sequence[sa.Row[str, datetime | None, datetime | None]]:
    """Return external id, since when it stands as resolved, and its last resolution, of every ticket."""
    last = sa.func.max(ticket_resolution.c.resolved_at).label("last_resolved_at")
    rows = (
        sa.select(ticket.c.external_id, ticket.c.resolved_at, last)
        .outerjoin(ticket_resolution, ticket_resolution.c.ticket_id == ticket.c.id)
        .group_by(ticket.c.id, ticket.c.external_id, ticket.c.resolved_at)
    )
    return conn.execute(rows).all()
