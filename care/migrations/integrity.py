"""Is the database sound: its version, and what the database itself finds when asked to look."""

from dataclasses import dataclass

import sqlalchemy as sa

from care.base.database import plain_errors, read
from care.migrations.schema import full_metadata
from care.migrations.version import ABSENT, goes_on_at, is_absent, newest, problem_with, version_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """What was found; no problems means sound and current."""

    version: str | None
    newest: str
    problems: tuple[str, ...]


def check_database(engine: sa.Engine) -> Soundness:
    """Look through the whole database; reads every page on SQLite, catalogues on PostgreSQL.

    Raises:
        UnavailableError: it cannot be opened.
    """
    if is_absent(engine):
        return Soundness(version=None, newest=newest(), problems=(ABSENT,))
    with plain_errors(engine), read(engine) as connection:
        version = version_of(connection)
        behind = None if goes_on_at(connection, version) else problem_with(version)
        problems = [behind] if behind else _missing_tables(connection)
        if version is not None:
            problems += _on_sqlite(connection) if connection.dialect.name == "sqlite" else _on_postgres(connection)
    return Soundness(version=version, newest=newest(), problems=tuple(problems))


def _missing_tables(connection: sa.Connection) -> list[str]:
    there = set(sa.inspect(connection).get_table_names())
    missing = sorted(set(full_metadata().tables) - there)
    return [f"table {name} is missing. Restore a backup: care db restore FILE" for name in missing]


def _on_sqlite(connection: sa.Connection) -> list[str]:
    damage = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
    found = [] if damage == ["ok"] else [f"damaged: {line}. Restore a backup: care db restore FILE" for line in damage]
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if orphans:
        tables = sorted({str(row[0]) for row in orphans})
        found.append(f"{len(orphans)} rows point at rows that are gone ({', '.join(tables)})")
    return found


def _on_postgres(connection: sa.Connection) -> list[str]:
    invalid = connection.exec_driver_sql("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    found = [f"index {name} is not valid. Run: REINDEX INDEX {name}" for (name,) in invalid]
    durable = connection.exec_driver_sql("SHOW synchronous_commit").scalar()
    if durable == "off":
        found.append("synchronous_commit is off: a power cut would forget what was sent. Switch it on")
    return found
