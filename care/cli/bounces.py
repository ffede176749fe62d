"""`care bounces`: mails that came back."""

import sys
from pathlib import Path

import typer

from care.base.errors import FileError

app = typer.Typer(help="Mails that came back.", no_args_is_help=True)


@app.callback()
def bounces() -> None:
    """Mails that came back."""


@app.command()
def parse(
    files: list[str] = typer.Argument(metavar="FILE…", help="Mails as they came; - is stdin."),
    _json: bool = typer.Option(True, "--json", help="It always answers in JSON."),
) -> None:
    """Say what mails mean, one JSON line each, and change nothing.

    Fields: `file`, `recipient` (the first that was not reached), `kind` (`hard`, `soft`, or `none` for what is no
    bounce), `status` (the enhanced code), `reason`; empty where there is none. Exit 0: every mail was read. Exit 2: a
    file cannot be.
    """
    from care.cli.output import print_json
    from care.inbound.bounces.read import read_bounce

    for name in files:
        found = read_bounce(_mail_of(name)).first
        print_json(
            {
                "file": name,
                "recipient": found.recipient,
                "kind": found.kind,
                "status": found.status,
                "reason": found.reason,
            }
        )


def _mail_of(name: str) -> bytes:
    """Return the beginning of a mail, which is all that is ever looked at; raise FileError if it cannot be read."""
    from care.inbound.bounces.mime import MOST_BYTES

    if name == "-":
        return sys.stdin.buffer.read(MOST_BYTES)
    try:
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise FileError(name, f"cannot be read ({error.strerror})", "Name a file that holds one mail") from None
    except ValueError:
        raise FileError(ascii(name), "is no name of a file", "Name a file that holds one mail") from None
