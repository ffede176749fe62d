"""`care tickets`: what the ticket system told us, by hand and for comparison."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from care.base.errors import AnswerIsNoError, InputError
from care.cli.tickets_reconcile import reconcile
from care.cli.tickets_webhooks import resend, webhooks

if TYPE_CHECKING:
    from care.bootstrap import Services

app = typer.Typer(help="Tickets of the operator's own system.", no_args_is_help=True)
for command in (reconcile, webhooks, resend):
    app.command()(command)

AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def tickets() -> None:
    """Tickets of the operator's own system."""


@app.command()
def resolve(
    ids: list[str] = typer.Argument(metavar="ID…", help="Tickets that we know."),
    at: str = typer.Option("", "--at", metavar="T", help="When: a local time, or 2h for two hours ago; else now."),
    json: bool = AS_JSON,
) -> None:
    """Say that tickets are resolved, as the ticket system would.

    Exit 0: all are resolved now. Exit 1: one is not known, or stays open; the others are. Exit 2: no such time.
    """
    from care.base.database import plain_errors
    from care.bootstrap import build_services
    from care.cli.output import complain, print_rows
    from care.inbound.events.by_hand import resolve_by_hand

    services = build_services()
    now = services.clock.now()
    moment = _moment(at, now, services.settings.operator.timezone) if at else now
    with plain_errors(services.engine):
        found = resolve_by_hand(
            services.engine, ids, at=moment, settings=services.settings, hasher=services.hasher, now=now
        )
    rows = [{"ticket": name, "state": one or "unknown"} for name, one in found.items()]
    print_rows(rows, as_json_lines=json)
    others = {name: one for name, one in found.items() if one != "resolved"}
    for name, one in others.items():
        why = "stays open" if one else "no ticket of this id is known"
        complain(f"{name}: {why}. {f'See: care tickets show {name}' if one else 'Import it: care import tickets FILE'}")
    if others:
        raise typer.Exit(1)


def _moment(text: str, now: datetime, zone: str) -> datetime:
    from care.cli.times import read_moment, read_span

    span = read_span(text)
    moment = now - span if span is not None else read_moment("--at", text, now=now, zone=zone)
    if moment > now:
        raise InputError(f"--at {text}: lies in the future. Say when it was resolved")
    return moment


@app.command()
def show(
    ticket: str = typer.Argument(metavar="ID", help="The ticket's id in your own system."),
    json: bool = AS_JSON,
) -> None:
    """Show a ticket, each time it was resolved, and what was told of it. Numbers are masked.

    Exit 0: shown. Exit 1: nobody told us of it.
    """
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_json, say

    services = build_services()
    with plain_errors(services.engine), read(services.engine) as conn:
        found = _found(conn, ticket)
    if found["ticket"] is None and not found["events"]:
        raise AnswerIsNoError(f"{ticket}: nobody told us of such a ticket. Import it: care import tickets FILE")
    if json:
        print_json(found)
        return
    for name, value in (found["ticket"] or {"ticket": f"{ticket} is not known yet"}).items():
        if value not in (None, {}, ""):
            say(f"{name.replace('_', ' ')}: {_shown(value, services)}")
    for title in ("resolutions", "events"):
        for one in found[title]:
            parts = [f"{name} {_shown(value, services)}" for name, value in one.items() if value is not None]
            say(f"{title[:-1]}: " + ", ".join(parts))


def _shown(value: Any, services: "Services") -> str:
    from care.cli.times import local

    return local(value, services.settings.operator.timezone) if isinstance(value, datetime) else str(value)


_RESOLUTION = ("external_id", "n", "resolved_at", "opened_at", "kind", "severity", "staff", "area", "parent")
_EVENT = ("external_id", "type", "at", "received_at", "source", "state", "problem")
_HIDDEN = ("id", "customer_id", "contact_hash", "history", "external_id", "customer_type", "country", "erased_at")


def _found(conn: Any, external_id: str) -> dict[str, Any]:
    from care.base.masking import mask_phone
    from care.customers.tickets.store import find_tickets, resolutions_of
    from care.inbound.events.store import list_events

    row = find_tickets(conn, [external_id]).get(external_id)
    told = list_events(conn, subject=external_id, since=None, limit=1_000)
    events = [{name: one[name] for name in _EVENT} for one in reversed(told)]
    if row is None:
        return {"ticket": None, "resolutions": [], "events": events}
    plain = {name: value for name, value in row.items() if name not in _HIDDEN}
    plain["contact_phone"] = mask_phone(row["contact_phone"]) if row["contact_phone"] else None
    columns = (*_RESOLUTION, "is_test", "followed_up_at")
    parts = [{name: one[name] for name in columns} for one in resolutions_of(conn, row["id"])]
    return {"ticket": {"ticket": external_id, **plain}, "resolutions": parts, "events": events}


@app.command()
def events(
    state: str = typer.Option("", "--state", help="Only in this state, such as waiting."),
    since: str = typer.Option("", "--since", help="Only those that came since: 2w, 1d, or a day."),
    limit: int = typer.Option(200, "--limit", min=1, help="At most so many, the newest first."),
    json: bool = AS_JSON,
) -> None:
    """List what other systems told us, and what became of it. Exit 0: shown, or there is none."""
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_rows, say
    from care.cli.times import local, read_since
    from care.inbound.events.model import EventState
    from care.inbound.events.store import list_events

    if state and state not in [*EventState]:
        raise InputError(f"--state {state}: no such state. Use one of {', '.join(EventState)}")
    services = build_services()
    zone = services.settings.operator.timezone
    start = read_since("--since", since, now=services.clock.now(), zone=zone) if since else None
    with plain_errors(services.engine), read(services.engine) as conn:
        found = list_events(conn, state=state or None, since=start, limit=limit)
    rows = [{"id": one["external_id"], **{k: v for k, v in one.items() if k != "external_id"}} for one in found]
    if not json:
        rows = [{k: local(v, zone) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]
    if not print_rows(rows, as_json_lines=json, columns=_COLUMNS) and not json:
        say("No event is in this state." if state else "No event has come.")


_COLUMNS = ("id", "type", "subject", "customer", "at", "state", "problem")


@app.command()
def refuse(
    ids: list[str] = typer.Argument(metavar="EVENT…", help="Events that wait, of care tickets events --state waiting."),
    because: str = typer.Option(..., "--because", help="Why nothing will come of them; no name and no number."),
    json: bool = AS_JSON,
) -> None:
    """End events that wait for repair: nothing will come of them.

    Exit 0: ended. Exit 1: one does not wait; the others are ended. Exit 2: no reason.
    """
    from care.base.database import plain_errors, write
    from care.bootstrap import build_services
    from care.cli.output import complain, print_rows
    from care.inbound.events.store import refuse as end

    reason = because.strip()
    if not reason or len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise InputError(f"--because: is empty, longer than {_LONGEST_REASON} characters or not printable. Say why")
    services = build_services()
    with plain_errors(services.engine), write(services.engine) as conn:
        ended = end(conn, ids, because=reason, now=services.clock.now())
    print_rows([{"id": one, "state": "refused" if one in ended else "as it was"} for one in ids], as_json_lines=json)
    others = [one for one in ids if one not in ended]
    for one in others:
        complain(f"{one}: no event of this id waits. See: care tickets events --state waiting")
    if others:
        raise typer.Exit(1)


_LONGEST_REASON = 150
