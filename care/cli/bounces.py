"""`care bounces`: mails that came back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from care.base.errors import CareError, FileError, InputError, UnavailableError

TEMPORARY_FAILURE = 75
"""What mail servers understand as "try again later"."""

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


@app.command()
def ingest(
    files: list[str] = typer.Argument(None, metavar="[FILE…]", help="Mails as they came; none: one mail on stdin."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Take returned mails in: keep them, then carry out what they say. The same mail again changes nothing.

    Made for the pipe of a mail server. Exit 0: kept for good, known before, or nothing came through the pipe. Exit 2: a
    file cannot be read. Exit 75: trouble on our side, which tells a mail server to try again later.
    """
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services
    from care.cli.output import counted, print_json, say
    from care.inbound.ingest import ingest_mails

    mails = [_mail_of(name) for name in files or ["-"]]
    if not files and not mails[0]:  # any other answer, and a mail server returns it to its sender
        typer.echo("care: bounces: the pipe brought an empty mail; there is nothing to keep", err=True)
        return
    if not all(mails):
        raise InputError("bounces: a mail is empty. Give the mail as it came")
    if not files:
        _leave_nothing_in_the_pipe()
    with _trouble_is_temporary():
        services = build_services()
        configure_command_logs(services.settings.log)
        taken = ingest_mails(services.engine, mails, rules=services.inbound_rules, now=services.clock.now())
    if as_json:
        print_json({"mails": len(mails), "new": taken})
    elif files:
        say(f"{counted(len(mails), 'mail')}, {taken:,} new")


@app.command()
def lift(
    customer: str = typer.Argument(metavar="CUSTOMER", help="The customer's id in your own system."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Write to a customer's e-mail address again that bounces have banned.

    An opt-out or a complaint stands until the customer asks again: see `care suppressions lift`. Exit 0: lifted; what
    else stands is said. Exit 1: no bounce stands against them.
    """
    from care.base.database import plain_errors, write
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services
    from care.cli.output import counted, print_json, say
    from care.cli.person import who
    from care.inbound.bounces.lifting import lift_bounces, what_ends

    services = build_services()
    configure_command_logs(services.settings.log)
    with plain_errors(services.engine), write(services.engine) as conn:
        lifted = lift_bounces(conn, customer, by=who(), now=services.clock.now())
    if as_json:
        print_json({"customer": customer, "lifted": lifted.bans, "stands": list(lifted.standing)})
        return
    say(f"{counted(lifted.bans, 'ban')} lifted")
    if lifted.standing:
        say(f"Still stands: {', '.join(lifted.standing)}. {what_ends(customer, lifted.standing)}")


@contextmanager
def _trouble_is_temporary() -> Iterator[None]:
    """Turn whatever goes wrong into one line and the exit code that makes a mail server come again."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a bounce that is lost is never sent again
        known = error if isinstance(error, CareError) else _as_trouble(error)
        for line in str(known).splitlines():
            typer.echo(f"care: {line}", err=True)
        raise typer.Exit(TEMPORARY_FAILURE) from None


def _as_trouble(error: Exception) -> CareError:
    from sqlalchemy.exc import DBAPIError

    from care.base.trouble import explain

    what = f"the database {explain(error)}" if isinstance(error, DBAPIError) else type(error).__name__
    return UnavailableError(f"bounces: not kept: {what}. Give the mail again later")


def _leave_nothing_in_the_pipe() -> None:
    """Read the rest of a large mail: a mail server whose pipe breaks takes it for a failure."""
    while sys.stdin.buffer.read(1 << 20):
        pass


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
