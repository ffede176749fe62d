"""`care incidents`: what is wrong now, and what was."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from care.bootstrap import Services
    from care.watch.incidents import Incident

app = typer.Typer()


@app.command()
def incidents(
    everything: bool = typer.Option(False, "--all", help="Also what is over, of the last 30 days."),
    send_test: bool = typer.Option(False, "--send-test", help="Send a trial alert to every address of alerts.urls."),
    json: bool = typer.Option(False, "--json", help="Print JSON Lines."),
) -> None:
    """List what is wrong: since when, what it is, and where to read what to do.

    Exit 0: nothing is open, or every address took the trial. Exit 1: something is open, or an address did not take it.
    """
    from datetime import timedelta

    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import counted, print_rows, say
    from care.watch.incidents import closed_incidents, open_incidents

    services = build_services()
    if send_test:
        _send_test(services, as_json=json)
        return
    now, zone = services.clock.now(), services.settings.operator.timezone
    with plain_errors(services.engine), read(services.engine) as conn:
        standing = open_incidents(conn, now)
        past = closed_incidents(conn, now - timedelta(days=30)) if everything else []
    rows = [_as_row(each, "" if json else zone) for each in (*standing, *past)]
    if not print_rows(rows, as_json_lines=json) and not json:
        say("Nothing is wrong." if everything else "Nothing is wrong now. What was: care incidents --all")
    if standing:
        raise AnswerIsNoError(f"{counted(len(standing), 'incident')} open. What to do: docs/on-call.md")


def _as_row(each: "Incident", zone: str) -> dict[str, Any]:
    from care.cli.times import local

    row = {"rule": each.rule, "title": each.title, "words": each.words}
    if not zone:
        return {"id": each.id, **row, "opened_at": each.opened_at, "closed_at": each.closed_at}
    over = local(each.closed_at, zone) if each.closed_at else "open"
    return {"since": local(each.opened_at, zone), "until": over, "what": each.title, "in_words": each.words}


def _send_test(services: "Services", *, as_json: bool) -> None:
    """Tell every address; an address is named by its place in the list, since it is a secret."""
    from care.base.errors import AnswerIsNoError
    from care.cli.output import print_json, say
    from care.watch.alerts import Alert, tell_by_apprise

    urls = [url.get_secret_value() for url in services.settings.alerts.urls]
    if not urls:
        raise AnswerIsNoError("alerts.urls is empty: nobody is told. Set it in care.toml")
    title, body = f"care {services.settings.operator.brand}: trial", "This is a trial; nothing is wrong."
    taken = [tell_by_apprise(Alert(url=url, title=title, body=body, is_over=True)) for url in urls]
    if as_json:
        print_json({"taken": taken})
    for number, was_taken in enumerate(() if as_json else taken, start=1):
        say(f"{'✓' if was_taken else '✗'} address {number}")
    if not all(taken):
        raise AnswerIsNoError(f"{taken.count(False)} of {len(taken)} addresses of alerts.urls did not take it")
