"""The `care` command: mounts the commands, turns errors into one line and an exit code."""

import os
import sys
from importlib import import_module

import typer

from care import __version__
from care.base.errors import CareError

app = typer.Typer(
    name="care",
    help="Proactive customer care: plan, send, track and prove.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

GROUPS = ("calendar", "sms")
"""Modules of `care.cli` that hold one sub-application each, named like their command."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"care {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Proactive customer care: plan, send, track and prove."""


def mount() -> typer.Typer:
    """Return the application with every command; the modules themselves import only typer."""
    for name in GROUPS:
        app.add_typer(import_module(f"care.cli.{name}").app, name=name)
    return app


def main() -> None:
    """Run one command; exit 0 fine, 1 the answer is no, 2 input or settings are wrong."""
    try:
        mount()()
    except CareError as error:
        for line in str(error).splitlines():
            typer.echo(f"care: {line}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
