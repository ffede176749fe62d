"""Makes the working folder of `care init`: all of it, or nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from care.base.database import open_engine
from care.base.errors import InputError, UnavailableError
from care.base.settings import Settings, load_settings
from care.base.settings_pages import toml_template
from care.base.shipped import FOLDERS, shipped
from care.migrations.upgrade import upgrade

SETTINGS_FILE = "care.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What was made: names inside the folder, and the database file if it is one of SQLite."""

    files: tuple[str, ...]
    database: Path | None


def make_workspace(directory: Path) -> Workspace:
    """Write settings, campaigns and templates into a folder and set up the database there.

    Raises:
        InputError: one of them is there already; nothing was written.
        UnavailableError: the folder cannot be written.
        SettingsError: the environment holds mistakes.
    """
    there = [name for name in (SETTINGS_FILE, *FOLDERS) if (directory / name).exists()]
    if there:
        raise InputError(f"{directory / there[0]}: is there already. Choose another folder, or remove it first")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / SETTINGS_FILE).write_text(toml_template(), encoding="utf-8")
        for name in FOLDERS:
            shutil.copytree(shipped(name), directory / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    except OSError as error:
        raise UnavailableError(
            f"{directory}: cannot be written ({error.strerror}). Check its owner and free space"
        ) from None
    return Workspace(
        files=(SETTINGS_FILE, *(f"{name}/" for name in FOLDERS)),
        database=_set_up_database(load_settings(directory=directory), directory),
    )


def _set_up_database(settings: Settings, directory: Path) -> Path | None:
    """Set up a SQLite file; a server's database is set up by `care db upgrade`, when somebody means it."""
    name = settings.database.url.removeprefix("sqlite:///")
    if name == settings.database.url:
        return None
    file = directory / name  # an absolute name stays what it is
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    return file
