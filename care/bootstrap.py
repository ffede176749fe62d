"""Settings to services, and who fills which port. The only module that knows every adapter."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from care.base.clock import Clock, SystemClock
from care.base.database import open_engine
from care.base.logs import configure_command_logs
from care.base.settings import Settings, load_settings
from care.migrations.version import ensure_current


@dataclass
class Services:
    """What use cases need; built on first use, so a command pays only for what it touches."""

    settings: Settings
    clock: Clock
    root: Path  # folder that relative paths in the settings start from

    @cached_property
    def engine(self) -> sa.Engine:
        """Engine of the ledger's database, which is at this program's version.

        Raises:
            SchemaVersionError: `care db upgrade` is needed, or the database is from a newer program.
        """
        engine = self.unchecked_engine
        ensure_current(engine)
        return engine

    @cached_property
    def unchecked_engine(self) -> sa.Engine:
        """The same engine for commands that set up, check or replace the database."""
        return open_engine(self.settings.database.url)


def build_services(*, clock: Clock | None = None) -> Services:
    """Read the settings, set up logs as a command wants them, and return the services.

    Raises:
        SettingsError: with every mistake.
    """
    settings = load_settings()
    configure_command_logs(settings.log)
    return Services(settings=settings, clock=clock or SystemClock(), root=Path.cwd())
