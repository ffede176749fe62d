"""`care report quarter`: the report on satisfaction and feedback that leaders and departments read."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from care.bootstrap import Services
    from care.reports.quarter import House, Quarter

app = typer.Typer(help="Reports for people.", no_args_is_help=True)

_FORMATS = ("html", "md", "json")


@app.callback()
def reports() -> None:
    """Reports for people."""


@app.command()
def quarter(
    name: str = typer.Argument(..., metavar="QUARTER", help="As 2026Q3."),
    form: str = typer.Option("", "--format", help="html (prints on A4; if left out), md or json."),
    out: Path | None = typer.Option(None, "--out", metavar="FILE", help="Write to a file instead of the terminal."),
    locale: str = typer.Option("en", "--locale", help="The language of html and md: en, zh-CN or zh-TW."),
    json: bool = typer.Option(False, "--json", help="The same as --format json; with --out the answer is JSON, too."),
) -> None:
    """Write the quarterly report: gathering, scores, trends, commitments, measures taken, and feedback handled.

    A quarter that is not over gives a preliminary report. Exit 0: written. Exit 2: no such quarter, or a mistake in
    commitments.yaml, or the file cannot be written.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import InputError
    from care.bootstrap import build_services
    from care.cli.output import as_json, say
    from care.reports.quarter import read_quarter
    from care.reports.wording import wording_of
    from care.surveys.figures.period import quarter_named

    form = form or ("json" if json else "html")
    if form not in _FORMATS:
        raise InputError(f"--format {form}: not known. Use one of {', '.join(_FORMATS)}")
    if json and form != "json":
        raise InputError(f"--format {form}: is another form than --json. Give one of the two")
    wording_of(locale)
    services = build_services()
    period = quarter_named(name, services.settings.operator.timezone)
    house = house_of(services)
    with plain_errors(services.engine), read(services.engine) as conn:
        found = read_quarter(conn, period, house, now=services.clock.now())
    text = _in_form(found, form, locale)
    if out is None:
        say(text.rstrip("\n"))
    else:
        _write(out, text)
        done = f"{out}: the report of {period.name} is written."
        say(as_json({"quarter": period.name, "file": str(out)}) if json else done)


def house_of(services: "Services") -> "House":
    """Return what the operator has set about the report.

    Raises:
        FileError: calendar.yaml or commitments.yaml has a mistake.
    """
    from care.calendars.overrides import load_overrides
    from care.reports.quarter import House
    from care.surveys.figures.commitments import FILE, load_commitments
    from care.surveys.promised import promised_by

    settings = services.settings
    folder = services.root / settings.paths.campaigns
    return House(
        brand=settings.operator.brand,
        country=settings.operator.country,
        overrides=load_overrides(folder / "calendar.yaml"),
        commitments=load_commitments(folder / FILE),
        promised=promised_by(services.campaigns),
        target=settings.reports.valid_answers,
        least=settings.reports.enough,
    )


def _in_form(found: "Quarter", form: str, locale: str) -> str:
    from care.cli.output import as_json
    from care.reports.document_forms import as_html, as_markdown
    from care.reports.quarter_document import write_document
    from care.reports.quarter_object import as_object

    if form == "json":
        return as_json(as_object(found)) + "\n"
    document = write_document(found)
    return as_html(document, locale) if form == "html" else as_markdown(document, locale)


def _write(out: Path, text: str) -> None:
    from care.base.errors import UnavailableError

    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{out}: cannot be written ({error.strerror}). Check the folder and its owner") from None
