"""Bring a database to this version: all steps in one transaction, so it is either there or as it was."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from care.base.database import plain_errors, write
from care.migrations.tables import schema_support
from care.migrations.version import VERSIONS, SchemaVersionError, problem_with, version_of

_ONE_AT_A_TIME = 4_227_163_001
"""Key of the PostgreSQL advisory lock that lets only one program upgrade; SQLite's write lock does it there."""

_WAIT_FOR_LOCKS = "SET LOCAL lock_timeout = '10s'"
"""While an altered table waits for a long reader, every other program waits behind it: rather give up and try again."""


def upgrade(engine: sa.Engine) -> list[str]:
    """Apply what is missing and return the versions applied, in order; an empty list means it was current.

    Raises:
        SchemaVersionError: the database is from a newer program; nothing was changed.
        UnavailableError: it cannot be opened or written.
    """
    _make_private(engine)
    with plain_errors(engine), write(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
            connection.exec_driver_sql(_WAIT_FOR_LOCKS)
        before = version_of(connection)
        if before is not None and before not in VERSIONS:
            where = engine.url.render_as_string(hide_password=True)
            raise SchemaVersionError(f"database {where}: {problem_with(before)}")
        missing = VERSIONS[VERSIONS.index(before) + 1 :] if before else VERSIONS
        if missing:
            config = alembic_config(connection)
            command.upgrade(config, "head")
            _note_support(connection, config)
        return list(missing)


def _note_support(connection: sa.Connection, config: Config) -> None:
    """Write down which older programs may go on: those since the last step that did more than add."""
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    oldest = next((step for step in steps if not getattr(step.module, "expands", False)), steps[-1])
    connection.execute(sa.delete(schema_support))
    connection.execute(sa.insert(schema_support).values(version=steps[0].revision, oldest=oldest.revision))


def _make_private(engine: sa.Engine) -> None:
    """Let a new SQLite file be readable by its owner only: it will hold addresses."""
    name = engine.url.database
    if engine.dialect.name == "sqlite" and name and Path(name).parent.is_dir() and not Path(name).exists():
        Path(name).touch(mode=0o600)


def alembic_config(connection: sa.Connection) -> Config:
    """Return the configuration that runs the steps on an open connection, in its transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
