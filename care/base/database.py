"""Engines, transactions and column types that mean the same on SQLite and PostgreSQL."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from care.base.errors import UnavailableError
from care.base.trouble import as_away, explain, is_read_only

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
BUSY_TIMEOUT_MS = 10_000
FROZEN_SECONDS = 20
"""So long a process may stand still in the midst of a transaction while others wait for its locks. They hold leases of
30 and 60 seconds that they cannot renew meanwhile."""

_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""A machine that loses its power says no goodbye, and the system's own limits are a quarter of an hour for who has just
asked it something and two hours for who waits for its answer."""

_opened: WeakSet[sa.Engine] = WeakSet()


def to_micros(instant: datetime) -> int:
    """Return microseconds since 1970-01-01 UTC of an aware instant."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant of microseconds since 1970-01-01."""
    return _EPOCH + timedelta(microseconds=micros)


def _maybe_micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)


def _maybe_instant(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware instant, stored as microseconds since 1970 UTC.

    Integers compare, index and add up the same way in both databases; SQLite's date texts do not.
    """

    impl = sa.BigInteger
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:  # noqa: ARG002
        """Return what turns an aware instant into microseconds: one call a value, as there are millions."""
        return _maybe_micros

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Any:  # noqa: ARG002
        """Return what turns microseconds into an aware instant."""
        return _maybe_instant


def bigint_key() -> sa.types.TypeEngine[int]:
    """Return a 64-bit key type that SQLite still numbers by itself (only INTEGER does)."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def open_engine(url: str, **options: Any) -> sa.Engine:
    """Return an engine with the durability the ledger needs; connects lazily.

    SQLite: WAL, synchronous=FULL, foreign keys, busy timeout; writes begin IMMEDIATE (see `write`).
    PostgreSQL: READ COMMITTED, synchronous_commit left on; a server that vanished is noticed within half a minute.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql":
            options["connect_args"] = _patience(parsed) | options.get("connect_args", {})
        engine = sa.create_engine(parsed, hide_parameters=True, json_deserializer=_read_json, **options)
    except (sa.exc.ArgumentError, ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        raise UnavailableError(
            f"database.url: cannot be used ({type(error).__name__}). "
            "Use sqlite:///care.db, or postgresql+psycopg://… with the 'postgres' extra installed"
        ) from None
    sa.event.listen(engine, "handle_error", _name_database)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _prepare_postgresql)
    _opened.add(engine)
    return engine


def _patience(url: sa.URL) -> dict[str, Any]:
    """Return for how long a silent server is waited for, as far as its address does not say it."""
    return {name: value for name, value in _PATIENCE.items() if name not in url.query}


def outlive_the_frozen(engine: sa.Engine, seconds: float = FROZEN_SECONDS) -> None:
    """Let PostgreSQL end transactions of this process in which nothing is done for so long, so that others go on.

    For processes that work beside others for long. Such a transaction did not happen: the next statement in it
    raises OperationalError, as if the server had been restarted.
    """
    if engine.dialect.name == "postgresql":
        limit = f"SET idle_in_transaction_session_timeout = {round(seconds * 1_000)}"
        sa.event.listen(engine, "connect", lambda connection, _record: _set(connection, limit))
        engine.dispose()


def close_engines() -> None:
    """Close every idle connection of this process; SQLite then folds its log into the database file."""
    for engine in list(_opened):
        engine.dispose()


def _name_database(context: sa.engine.ExceptionContext) -> None:
    """Keep with an error which database it came from, for whoever tells it to a person; call what passes by its name.

    Who may not write lets go of every connection: they would stay read-only when the server no longer is.
    """
    away = as_away(context)
    error = away or context.sqlalchemy_exception
    if is_read_only(context.original_exception):
        context.is_disconnect = True
    if error is not None and context.engine is not None:
        error.detail = [context.engine.url.render_as_string(hide_password=True)]
    if away is not None:
        raise away from context.original_exception


def database_of(error: sa.exc.DBAPIError) -> str:
    """Return the URL, without its password, of the database that an error came from; empty where nobody knows."""
    return next(iter(error.detail), "")


def _read_json(text: str | bytes) -> Any:
    """Read a JSON column; nearly every customer has no attributes of the operator's own."""
    return {} if text == "{}" else json.loads(text)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-16384")
    cursor.execute("PRAGMA wal_autocheckpoint=4000")  # pages: what is written again and again is moved once
    cursor.close()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Leave out just-in-time compilation: it takes longer than the statements it would speed up."""
    _set(connection, "SET jit = off")


def _set(connection: Any, setting: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(setting)
    connection.commit()


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("care_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def write(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open one short writing transaction; durable when the block ends without an error.

    On SQLite it takes the write lock at once: a reader that turns writer fails in spite of the busy timeout.
    """
    with engine.connect() as connection:
        connection.execution_options(care_write=True)  # the option lives and dies with this check-out
        with connection.begin():
            yield connection


@contextmanager
def read(engine: sa.Engine, *, steady: bool = False) -> Iterator[sa.Connection]:
    """Open one reading transaction: no lock that delays writers.

    On SQLite all of it sees one moment. On PostgreSQL each statement sees its own, unless `steady`: for sums over
    several statements that must agree.
    """
    with engine.connect() as connection, connection.begin():
        if steady:
            see_one_moment(connection)
        yield connection


def see_one_moment(connection: sa.Connection) -> None:
    """Let all statements of a transaction that has just begun see the same rows; SQLite's do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return the dialect's own INSERT, which knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # not loaded by programs that work on SQLite

        return postgresql.insert(table)
    return sqlite.insert(table)


def is_sqlite(connection: sa.Connection) -> bool:
    """Tell whether the connection speaks to SQLite."""
    return connection.dialect.name == "sqlite"


@contextmanager
def plain_errors(engine: sa.Engine) -> Iterator[None]:
    """Turn driver errors into one line with the place and what to do; never the statement's values."""
    where = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise UnavailableError(f"database {where}: {explain(error)}") from None


def why_not_writable(engine: sa.Engine, table: sa.Table) -> str:
    """Return in words why nothing can be written, '' where it can; `table` is one of ours, and no row of it changes.

    Cheap, and it waits for nobody: where another program writes, the database can be written.
    """
    column = list(table.columns)[-1]
    nothing = sa.update(table).values({column: column}).where(sa.false())
    is_file = engine.dialect.name == "sqlite"
    try:
        with read(engine) as connection:
            if is_file:
                connection.exec_driver_sql("PRAGMA busy_timeout=0")
            try:
                connection.execute(nothing)
            finally:
                if is_file and not connection.invalidated:
                    connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    except sa.exc.DBAPIError as error:
        is_busy = is_file and "locked" in str(error.orig)
        return "" if is_busy else explain(error)
    return ""
