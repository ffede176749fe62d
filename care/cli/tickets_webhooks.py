"""`care tickets webhooks` and `resend`: what the ticket system was told, and has not taken."""

from datetime import datetime

import typer

AS_JSON = typer.Option(False, "--json", help="One JSON object per line.")
_COLUMNS = ("id", "type", "case", "ticket", "state", "decided_at", "tries", "problem")


def webhooks(
    state: str = typer.Option("", "--state", help="waiting, given_up or done; else what was not taken."),
    limit: int = typer.Option(200, "--limit", min=1, help="At most so many, the newest first."),
    json: bool = AS_JSON,
) -> None:
    """List what the ticket system has not taken: what waits, and what was given up.

    Exit 0: shown, or there is none. Exit 2: no such state.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import InputError
    from care.bootstrap import build_services
    from care.cli.output import print_rows, say
    from care.cli.times import local
    from care.inbound.events.outgoing import Fate, list_webhooks

    if state and state not in [*Fate]:
        raise InputError(f"--state {state}: no such state. Use one of {', '.join(Fate)}")
    services = build_services()
    zone = services.settings.operator.timezone
    with plain_errors(services.engine), read(services.engine) as conn:
        rows = list_webhooks(conn, Fate(state) if state else None, limit=limit)
    if not json:
        rows = [{k: local(v, zone) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]
    if not print_rows(rows, as_json_lines=json, columns=_COLUMNS) and not json:
        say("No webhook is in this state." if state else "The ticket system has taken everything.")


def resend(
    ids: list[str] = typer.Argument(None, metavar="[WEBHOOK…]", help="Of care tickets webhooks --state given_up."),
    given_up: bool = typer.Option(False, "--given-up", help="Everything that was given up."),
    json: bool = AS_JSON,
) -> None:
    """Send webhooks again that were given up, under the same ids; they are tried for as long as new ones.

    Exit 0: they leave within seconds while care run is at work. Exit 1: one was not given up; the others are sent.
    Exit 2: neither ids nor --given-up, or no ticket_system.url.
    """
    from care.base.database import plain_errors, write
    from care.base.errors import InputError
    from care.bootstrap import build_services
    from care.cli.output import complain, counted, print_rows, say
    from care.inbound.events.outgoing import NOBODY, send_again

    if bool(ids) == given_up:
        raise InputError("resend: name webhooks, or say --given-up for all. See: care tickets webhooks")
    services = build_services()
    if not services.settings.ticket_system.url:
        raise InputError(f"resend: {NOBODY}, so nobody would hear them. Set it first")
    with plain_errors(services.engine), write(services.engine) as conn:
        again = send_again(conn, None if given_up else ids, now=services.clock.now())
    if json:
        print_rows([{"id": one, "state": "waiting"} for one in again], as_json_lines=True)
    else:
        say(f"{counted(len(again), 'webhook')} will be sent again")
    others = [one for one in ids or () if one not in again]
    for one in others:
        complain(f"{one}: no webhook of this id was given up. See: care tickets webhooks")
    if others:
        raise typer.Exit(1)
