"""Which version a database is at, told without loading the migration machinery."""

from pathlib import Path

import sqlalchemy as sa

from care.base.database import plain_errors, read
from care.base.errors import UnavailableError

VERSIONS: tuple[str, ...] = tuple(f"{number:04}" for number in range(1, 15))
"""Every version in order; the last is what this program works with."""

_table = sa.table("alembic_version", sa.column("version_num", sa.String))
_support = sa.table("schema_support", sa.column("version", sa.String), sa.column("oldest", sa.String))


ABSENT = "is not there. Run: care db upgrade, or change to the folder that holds it"


class SchemaVersionError(UnavailableError):
    """The database's tables are not those this program works with."""


def newest() -> str:
    """Return the version this program works with."""
    return VERSIONS[-1]


def version_of(connection: sa.Connection) -> str | None:
    """Return the database's version, or None where nothing was ever set up."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.select(_table.c.version_num)).scalar()


def goes_on_at(connection: sa.Connection, version: str | None) -> bool:
    """Tell whether a newer program's upgrade only added, so that this program still works on the database."""
    if version is None or version in VERSIONS or not sa.inspect(connection).has_table("schema_support"):
        return False
    oldest = connection.execute(sa.select(_support.c.oldest).where(_support.c.version == version)).scalar()
    return oldest in VERSIONS


def problem_with(version: str | None) -> str | None:
    """Return what is wrong with a version and what to do about it, or None when it is the newest."""
    if version is None:
        return "has no tables yet. Run: care db upgrade"
    if version not in VERSIONS:
        return (
            f"is at version {version}, newer than this program knows ({newest()}). "
            "Install the newer program, or restore a backup made by this one"
        )
    if version != newest():
        return f"is at version {version}, this program needs {newest()}. Run: care db upgrade"
    return None


def is_absent(engine: sa.Engine) -> bool:
    """Tell whether SQLite would make a new file; opening it would leave an empty one in the wrong folder."""
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return bool(name) and Path(str(name)).parent.is_dir() and not Path(str(name)).exists()


def ensure_current(engine: sa.Engine) -> None:
    """Refuse a database of another version, before anything is read from it or written to it.

    Raises:
        SchemaVersionError: not there, no tables, behind, or from the future; the line says which and what to do.
        UnavailableError: it cannot be opened.
    """
    if is_absent(engine):
        problem: str | None = ABSENT
    else:
        with plain_errors(engine), read(engine) as connection:
            version = version_of(connection)
            problem = None if goes_on_at(connection, version) else problem_with(version)
    if problem:
        raise SchemaVersionError(f"database {engine.url.render_as_string(hide_password=True)}: {problem}")


def is_from_the_future(version: str | None) -> bool:
    """Tell whether a newer program made the database."""
    return version is not None and version not in VERSIONS
