"""`care message`: one message of the ledger."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from care.reports.story import Story

app = typer.Typer(help="One message of the ledger.", no_args_is_help=True)


@app.callback()
def message() -> None:
    """One message of the ledger."""


@app.command()
def show(
    number: int = typer.Argument(metavar="ID", help="The message's id, as care log prints it."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show where one message stands, what to do next, and everything that happened to it.

    Exit 0: shown. Exit 1: no such message.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.reports.story import tell_story

    services = build_services()
    with plain_errors(services.engine), read(services.engine) as conn:
        story = tell_story(conn, number)
    if story is None:
        raise AnswerIsNoError(f"message {number}: not known. See the ids: care log")
    if json:
        print_json(_as_object(story))
    else:
        _tell(story, services.settings.operator.timezone)


def _as_object(story: "Story") -> dict[str, Any]:
    from care.cli.log import as_object

    events = [
        {"at": event.at, "kind": event.kind, "text": event.text, "details": dict(event.details)}
        for event in story.events
    ]
    return as_object(story.entry) | {"use_by": story.use_by, "plan": story.plan_digest, "events": events}


def _tell(story: "Story", zone: str) -> None:
    from care.cli.output import say
    from care.cli.times import local
    from care.messages.model import CLAIMABLE

    entry = story.entry
    again = local(entry.wake_at, zone) if entry.status in CLAIMABLE and entry.wake_at > entry.due_at else ""
    say(f"message {entry.id}: {entry.status} - {entry.in_words}")
    say(f"  next       {f'tried again at {again}' if again and entry.attempts else entry.advice}")
    say(f"  customer   {entry.customer or '(erased)'}")
    leg = "" if entry.leg == "main" else f", leg {entry.leg}"
    say(f"  campaign   {entry.campaign_id} ({entry.purpose}), {entry.occasion}{leg}")
    say(f"  due        {local(entry.due_at, zone)}, of use until {local(story.use_by, zone)}")
    if again:
        say(f"  wakes      {again}")
    say()
    for event in story.events:
        say(f"  {local(event.at, zone)}  {event.text}")
