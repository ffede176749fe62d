"""`care campaigns`: read, check, preview, pause and cancel campaigns."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from care.base.errors import FileError, ManyErrors
from care.cli import campaign_actions
from care.cli.campaign_words import (
    CUSTOMER,
    JSON,
    NAME,
    files_of,
    known_to_ledger,
    preview_as_json,
    preview_lines,
    preview_of,
    states_of,
    today_of,
)
from care.cli.output import complain, counted, print_json, print_rows, say

if TYPE_CHECKING:
    from care.bootstrap import Services
    from care.campaigns.campaign_set import CampaignSet
    from care.campaigns.checks.context import CheckContext
    from care.campaigns.checks.findings import Finding
    from care.segments.book import SegmentBook

app = typer.Typer(help="Read, check, preview, pause and cancel campaigns.", no_args_is_help=True)


@app.callback()
def campaigns() -> None:
    """Read, check, preview, pause and cancel campaigns."""


@app.command("list")
def list_(json: bool = JSON) -> None:
    """List the campaigns with purpose, occasion and state.

    Exit 0: listed. Exit 1: a file is broken; the others are listed all the same.
    """
    from care.bootstrap import build_services

    services = build_services()
    found, _ = files_of(services)
    states = states_of(services)
    rows = [
        {
            "name": campaign.name,
            "purpose": str(campaign.purpose),
            "channels": ", ".join(campaign.channels),
            "state": states.get(campaign.id, "live"),
            "when": campaign.occasion.describe(),
        }
        for campaign in sorted(found, key=lambda one: (one.purpose.lane, one.name))
    ]
    print_rows(rows, as_json_lines=json)
    for problem in found.problems:
        complain(f"care: {problem}")
    if found.problems:
        raise typer.Exit(1)


@app.command()
def check(
    paths: list[Path] = typer.Argument(None, metavar="[PATH]…", help="Campaign files; all of the folder if left out."),
    max_parts: int = typer.Option(2, "--max-parts", min=1, help="SMS parts that a text may have with long names."),
    json: bool = JSON,
) -> None:
    """Check files, templates, lengths, opt-out words, hidden offers, hold-outs, senders and renames.

    Before the findings stand the variables that templates of these campaigns may use; --json gives the findings alone.
    Exit 0: nothing that must be mended. Exit 1: errors. Exit 2: a file, the segments or the settings cannot be read.
    """
    from care.bootstrap import build_services
    from care.campaigns.check import check_campaigns, has_errors

    services = build_services()
    try:
        found, book = files_of(services)
        chosen = _chosen(services, paths, book) if paths else found
    except (FileError, ManyErrors) as error:
        if json and (broken := _of_files(error)):
            _print_findings(broken, as_json=True)
            raise typer.Exit(2) from None
        raise
    findings = check_campaigns(chosen, _context(services, max_parts), is_whole_folder=not paths)
    if not json:
        _tell_variables(chosen)
    _print_findings(findings, as_json=json)
    if chosen.unreadable:
        raise typer.Exit(2)
    if has_errors(findings):
        raise typer.Exit(1)


@app.command()
def show(name: str = NAME, json: bool = JSON) -> None:
    """Read a campaign aloud: who, when, how, until when, and the next days on which it is due.

    Exit 0: shown. Exit 1: no such campaign.
    """
    from care.bootstrap import build_services
    from care.campaigns.sentences import next_days, sentences
    from care.campaigns.variables import available_variables

    services = build_services()
    found, book = files_of(services)
    campaign = found.named(name)
    of_use_since = services.clock.now() - campaign.use_within
    zone = services.settings.operator.timezone
    days = next_days(campaign.occasion, zone, today_of(services), after=of_use_since)
    told = [*sentences(campaign, book), ("Next", f"{', '.join(map(str, days)) or 'never'}.")]
    state = states_of(services).get(campaign.id, "live")
    if json:
        answer = {question.lower().replace(" ", "_"): text for question, text in told}
        variables = available_variables(campaign.occasion, campaign.values)
        told_of = {"id": campaign.id, "name": campaign.name, "file": campaign.path, "state": state}
        print_json({**told_of, **answer, "variables": variables})
        return
    say(f"{campaign.title.get('en') or campaign.name} ({campaign.name}, id {campaign.id}), {state} — {campaign.path}")
    for question, text in told:
        say(f"{question + ':':<10}{text}")


@app.command()
def preview(name: str = NAME, customer: str | None = CUSTOMER, json: bool = JSON) -> None:
    """Show the texts as a real customer would get them, their SMS parts, and the characters that cost.

    Exit 0: shown. Exit 1: no such campaign or customer, or no text can be filled in for them.
    """
    from care.bootstrap import build_services

    found = preview_of(build_services(), name, customer)
    if json:
        print_json(preview_as_json(found))
    else:
        for line in preview_lines(found):
            say(line)
    if all(text.rendered is None for text in found.texts):
        raise typer.Exit(1)


@app.command()
def schema(_json: bool = typer.Option(True, "--json", help="It always answers in JSON.")) -> None:
    """Print the JSON Schema of campaign files, for editors.

    Keep it beside the campaigns: care campaigns schema > campaigns/campaign.schema.json; files name it in their
    first line: # yaml-language-server: $schema=campaign.schema.json. Exit 0: printed.
    """
    import json

    from care.bootstrap import build_services
    from care.campaigns.schema import json_schema

    services = build_services()
    found = json_schema(services.shelf.kinds, fields=services.fields)
    say(json.dumps(found, ensure_ascii=False, indent=2))


app.add_typer(campaign_actions.app)


def _chosen(services: "Services", paths: list[Path], book: "SegmentBook") -> "CampaignSet":
    """Return the campaigns of these files, and of these folders' files."""
    from care.campaigns.load import Reader, campaign_files, gather
    from care.campaigns.occasion import Surroundings

    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileError(path, "is not there", "Check the path")
        files += campaign_files(path) if path.is_dir() else [path]
    around = Surroundings(country=services.settings.operator.country, installation=services.shelf.installation)
    reader = Reader(book=book, around=around, kinds=services.shelf.kinds, template_digest=services.library.digest)
    return gather(dict.fromkeys(files), reader)


