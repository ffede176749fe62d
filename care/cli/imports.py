"""`care import`: files of other systems become customers, subscriptions, tickets and consents."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from care.base.errors import InputError

if TYPE_CHECKING:
    from care.bootstrap import Services
    from care.customers.importing.run import ImportKind, ImportReport

app = typer.Typer(
    help="Import CSV or JSON Lines; the same file twice changes nothing.", no_args_is_help=True, rich_markup_mode=None
)

File = Annotated[Path, typer.Argument(help="CSV with a header (comma, semicolon or tab; UTF-8 or GBK), or JSON Lines.")]
Map = Annotated[
    list[str] | None, typer.Option("--map", metavar="THEIRS=OURS", help="Column THEIRS of the file is OURS.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, tell what would change, write nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


@app.command()
def customers(file: File, map_: Map = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Import customers with phone and e-mail; only `id` is required. Consents and opt-outs are never touched.

    An empty cell changes nothing, - clears; columns we do not know become attributes. Bad rows go to
    FILE.rejects.csv. Exit 0: all rows are in. Exit 1: rows were rejected. Exit 2: the file cannot be used.
    """
    _import("customers", file, map_ or [], dry_run=dry_run, as_json=json)


@app.command()
def subscriptions(file: File, map_: Map = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Import subscriptions of known customers; `id` is required, `customer` for new ones.

    Exit 0: all rows are in. Exit 1: rows were rejected, see FILE.rejects.csv. Exit 2: the file cannot be used.
    """
    _import("subscriptions", file, map_ or [], dry_run=dry_run, as_json=json)


@app.command()
def tickets(file: File, map_: Map = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Import tickets of known customers; `id` is required, `customer` for new ones. Times: yours, or with offset.

    What a file says of an older moment never undoes what is known of a newer one. Exit 0: all rows are in.
    Exit 1: rows were rejected, see FILE.rejects.csv. Exit 2: the file cannot be used.
    """
    _import("tickets", file, map_ or [], dry_run=dry_run, as_json=json)


@app.command()
def consents(file: File, map_: Map = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Import consents and withdrawals: customer, purpose, channel, given, at, source, wording.

    A consent needs source, wording and an `at` later than any withdrawal or opt-out; no import lifts an opt-out.
    Exit 0: all rows are in. Exit 1: rows were rejected, see FILE.rejects.csv. Exit 2: the file cannot be used.
    """
    _import("consents", file, map_ or [], dry_run=dry_run, as_json=json)


@app.command()
def answers(file: File, dry_run: DryRun = False, json: Json = False) -> None:
    """Import answers that people took down by phone or on paper: the list of calls, filled in.

    Columns: ref or ticket; outcome (answered, not_reached, refused); overall, result, timeliness, attitude (1 to 5);
    solved (yes, no); comment; channel (phone, paper); by; called_at, when the call was made, on the operator's clock or
    with an offset: now, where it is empty. Rows that are not filled in are passed over.
    Exit 0: all rows are in. Exit 1: rows were rejected, see FILE.rejects.csv. Exit 2: the file cannot be used.
    """
    from dataclasses import asdict

    from care.bootstrap import build_services
    from care.cli.output import complain, counted, print_json, say
    from care.surveys.loop_rules import loop_rules_of
    from care.surveys.phone_answers import import_answers

    services = build_services()
    rules = loop_rules_of(services.settings, services.root, services.hasher)
    report = import_answers(services.engine, file, rules=rules, now=services.clock.now(), dry_run=dry_run)
    if json:
        print_json({name: value for name, value in asdict(report).items() if name != "refusals"})
    else:
        words = ("answered", "repeated", "not_reached", "refused", "empty", "rejected")
        parts = [f"{getattr(report, name):,} {name.replace('_', ' ')}" for name in words if getattr(report, name)]
        would = "Dry run, nothing was written. " if dry_run else ""
        say(f"{would}{counted(report.rows, 'row')}: {', '.join(parts) or 'nothing to import'}")
        for one in report.refusals[:20]:
            complain(f"row {one.number}" + (f", {one.column}" if one.column else "") + f": {one.reason}")
        if report.rejects_file:
            complain(f"Rejected rows with reasons: {report.rejects_file}. Correct and import that file")
    if report.rejected:
        raise typer.Exit(1)


def _import(kind: str, file: Path, maps: list[str], *, dry_run: bool, as_json: bool) -> None:
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.customers.importing.run import Run, import_file
    from care.inbound.events.store import wake_waiting

    services = build_services()
    with _progress(file, quiet=as_json) as on_progress:
        run = Run(
            engine=services.engine,
            kind=_kind(kind, services),
            suppression_key=services.keys.suppression,
            clock=services.clock,
            dry_run=dry_run,
            on_progress=on_progress,
        )
        report = import_file(run, file, renames=_renames(maps))
    if kind in ("customers", "tickets") and not dry_run:
        wake_waiting(services.engine, services.clock.now())
    if as_json:
        print_json(report.as_dict())
    else:
        _tell(report)
    if report.rejected:
        raise typer.Exit(1)


def _kind(name: str, services: "Services") -> "ImportKind":
    from babel.numbers import get_currency_precision

    from care.customers.addresses import AddressHasher
    from care.customers.importing.kinds import import_kind

    operator = services.settings.operator
    return import_kind(
        name,
        operator=operator,
        hasher=AddressHasher(services.keys.suppression),
        currency_digits=get_currency_precision(operator.currency),
        now=services.clock.now,
        tickets=services.settings.tickets,
    )


def _renames(maps: list[str]) -> dict[str, str]:
    """Read THEIRS=OURS, split at the last = so that their title may hold one."""
    renames: dict[str, str] = {}
    for text in maps:
        theirs, equals, ours = text.rpartition("=")
        if not (equals and theirs.strip() and ours.strip()):
            raise InputError(f"--map {text}: is not of the form THEIRS=OURS. Write for example --map 手机=phone")
        if theirs.strip() in renames or ours.strip() in renames.values():
            raise InputError(f"--map {text}: one of the two columns is mapped already. Map each column once")
        renames[theirs.strip()] = ours.strip()
    return renames


@contextmanager
def _progress(file: Path, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Reading {file.name}", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, description=f"Importing {file.name}", completed=done, total=total)

        yield show


def _tell(report: "ImportReport") -> None:
    from care.cli.output import complain, counted, say

    parts = [f"{getattr(report, name):,} {name}" for name in ("added", "updated", "unchanged") if getattr(report, name)]
    if report.repeated:
        parts.append(f"{report.repeated:,} replaced by a later row of the same id")
    if report.rejected:
        parts.append(f"{report.rejected:,} rejected")
    pace = f" in {report.seconds:.1f} s ({report.rows_per_second:,} rows/s)" if report.rows else ""
    would = "Dry run, nothing was written. " if report.dry_run else ""
    say(f"{would}{counted(report.rows, 'row')}: {', '.join(parts) or 'nothing to import'}{pace}")
    for (column, text), count in sorted(report.warnings.items()):
        complain(f"note: {column}: {text}" + (f" ({count:,} rows)" if count > 1 else ""))
    for row, by in report.replaced:
        complain(f"note: row {row}: replaced by row {by}, which has the same id")
    if report.repeated > len(report.replaced) > 0:
        complain(f"note: … and {report.repeated - len(report.replaced):,} more")
    for one in report.refusals:
        place = f"row {one.number}" + (f", {one.column}" if one.column else "")
        complain(f"{place}: {one.reason}")
    if report.rejected > len(report.refusals):
        complain(f"… and {report.rejected - len(report.refusals):,} more")
    if report.rejects_file:
        complain(f"Rejected rows with reasons: {report.rejects_file}. Correct and import that file")
