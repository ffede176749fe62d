"""A consistent copy of the database while everything runs, and the way back.

What comes back is paused: messages sent after the copy was made are not in it, and would go out a second time.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from care.base.database import insert, plain_errors, read, write
from care.base.errors import AnswerIsNoError, FileError, InputError, UnavailableError
from care.base.locks import LockTakenError
from care.delivery.leadership import dispatch_lock, leader_lock
from care.delivery.standstill import stand_still
from care.delivery.tables import incarnation, machine
from care.migrations.version import VERSIONS, problem_with, version_of

_STILL_ALIVE = timedelta(minutes=3)


class RunningError(AnswerIsNoError):
    """A daemon works with the database that is to be replaced."""


def back_up(engine: sa.Engine, target: Path) -> int:
    """Copy the database into a new file and return its size in bytes. Writers go on meanwhile.

    The file is there whole or not at all, and readable by its owner only: it holds addresses.

    Raises:
        InputError: the file is there already, or the folder is not.
        UnavailableError: the database cannot be read, the disk is full, or pg_dump is missing.
    """
    if target.exists():
        raise InputError(f"{target}: is there already. Name a new file; a backup never overwrites one")
    if not target.parent.is_dir():
        raise InputError(f"{target.parent}: no such folder. Make it first")
    draft = target.with_name(f"{target.name}.part")
    try:
        draft.touch(mode=0o600)
        with plain_errors(engine):
            if engine.dialect.name == "sqlite":
                _copy_sqlite(engine, draft)
            else:
                _run_postgres_tool(engine, "pg_dump", "--format=custom", "--no-owner", f"--file={draft}")
        _make_durable(draft)
        draft.rename(target)
    except OSError as error:
        raise UnavailableError(
            f"{target}: cannot be written ({error.strerror}). Free space or mend its owner"
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


def restore(engine: sa.Engine, source: Path, *, directory: Path, now: datetime, by: str) -> Path | None:
    """Put a backup in place of the database, paused; return where the former SQLite file was kept, if any.

    `directory` is where the locks of leader and dispatcher lie.

    Raises:
        FileError: not a sound backup of a version this program knows; the database is as it was.
        RunningError: a daemon is alive on the database.
    """
    if not source.is_file():
        raise FileError(source, "no such file", "Name a file that care db backup wrote")
    if engine.dialect.name == "sqlite":
        with _nobody_at_work(directory):
            kept = _restore_sqlite(engine, source)
            _stop_everything(engine, now, by)
        return kept
    _refuse_living_senders(engine, now)
    sent = _machines(engine)
    _restore_postgres(engine, source)
    _stop_everything(engine, now, by, sent)
    return None


def _machines(engine: sa.Engine) -> list[dict[str, Any]]:
    """Return who sends from a shared database, each with a journal of its own; a broken database tells nobody."""
    try:
        with read(engine) as connection:
            return [dict(row) for row in connection.execute(sa.select(machine)).mappings()]
    except sa.exc.DBAPIError:
        return []


def _stop_everything(engine: sa.Engine, now: datetime, by: str, sent: Sequence[dict[str, Any]] = ()) -> None:
    """Leave a stop that only `care adopt-journal` lifts, and end the lives that the copy says are still going on.

    It asks for the journals of all that `sent`, also of those that the copy does not know yet.
    """
    with plain_errors(engine), write(engine) as connection:
        stand_still(connection, by=by, now=now)
        connection.execute(sa.update(incarnation).where(incarnation.c.ended_at.is_(None)).values(ended_at=now))
        if sent and sa.inspect(connection).has_table(machine.name):
            row = insert(connection, machine)
            seen = {"seen_at": row.excluded.seen_at}
            connection.execute(row.on_conflict_do_update(index_elements=["digest"], set_=seen), sent)


@contextmanager
def _nobody_at_work(directory: Path) -> Iterator[None]:
    """Hold the locks of leader and dispatcher, so that neither lives nor begins meanwhile."""
    try:
        with leader_lock(directory), dispatch_lock(directory):
            yield
    except LockTakenError as error:
        raise RunningError(str(error)) from None


def _refuse_living_senders(engine: sa.Engine, now: datetime) -> None:
    """Refuse when a process was seen at work in the last minutes; an empty or broken database has nobody."""
    alive = sa.select(incarnation.c.role, incarnation.c.host, incarnation.c.pid).where(
        incarnation.c.ended_at.is_(None), incarnation.c.seen_at > now - _STILL_ALIVE
    )
    try:
        with read(engine) as connection:
            found = connection.execute(alive.limit(1)).first()
    except sa.exc.DBAPIError:
        return
    if found:
        raise RunningError(
            f"care is at work on this database ({found.role} on {found.host}, process {found.pid}). Stop it, or wait "
            f"{_STILL_ALIVE.seconds // 60} minutes if it was killed; then run the command again"
        )


def _copy_sqlite(engine: sa.Engine, target: Path) -> None:
    """Copy in one step: a reader in WAL mode delays no writer."""
    with engine.connect() as connection:
        source = connection.connection.driver_connection
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)  # type: ignore[union-attr]  # the driver's own connection
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        except sqlite3.Error as error:
            raise sa.exc.OperationalError("backup", None, error) from None
        finally:
            copy.close()


def _restore_sqlite(engine: sa.Engine, source: Path) -> Path | None:
    live = Path(engine.url.database or "").resolve()
    draft = live.with_name(f"{live.name}.restoring")
    try:
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        _check_copy(draft, source)
        _make_durable(draft)
        engine.dispose()
        kept = _put_aside(live)
        draft.rename(live)
    except OSError as error:
        raise UnavailableError(f"{live}: cannot be replaced ({error.strerror}). Free space or mend its owner") from None
    finally:
        draft.unlink(missing_ok=True)
    return kept


def _check_copy(copy: Path, source: Path) -> None:
    """Refuse what is damaged, not ours, or newer than this program."""
    engine = sa.create_engine(f"sqlite:///{copy}", hide_parameters=True)
    try:
        with engine.connect() as connection:
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            version = version_of(connection)
    except sa.exc.DBAPIError:
        sound, version = False, None
    finally:
        engine.dispose()
    if not sound:
        raise FileError(source, "is damaged or not a database", "Take another backup")
    if version is None:
        raise FileError(source, "is a database, but not one of care", "Name a file that care db backup wrote")
    if version not in VERSIONS:
        raise FileError(source, str(problem_with(version)), "Nothing was changed")


def _put_aside(live: Path) -> Path | None:
    """Move the former database, with the log that belongs to it, out of the way.

    Raises:
        RunningError: another program, such as the web process, has it open.
    """
    if not live.exists():
        return None
    _fold_log(live)
    kept = next(
        name for number in range(1, 10_000) if not (name := live.with_name(f"{live.name}.replaced-{number}")).exists()
    )
    for ending in ("-wal", "-shm"):
        beside = live.with_name(live.name + ending)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + ending))
    live.rename(kept)
    return kept


def _fold_log(live: Path) -> None:
    """Leave write-ahead logging, which SQLite allows only to the last one who has the file open."""
    connection = sqlite3.connect(live, timeout=1)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise RunningError(f"{live}: another program has it open. Stop care web and whatever reads it") from None
    except sqlite3.DatabaseError:
        pass  # damaged: that is why a backup is brought back
    finally:
        connection.close()


def _restore_postgres(engine: sa.Engine, source: Path) -> None:
    if source.read_bytes()[:5] != b"PGDMP":
        raise FileError(source, "is not a backup of PostgreSQL", "Name a file that care db backup wrote")
    words = _run_postgres_tool(engine, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(source))
    version = next((line for line in words.splitlines() if line in VERSIONS or line.isdigit()), None)
    if version is None:
        raise FileError(source, "is a backup, but not one of care", "Name a file that care db backup wrote")
    if version not in VERSIONS:
        raise FileError(source, str(problem_with(version)), "Nothing was changed")
    options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner")
    _run_postgres_tool(engine, "pg_restore", *options, f"--dbname={engine.url.database}", str(source))
    engine.dispose()


def _run_postgres_tool(engine: sa.Engine, tool: str, *options: str) -> str:
    """Run one of PostgreSQL's own programs and return what it printed; the password goes by environment only."""
    program = shutil.which(tool)
    if program is None:
        raise UnavailableError(f"{tool} is not installed. Install PostgreSQL's client programs and try again")
    url = engine.url
    environment = {
        **os.environ,
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
    }
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program, no shell
        [program, *options], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise UnavailableError(f"{first}. Check that the program's version is not older than the server's")
    return done.stdout


def _make_durable(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