def _context(services: "Services", max_parts: int) -> "CheckContext":
    from care.campaigns.checks.context import CheckContext

    return CheckContext(
        library=services.library,
        policies=services.policies,
        settings=services.settings,
        today=today_of(services),
        known=known_to_ledger(services),
        max_parts=max_parts,
    )


def _of_files(error: FileError | ManyErrors) -> "list[Finding]":
    """Return what keeps every campaign from being read, nothing where it is not all about files."""
    from care.campaigns.checks.findings import in_file

    errors = error.errors if isinstance(error, ManyErrors) else [error]
    found = [in_file(one, rule="file") for one in errors if isinstance(one, FileError)]
    return found if len(found) == len(errors) else []


def _print_findings(findings: "list[Finding]", *, as_json: bool) -> None:
    """Print every finding; for people errors go to stderr like every other error."""
    if as_json:
        for finding in findings:
            print_json(_as_row(finding))
        return
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in findings:
        (complain if finding in errors else say)(str(finding))
    if findings:
        say(f"{counted(len(errors), 'error')}, {counted(len(findings) - len(errors), 'warning')}")
    else:
        say("nothing found: all campaigns are sound")


def _tell_variables(campaigns: "CampaignSet") -> None:
    """Print the words that templates of these campaigns may use, and who gives them."""
    from care.campaigns.variables import usable_variables

    if not len(campaigns):
        return
    found = list(usable_variables(campaigns))
    width = max(len(source) for source, _ in found)
    say("variables that a template may use, besides the import columns of your own:")
    for source, names in found:
        say(f"  {source:<{width}}  {', '.join(names)}")


def _as_row(finding: "Finding") -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "rule": finding.rule,
        "campaign": finding.campaign,
        "file": finding.path,
        "line": finding.line,
        "column": finding.column,
        "problem": finding.problem,
        "fix": finding.fix,
    }
