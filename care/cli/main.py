"""The `care` command: mounts the commands, turns errors into one line and an exit code."""

import gc
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from care import __version__
from care.base.errors import CareError, UnavailableError
from care.cli.streams import patient_streams

GROUPS = (
    "bounces",
    "calendar",
    "campaigns",
    "config",
    "customers",
    "db",
    "import",
    "inbox",
    "keys",
    "message",
    "provider",
    "providers",
    "report",
    "segments",
    "sms",
    "suppressions",
    "surveys",
    "tickets",
)
"""Modules of `care.cli` that hold one sub-application each, named like their command."""

YOUNG = 20_000
"""So many new objects are worth a look for rubbish; of what a command loads all stays, and looks took a tenth of it."""

_MODULES = {"import": "imports"}  # words that cannot name a module

COMMANDS: tuple[str, ...] = (
    "adopt_journal",
    "approve",
    "books",
    "demo",
    "doctor",
    "incidents",
    "init",
    "log",
    "ops",
    "plan",
    "resolve",
    "run",
    "web",
    "why",
)
"""Modules of `care.cli` whose commands stand on the first level: `care init`."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"care {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Proactive customer care: plan, send, track and prove."""


_ELSEWHERE = {"dispatch": "run"}
"""Commands of a module that is named like another of its commands."""


@cache
def mount(word: str = "") -> typer.Typer:
    """Return the application with the commands that `word` needs, or with every one; the modules import only typer."""
    app = typer.Typer(
        name="care",
        help="Proactive customer care: plan, send, track and prove.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    only = _ELSEWHERE.get(word, word)
    groups, commands = ((only,), ()) if only in GROUPS else ((), (only,)) if only in COMMANDS else (GROUPS, COMMANDS)
    for name in groups:
        app.add_typer(import_module(f"care.cli.{_MODULES.get(name, name)}").app, name=name)
    for name in commands:
        app.add_typer(import_module(f"care.cli.{name}").app)
    return app


@cache
def _command(app: typer.Typer) -> Callable[..., Any]:
    return get_command(app)


def main() -> None:
    """Run one command; exit 0 fine, 1 the answer is no, 2 input or settings are wrong."""
    gc.set_threshold(YOUNG)
    with patient_streams():
        _run()


def _run() -> None:
    try:
        code = _command(mount(*sys.argv[1:2]))(prog_name="care", standalone_mode=False)
        if isinstance(code, int):  # what a command gave to typer.Exit
            sys.exit(code)
    except TyperException as error:
        if problem := _misuse(error):
            typer.echo(f"care: {problem}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - whatever it is, a user reads one line
        if os.environ.get("CARE_LOG__LEVEL") == "debug":
            _tell_where(error)
        known = error if isinstance(error, CareError) else _translate(error)
        for line in str(known).splitlines():
            typer.echo(f"care: {line}", err=True)
        sys.exit(known.exit_code)
    finally:
        if "care.base.database" in sys.modules:
            from care.base.database import close_engines

            close_engines()


def _tell_where(error: Exception) -> None:
    """Log where an error came from; Python's own trace would show the values of whoever it was about."""
    import structlog

    from care.base.logs import configure_command_logs
    from care.base.settings_sections import LogSettings

    configure_command_logs(LogSettings(level="debug"))
    structlog.get_logger().error("command.failed", exc_info=error)


def _misuse(error: TyperException) -> str:
    """Return the line for a command line that nobody understands; nothing where the help was printed instead."""
    problem = " ".join(error.format_message().split())
    end = "" if problem.endswith((".", "?")) else "."
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "care"
    return f"{problem[:1].lower()}{problem[1:]}{end} See: {command} --help" if problem else ""


def _translate(error: Exception) -> CareError:
    """Return the line a person can act on for an error that no use case translated."""
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import DBAPIError

        from care.base.database import database_of
        from care.base.trouble import explain

        if isinstance(error, DBAPIError):
            return UnavailableError(f"database {database_of(error)}: {explain(error)}".replace(" :", ":", 1))
    if isinstance(error, OSError) and error.strerror:
        return UnavailableError(f"{error.filename or 'system'}: {error.strerror}. Check the path, its owner and space")
    return CareError(
        f"an error inside care ({type(error).__name__}). CARE_LOG__LEVEL=debug shows where; please report it"
    )


if __name__ == "__main__":
    main()
