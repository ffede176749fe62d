"""`care segments`: named groups of customers, counted and explained."""

from typing import TYPE_CHECKING, Any

import typer

from care.base.errors import AnswerIsNoError, InputError
from care.cli.output import print_json, print_rows, say

if TYPE_CHECKING:
    from datetime import date

    from care.bootstrap import Services
    from care.segments.book import SegmentBook
    from care.segments.explain import Verdict
    from care.segments.model import Rule

app = typer.Typer(help="Named groups of customers.", no_args_is_help=True)

NAME = typer.Argument(help="The segment.")
ON = typer.Option("", help="Pretend it is this day, as 2027-02-06; values are taken as they are now.")
JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def segments() -> None:
    """Named groups of customers."""


@app.command(name="list")
def list_(json: bool = JSON) -> None:
    """List the segments of campaigns/segments.yaml.

    With --json one line per segment. Exit 0: listed. Exit 2: a mistake in the file; stderr names each with its line.
    """
    from care.bootstrap import build_services

    services = build_services()
    rows = [
        {
            "name": segment.name,
            "title": title_in(segment.title, services.settings.operator.locale),
            "place": str(segment.place),
            "description": segment.description,
        }
        for segment in services.segments
    ]
    print_rows(rows, as_json_lines=json, columns=("name", "title", "place"))


@app.command()
def count(name: str = NAME, on: str = ON, json: bool = JSON) -> None:
    """Count the customers in a segment, with the time it took.

    Exit 0: counted. Exit 2: no such segment, or a mistake in the file.
    """
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.segments.store import count_members

    services = build_services()
    book, rule, day = _asked(services, name, on)
    with plain_errors(services.engine), read(services.engine) as conn:
        began = services.clock.monotonic()
        found = count_members(conn, rule, book, as_of=day, facts=services.facts)
        took_ms = round((services.clock.monotonic() - began) * 1000)
    warning = _ranking_warning(services, book, rule, day)
    if json:
        print_json({"segment": name, "on": day, "customers": found, "took_ms": took_ms, "warning": warning or None})
        return
    say(f"{name}: {found:,} customers on {day}, counted in {took_ms:,} ms")
    if warning:
        say(f"  {warning}")


@app.command()
def sample(
    name: str = NAME,
    size: int = typer.Option(10, "-n", "--size", min=1, max=1000, help="How many to draw."),
    on: str = ON,
    json: bool = JSON,
) -> None:
    """Draw members of a segment by lot and print their customer ids, never their contacts.

    With --json one line per customer. Exit 0: drawn. Exit 1: the segment is empty. Exit 2: no such segment, or a
    mistake in the file.
    """
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.segments.store import sample_members

    services = build_services()
    book, rule, day = _asked(services, name, on)
    with plain_errors(services.engine), read(services.engine) as conn:
        drawn = sample_members(conn, rule, book, as_of=day, size=size, facts=services.facts)
    if not drawn:
        raise AnswerIsNoError(f"segment {name}: has no customers on {day}. See why: care segments explain {name}")
    print_rows([{"customer": external_id} for external_id in drawn], as_json_lines=json)


@app.command()
def explain(
    name: str = NAME,
    customer: str = typer.Option(..., "--customer", help="Id of the customer, as imported."),
    on: str = ON,
    json: bool = JSON,
) -> None:
    """Show why a customer is, or is not, in a segment: each part of the rule with ✓ or ✗.

    Exit 0: a member. Exit 1: not a member, or no such customer. Exit 2: no such segment, or a mistake in the file.
    """
    from care.base.database import plain_errors, read
    from care.base.masking import mask_text
    from care.bootstrap import build_services
    from care.segments.membership import explain_customer

    services = build_services()
    book, rule, day = _asked(services, name, on)
    with plain_errors(services.engine), read(services.engine) as conn:
        answer = explain_customer(conn, rule, book, customer, as_of=day, facts=services.facts)
    if answer is None:
        fix = "Check the id, or import: care import customers FILE"
        raise AnswerIsNoError(f"customer '{mask_text(customer)}': not known. {fix}")
    if json:
        print_json({"segment": name, "customer": customer, "on": day, **answer.as_json()})
    else:
        say(f"customer {customer} is {'in' if answer.member else 'not in'} {name} on {day}")
        _print_tree(answer.verdict, 1)
        if answer.why_not:
            say(f"because {answer.why_not}")
    if not answer.member:
        raise typer.Exit(1)


@app.command()
def rank(json: bool = JSON) -> None:
    """Rank the customers of each type by value now; the daemon does so at the beginning of each month.

    Exit 0: ranked. Exit 2: a mistake in the file, or the database cannot be written.
    """
    from care.base.database import plain_errors
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services
    from care.segments.value import bands_of, compute_values

    services = build_services()
    configure_command_logs(services.settings.log)
    bands = bands_of(services.book, (campaign.audience for campaign in services.campaigns))
    now = services.clock.now()
    with plain_errors(services.engine):
        done = compute_values(services.engine, as_of=_today(services), now=now, bands=bands)
    if json:
        print_json({"ranked": done.ranked, "members": done.members})
        return
    for measure, ranked in done.ranked.items():
        say(f"{measure}: {ranked:,} customers ranked")
    for band, members in done.members.items():
        say(f"{band}: {members:,} members")


@app.command()
def schema(_json: bool = typer.Option(True, "--json", help="It always answers in JSON.")) -> None:
    """Print the JSON Schema of segments.yaml, for editors. Exit 0."""
    from json import dumps

    from care.bootstrap import build_services
    from care.segments.schema import segments_schema

    say(dumps(segments_schema(build_services().fields), ensure_ascii=False, indent=2))


def title_in(title: Any, locale: str) -> str:
    """Return the title in a locale, else in its language, else in English, else any."""
    wanted = (locale, locale.partition("-")[0], "en", "")
    return next((title[key] for key in wanted if key in title), next(iter(title.values()), ""))


def _asked(services: "Services", name: str, on: str) -> "tuple[SegmentBook, Rule, date]":
    from datetime import date

    from care.base.yamlfile import did_you_mean

    book = services.segments
    if name not in book.names:
        raise InputError(f"segment {name}: is not known. {did_you_mean(name, book.names)}")
    if not on:
        return book, book.rule(name), _today(services)
    try:
        return book, book.rule(name), date.fromisoformat(on)
    except ValueError:
        raise InputError(f"--on {on}: is not a day. Write it as 2027-02-06") from None


def _today(services: "Services") -> "date":
    from zoneinfo import ZoneInfo

    return services.clock.now().astimezone(ZoneInfo(services.settings.operator.timezone)).date()


def _ranking_warning(services: "Services", book: "SegmentBook", rule: "Rule", day: "date") -> str:
    from care.base.database import read
    from care.segments.value import awaits_ranking

    with read(services.engine) as conn:
        stale = awaits_ranking(conn, book, [rule], day)
    return "the ranking of this month is not there yet, the last one counts. Run: care segments rank" if stale else ""


def _print_tree(verdict: "Verdict", depth: int) -> None:
    mark = "✓" if verdict.passed else "✗"
    place = f"  ({verdict.place})" if verdict.kind == "leaf" and str(verdict.place) else ""
    say(f"{'  ' * depth}{mark} {verdict.text}{place}")
    for part in verdict.parts:
        _print_tree(part, depth + 1)
