"""`care calendar`: why a day is what it is."""

from typing import TYPE_CHECKING, Any

import typer

from care.base.errors import InputError
from care.cli.output import complain, print_json, print_rows, say

if TYPE_CHECKING:
    from datetime import date

    from care.calendars.explain import DayExplanation
    from care.calendars.overrides import Overrides

app = typer.Typer(help="Festivals, public holidays, lunar dates and working days.", no_args_is_help=True)

COUNTRY = typer.Option("CN", help="Two-letter country code.")
JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def calendar() -> None:
    """Festivals, public holidays, lunar dates and working days."""


@app.command()
def explain(
    date: str = typer.Argument(help="The day, as 2027-02-06."), country: str = COUNTRY, json: bool = JSON
) -> None:
    """Say what a day is in a country: lunar date, festivals, holiday, working day or not and why.

    Exit 0: explained. Exit 2: no such day or country, or a mistake in campaigns/calendar.yaml.
    """
    from care.calendars.explain import explain_day

    found = explain_day(_day(date), country.upper(), _overrides())
    if json:
        print_json(_as_row(found))
        return
    say(f"{found.day}  {found.weekday} {found.weekday_chinese}  {found.country}")
    for label, text in _lines(found):
        if text:
            say(f"  {label:<10}{text}")


@app.command(name="list")
def list_(year: int = typer.Option(help="The year, 1900 to 2100."), country: str = COUNTRY, json: bool = JSON) -> None:
    """List the festivals, public holidays and made-up working days of a year.

    With --json one line per day. Exit 0: listed. Exit 2: no such year or country, or a mistake in
    campaigns/calendar.yaml.
    """
    from care.calendars.explain import list_year
    from care.calendars.lunar import FIRST_YEAR, LAST_YEAR
    from care.calendars.workdays import incomplete_years

    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(f"--year {year}: not known. Use a year from {FIRST_YEAR} to {LAST_YEAR}")
    code, overrides = country.upper(), _overrides()
    days = list_year(year, code, overrides)
    print_rows((_as_row(day) if json else _as_cells(day) for day in days), as_json_lines=json)
    for incomplete in incomplete_years(code, [year], overrides):
        complain(f"care: {incomplete.warning}")


def _day(text: str) -> "date":
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text}' is not a day of the calendar. Write it as 2027-02-06") from None


def _overrides() -> "Overrides":
    from care.base.settings import load_settings
    from care.calendars.overrides import load_overrides

    return load_overrides(load_settings().paths.campaigns / "calendar.yaml")


def _lines(found: "DayExplanation") -> list[tuple[str, str]]:
    translated = f" ({found.holiday})" if found.holiday != found.holiday_local else ""
    return [
        ("lunar", f"{found.lunar_chinese}, {found.lunar_english}" if found.lunar_english else ""),
        ("festivals", ", ".join(found.festivals)),
        ("holiday", found.holiday_local + translated),
        ("work", found.reason),
        ("warning", found.warning),
    ]


def _as_row(found: "DayExplanation") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found) | {"is_working_day": found.is_working_day}


def _as_cells(found: "DayExplanation") -> dict[str, str]:
    return {
        "day": found.day.isoformat(),
        "weekday": f"{found.weekday[:3]} {found.weekday_chinese}",
        "lunar": found.lunar_chinese,
        "festivals": ", ".join(name for name in found.festivals if ":" not in name),
        "holiday": found.holiday_local,
        "work": "working" if found.is_working_day else "off" if found.kind != "rest" else "",
    }
