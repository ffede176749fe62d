"""`care why`: the chain of decisions for one customer."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from care.explain.answer import Answer
    from care.explain.why import Explanation

app = typer.Typer()


@app.command()
def why(
    customer: str = typer.Argument(help="The customer's id as imported."),
    campaign: str = typer.Argument("", help="Name or id of a campaign; without it, all of them in short."),
    on: str = typer.Option("", "--on", help="A local day, past or to come, as 2027-02-06; today if not given."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Tell why a customer did, or did not, get something. The first line is the answer.

    A past day is judged by the record as it was then, by today's campaign files. Exit 0: answered. Exit 1: no such
    customer or campaign.
    """
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.ops import campaign_id
    from care.cli.output import print_json
    from care.cli.times import read_day
    from care.explain.why import explain_why

    services = build_services()
    day = read_day("--on", on) if on else None
    found = services.campaigns
    asked, gone_id = list(found), None
    if campaign:
        one = campaign_id(services, campaign)
        live = found.live.get(one)
        asked, gone_id = ([live], None) if live else ([], one)
    with plain_errors(services.engine), read(services.engine) as conn:
        explanation = explain_why(
            conn,
            customer,
            asked,
            on=day,
            rules=services.planning_rules,
            now=services.clock.now(),
            gone_id=gone_id,
        )
    if json:
        print_json(_as_object(explanation))
    else:
        _tell(explanation, in_full=bool(campaign))


def _as_object(found: "Explanation") -> dict[str, Any]:
    from care.cli.log import as_object

    return {
        "customer": found.customer,
        "day": found.day,
        "zone": found.zone,
        "answer": found.headline,
        "campaigns": [
            {
                "campaign": one.campaign_id,
                "kind": one.kind,
                "answer": one.text,
                "steps": [{"step": step.name, "passed": step.passed, "text": step.text} for step in one.steps],
                "messages": [as_object(entry) for entry in one.messages],
                "notes": list(one.notes),
            }
            for one in found.answers
        ],
        "other_messages": [as_object(entry) for entry in found.others],
        "follow_ups": [
            {"ticket": one.ticket, "kind": one.kind, "state": one.state, "text": one.text} for one in found.follow_ups
        ],
    }


def _tell(found: "Explanation", *, in_full: bool) -> None:
    from care.cli.output import say
    from care.explain.answer import tell

    say(found.headline)
    if in_full:
        for one in found.answers:
            _tell_chain(one, found.zone)
        notes = [*found.notes, *(note for one in found.answers for note in one.notes if note not in found.notes)]
    else:
        width = max((len(one.name) for one in found.answers), default=0)
        for one in found.answers:
            say(f"  {one.name:<{width}}  {one.brief}")
        for entry in found.others:
            say(f"  {entry.campaign_id:<{width}}  {tell(entry, found.zone)}")
        notes = list(found.notes)
    for told in found.follow_ups:
        say(f"  {told.kind} {told.ticket}: {told.text}")
    if found.is_past and found.answers:
        notes.append("judged by today's campaign files")
    for note in notes:
        say(f"note: {note}")


def _tell_chain(one: "Answer", zone: str) -> None:
    from care.cli.output import say
    from care.explain.answer import tell

    for step in one.steps:
        mark = "ok" if step.passed else "wait" if step.is_only_a_wait else "NO"
        say(f"  {mark:<5}{step.name:<12} {step.text}")
    for entry in one.messages:
        say(f"  {'':<5}{'ledger':<12} {tell(entry, zone)}")
        say(f"  {'':<5}{'next':<12} {entry.advice}; care message show {entry.id}")
