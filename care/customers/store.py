"""SQL of the customers' floor that moves many rows at once; the same words for SQLite and PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import is_sqlite
from care.customers.tables import contact_point, customer

Columns = Mapping[str, Sequence[Any]]
"""Rows by column: every list has one value per row, in the same order."""


def reserve_ids(conn: sa.Connection, table: sa.Table, count: int) -> list[int]:
    """Return `count` fresh keys of a table, to be inserted in this writing transaction."""
    if is_sqlite(conn):  # the one writer holds the lock, so nobody else can take them
        last = conn.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    sequence = sa.func.pg_get_serial_sequence(table.name, "id")
    numbers = sa.func.generate_series(1, count).table_valued("n")
    return list(conn.execute(sa.select(sa.func.nextval(sa.cast(sequence, sa.Text))).select_from(numbers)).scalars())


def insert_columns(
    conn: sa.Connection, table: sa.Table, columns: Columns, constants: Mapping[str, Any] | None = None
) -> int:
    """Insert rows given by column, with `constants` in every row; return how many.

    Values go to the driver in bulk: one prepared statement on SQLite, one array per column on PostgreSQL.
    """
    count = len(next(iter(columns.values())))
    if not count:
        return 0
    stored = {name: _for_driver(conn, table.c[name], values) for name, values in columns.items()}
    for name, value in (constants or {}).items():
        stored[name] = list(_for_driver(conn, table.c[name], [value])) * count
    if is_sqlite(conn):
        compiled = sa.insert(table).compile(dialect=conn.dialect, column_keys=list(stored))
        order = getattr(compiled, "positiontup", None) or list(stored)
        conn.exec_driver_sql(str(compiled), list(zip(*(stored[name] for name in order), strict=True)))
    else:
        conn.execute(_insert_arrays(conn, table, stored))
    return count


def _for_driver(conn: sa.Connection, column: sa.Column[Any], values: Sequence[Any]) -> Sequence[Any]:
    """Return the values as the driver stores them: days as text on SQLite, instants as microseconds, JSON as text."""
    process = column.type.dialect_impl(conn.dialect).bind_processor(conn.dialect)
    return values if process is None else [process(value) for value in values]


def _insert_arrays(conn: sa.Connection, table: sa.Table, stored: Columns) -> sa.Insert:
    arrays = []
    for name, values in stored.items():
        kind = sa.Text() if isinstance(table.c[name].type, sa.JSON) else table.c[name].type.dialect_impl(conn.dialect)
        if isinstance(kind, sa.types.TypeDecorator):
            kind = kind.impl_instance
        arrays.append(sa.cast(sa.literal(list(values), sa.ARRAY(kind)), sa.ARRAY(kind)))
    rows = sa.func.unnest(*arrays).table_valued(*stored, name="given").render_derived()
    selected = [
        sa.cast(rows.c[name], table.c[name].type) if isinstance(table.c[name].type, sa.JSON) else rows.c[name]
        for name in stored
    ]
    return sa.insert(table).from_select(list(stored), sa.select(*selected))


def draws_by_address(conn: sa.Connection, hashes: Collection[str]) -> dict[str, int]:
    """Return the household draw of the longest-known customer behind each address hash.

    The hashes are looked up in their order, so that the index is walked and not jumped about in.
    """
    rows = conn.execute(
        sa.select(contact_point.c.address_hash, customer.c.draw)
        .join(customer, customer.c.id == contact_point.c.customer_id)
        .where(among(contact_point.c.address_hash, sorted(hashes)))
        .order_by(customer.c.id.desc())
    )
    return {row.address_hash: row.draw for row in rows}


def customer_ids(conn: sa.Connection, external_ids: Collection[str]) -> dict[str, int]:
    """Return our key for each known external id; erased customers are unknown."""
    rows = conn.execute(
        sa.select(customer.c.external_id, customer.c.id).where(
            among(customer.c.external_id, external_ids), customer.c.erased_at.is_(None)
        )
    )
    return {row.external_id: row.id for row in rows}


def contact_points(conn: sa.Connection, customer_id: int) -> Sequence[sa.Row[Any]]:
    """Return the contact points of a customer, the one tried first at the top."""
    return conn.execute(
        sa.select(contact_point)
        .where(contact_point.c.customer_id == customer_id)
        .order_by(contact_point.c.channel.desc(), contact_point.c.position)
    ).all()
