"""`care log`: the delivery log."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from care.bootstrap import Services
    from care.reports.log import Entry, Question

app = typer.Typer()

COLUMNS = ("id", "due", "customer", "campaign", "status", "in_words", "channel", "attempts", "delivered")
FOLLOW_SECONDS = 1.0


@app.command()
def log(
    *,
    state: str = typer.Option("", "--state", help="One status, or several with commas: failed,undelivered."),
    campaign: str = typer.Option("", "--campaign", help="Name or id of a campaign."),
    customer: str = typer.Option("", "--customer", help="The customer's id as imported."),
    since: str = typer.Option("", "--since", help="Only what came due since: 30m, 12h, 1d, 2w, or a local day."),
    before: int = typer.Option(0, "--before", help="Go on after this message: the last id of the page before."),
    limit: int = typer.Option(50, "--limit", min=1, max=100_000, help="Most messages to print."),
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on printing what happens, until Ctrl-C."),
    csv: bool = typer.Option(False, "--csv", help="Print CSV, safe to open in a spreadsheet."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object per line."),
) -> None:
    """Print messages that have come due, newest first. Without --state what still waits for its hour is left out.

    Exit 0: printed. Exit 1: nothing found, or no such customer or campaign.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.standing import say_standstill
    from care.reports.log import Watch, find_entries

    services = build_services()
    say_standstill(services)
    with plain_errors(services.engine):
        with read(services.engine) as conn:
            question = _question(services, conn, state, campaign, customer, since=since, before=before, limit=limit)
            watch = Watch.begin(conn) if follow else None
            found = find_entries(conn, question)
        _print(services, found[::-1] if follow else found, csv=csv, json=json)
        if watch is not None:
            _follow(services, watch, question, csv=csv, json=json)
        elif not found:
            raise AnswerIsNoError("no message fits. Widen the question: another --state, or a longer --since")


def _question(
    services: "Services",
    conn: Any,
    state: str,
    campaign: str,
    customer: str,
    *,
    since: str,
    before: int,
    limit: int,
) -> "Question":
    from datetime import timedelta

    from care.cli.ops import campaign_id
    from care.cli.times import read_since
    from care.explain.whom import find_customer
    from care.reports.log import Question

    now, zone = services.clock.now(), services.settings.operator.timezone
    statuses = _statuses(state)
    open_ended = statuses or customer
    return Question(
        statuses=statuses,
        campaign_id=campaign_id(services, campaign) if campaign else None,
        customer_id=find_customer(conn, customer) if customer else None,
        since=read_since("--since", since, now=now, zone=zone) if since else None,
        until=None if open_ended else now + timedelta(microseconds=1),
        before=before or None,
        limit=limit,
    )


def _statuses(text: str) -> tuple[Any, ...]:
    from care.base.errors import InputError
    from care.base.yamlfile import did_you_mean
    from care.messages.model import MessageStatus

    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [str(status) for status in MessageStatus]
    for word in words:
        if word not in known:
            raise InputError(f"--state {word}: not a status. {did_you_mean(word, known)}")
    return tuple(MessageStatus(word) for word in words)


def _print(services: "Services", found: "Sequence[Entry]", *, csv: bool, json: bool, header: bool = True) -> None:
    from care.cli.output import print_json, print_rows

    zone = services.settings.operator.timezone
    if json:
        for entry in found:
            print_json(as_object(entry))
    elif csv:
        _print_csv([as_object(entry) for entry in found], header=header)
    else:
        print_rows([_as_cells(entry, zone) for entry in found], as_json_lines=False, columns=COLUMNS)


def as_object(entry: "Entry") -> dict[str, Any]:
    """Return an entry as JSON and CSV show it."""
    return {
        "id": entry.id,
        "due_at": entry.due_at,
        "customer": entry.customer,
        "campaign": entry.campaign_id,
        "occasion": entry.occasion,
        "day": entry.occasion_on,
        "leg": entry.leg,
        "purpose": entry.purpose,
        "status": str(entry.status),
        "in_words": entry.in_words,
        "next": entry.advice,
        "reason": entry.reason or "",
        "channel": entry.channel or "",
        "attempts": entry.attempts,
        "status_at": entry.status_at,
        "sent_at": entry.sent_at,
        "delivered_at": entry.delivered_at,
    }


def _as_cells(entry: "Entry", zone: str) -> dict[str, Any]:
    from care.cli.times import local

    return {
        "id": entry.id,
        "due": local(entry.due_at, zone),
        "customer": entry.customer or "(erased)",
        "campaign": entry.campaign_id,
        "status": str(entry.status),
        "in_words": entry.in_words,
        "channel": entry.channel,
        "attempts": entry.attempts,
        "delivered": local(entry.delivered_at, zone),
    }


def _print_csv(rows: "Sequence[dict[str, Any]]", *, header: bool) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    if header and rows:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_harmless(value) for value in row.values()])


def _harmless(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    from datetime import date

    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _follow(services: "Services", watch: Any, question: "Question", *, csv: bool, json: bool) -> None:
    import time

    from care.base.database import read
    from care.cli.streams import has_reader

    while has_reader():
        time.sleep(FOLLOW_SECONDS)
        with read(services.engine) as conn:
            news = watch.look(conn)
        fitting = [entry for entry in news if _fits(entry, question)]
        if fitting:
            _print(services, fitting, csv=csv, json=json, header=False)


def _fits(entry: "Entry", question: "Question") -> bool:
    return (
        (not question.statuses or entry.status in question.statuses)
        and question.campaign_id in (None, entry.campaign_id)
        and question.customer_id in (None, entry.customer_id)
    )
