"""A database that for a while may only be read, as after a failover to a standby or on a protected disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

_END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@contextmanager
def read_only(engine: sa.Engine) -> Iterator[None]:
    """Let nobody write; on SQLite nobody who uses this engine.

    Connections that were opened meanwhile are not ended after it: they stay as they are.
    """
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _query_only)
    else:
        _set_read_only(engine.url, "on")
    engine.dispose()
    try:
        yield
    finally:
        if engine.dialect.name == "sqlite":
            sa.event.remove(engine, "connect", _query_only)
        else:
            _set_read_only(engine.url, "off")


def _query_only(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")


def _set_read_only(url: sa.URL, word: str) -> None:
    may_write = {"options": "-c default_transaction_read_only=off"}
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", connect_args=may_write)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{url.database}" SET default_transaction_read_only = {word}')
        if word == "on":
            connection.exec_driver_sql(_END_OTHERS)
    admin.dispose()
