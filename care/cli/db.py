"""`care db`: set up, check, copy and bring back the database."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from care.base.errors import AnswerIsNoError
from care.cli.output import print_json, say

if TYPE_CHECKING:
    from care.bootstrap import Services

app = typer.Typer(help="Set up, check, copy and bring back the database.", no_args_is_help=True)

JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def db() -> None:
    """Set up, check, copy and bring back the database."""


@app.command()
def upgrade(json: bool = JSON) -> None:
    """Bring the database to this version's tables, in one transaction.

    Exit 0: it is current. Exit 2: it cannot be opened or is from a newer program; nothing was changed.
    """
    from care.bootstrap import build_services
    from care.migrations.upgrade import upgrade as bring_up
    from care.migrations.version import newest

    applied = bring_up(build_services().unchecked_engine)
    if json:
        print_json({"version": newest(), "applied": applied})
    else:
        say(f"database at version {newest()}: " + (f"applied {', '.join(applied)}" if applied else "was current"))


@app.command()
def check(json: bool = JSON) -> None:
    """Look whether the database is whole and at this program's version.

    Exit 0: sound. Exit 1: behind, damaged or incomplete. Exit 2: cannot be opened, or from a newer program.
    """
    from care.base.errors import UnavailableError
    from care.bootstrap import build_services
    from care.migrations.integrity import check_database
    from care.migrations.version import is_from_the_future

    found = check_database(build_services().unchecked_engine)
    if json:
        print_json({"version": found.version, "newest": found.newest, "problems": found.problems})
    elif not found.problems:
        say(f"database is sound, at version {found.version}")
    if found.problems:
        kind = UnavailableError if is_from_the_future(found.version) else AnswerIsNoError
        raise kind("\n".join(f"database {problem}" for problem in found.problems))


@app.command()
def backup(file: Path = typer.Argument(help="A new file; readable by you only."), json: bool = JSON) -> None:
    """Copy the database into a file while everything runs. The file is there whole or not at all.

    Keep security.suppression_key with it: without the key opt-outs in the copy cannot be recognised.
    Exit 0: written. Exit 2: the file is there already, the disk is full, or pg_dump is missing.
    """
    from care.bootstrap import build_services
    from care.migrations.backup import back_up

    size = back_up(build_services().engine, file)
    if json:
        print_json({"file": file, "bytes": size})
    else:
        say(f"{file}: {size:,} bytes. Keep security.suppression_key (or care.keys) with it")


@app.command()
def restore(file: Path = typer.Argument(help="What care db backup wrote."), json: bool = JSON) -> None:
    """Put a backup in place of the database and leave everything paused.

    What was sent after the backup is not in it, so nothing is sent until `care adopt-journal`.
    Exit 0: restored. Exit 1: a daemon runs on the database. Exit 2: not a sound backup; nothing was changed.
    """
    import getpass

    from care.bootstrap import build_services
    from care.migrations.backup import restore as bring_back

    services = build_services()
    by = f"ops:{getpass.getuser()}"
    where = services.settings.data_dir
    kept = bring_back(services.unchecked_engine, file, directory=where, now=services.clock.now(), by=by)
    ahead = _look_into_journal(services)
    if json:
        print_json({"restored": file, "former": kept, "paused": True, "attempts_forgotten": ahead})
        return
    say(f"restored {file}; everything is paused")
    if ahead:
        say(f"the journal has {ahead} attempts that this copy does not know")
    if kept:
        say(f"the former database is {kept}")
    say("nothing is sent until what was sent since is taken over: care adopt-journal (first with --dry-run)")


def _look_into_journal(services: "Services") -> int:
    """Return how many attempts the restored copy does not know; 0 too where that cannot be told yet.

    It must be upgraded first, or the journal mended: whoever comes next says so.
    """
    from contextlib import suppress

    from care.base.errors import UnavailableError

    if not services.settings.journal_dir.exists():
        return 0
    with suppress(UnavailableError):
        return max((one.attempts for one in services.sentry().foresee()), default=0)
    return 0
