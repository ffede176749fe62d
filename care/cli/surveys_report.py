"""`care surveys report` and `care surveys improvements`: what the answers say, and what was done about it."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from care.bootstrap import Services
    from care.surveys.figures.period import Period
    from care.surveys.figures.report import SurveyFigures

app = typer.Typer()
improvements = typer.Typer(help="Measures taken after customers had spoken.", no_args_is_help=True)
app.add_typer(improvements, name="improvements")


@app.command()
def report(
    *,
    quarter: str = typer.Option("", "--quarter", help="As 2026Q3; without it and --since, the running one."),
    since: str = typer.Option("", "--since", help="First local day, as 2026-08-01."),
    until: str = typer.Option("", "--until", help="Last local day; without it, today."),
    by: str = typer.Option("", "--by", help="area, staff, kind, channel or hour (of the invitation)."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    csv: bool = typer.Option(False, "--csv", help="Print the groups of --by as CSV."),
) -> None:
    """Print valid answers against the target, satisfaction with its uncertainty, and groups side by side.

    Figures that rest on too few answers are named, not printed. Exit 0: printed. Exit 2: no such period or group.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import InputError
    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.reports.satisfaction import as_object, group_rows
    from care.surveys.figures.report import survey_figures
    from care.surveys.figures.sheet import By

    if by and by not in [str(one) for one in By]:
        raise InputError(f"--by {by}: not known. Use one of {', '.join(By)}")
    if csv and not by:
        raise InputError("--csv: prints groups. Add --by area, staff, kind, channel or hour")
    services = build_services()
    period = _period(services, quarter, since, until)
    settings = services.settings.reports
    with plain_errors(services.engine), read(services.engine) as conn:
        found = survey_figures(
            conn, period, target=settings.valid_answers, least=settings.enough, now=services.clock.now()
        )
    if csv:
        _print_csv(group_rows(found, By(by)))
    elif json:
        print_json(as_object(found, by=By(by) if by else None))
    else:
        _tell(found, by)


def _period(services: "Services", quarter: str, since: str, until: str) -> "Period":
    from datetime import timedelta

    from care.base.errors import InputError
    from care.calendars.walltime import load_zone, local_day
    from care.cli.times import read_day
    from care.surveys.figures.period import between, quarter_named, quarter_of

    zone = services.settings.operator.timezone
    today = local_day(services.clock.now(), load_zone(zone))
    if quarter and (since or until):
        raise InputError("--quarter: names the days already. Leave out --since and --until")
    if quarter:
        return quarter_named(quarter, zone)
    if not since:
        if until:
            raise InputError("--until: needs a first day. Add --since")
        return quarter_of(today, zone)
    last = read_day("--until", until) if until else today
    return between(read_day("--since", since), last + timedelta(days=1), zone)


def _tell(found: "SurveyFigures", by: str) -> None:
    from care.cli.output import print_rows, say
    from care.reports.satisfaction import group_rows, measure_rows, thirds_in_words
    from care.surveys.figures.sheet import By

    count = found.quota.count
    say(f"{found.period.name}: {found.quota.words}")
    say(f"Of these {count.derived:,} were said in words; {count.late:,} late ones are not among them.")
    say()
    print_rows(measure_rows(found), as_json_lines=False)
    say()
    say(f"Last four weeks against the twelve before: {found.latest.words}")
    say(f"Against {found.period.before().name}: {found.against_before.words}")
    if words := thirds_in_words(found):
        say(words)
    for asked in found.asked:
        if asked.survey != "ticket":
            name = asked.survey.replace("_", " ")
            say(f"Asked for {name}: {asked.invited:,}, answered {asked.answered:,} ({_percent(asked.rate.value)})")
    for reach in found.reach:
        say(f"Asked by {reach.channel}: {reach.invited:,}, answered {reach.answered:,} ({_percent(reach.rate.value)})")
    if by:
        say()
        print_rows(group_rows(found, By(by)), as_json_lines=False)


def _percent(share: float | None) -> str:
    from care.surveys.figures.trend import percent

    return percent(share)


def _print_csv(rows: "Iterator[dict[str, Any]]") -> None:
    import csv
    import io

    from care.cli.output import say
    from care.reports.satisfaction import GROUP_COLUMNS

    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=GROUP_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    say(text.getvalue().rstrip("\n"))


@improvements.command("add")
def add(
    *,
    theme: str = typer.Option(..., "--theme", help="What customers said: slow, attitude, price …"),
    measure: str = typer.Option(..., "--measure", help="What was done about it."),
    day: str = typer.Option(..., "--from", help="The day it came into force, as 2026-08-01."),
    by: str = typer.Option(..., "--by", help="Who answers for it."),
    area: str = typer.Option("", "--area", help="Only this area."),
    kind: str = typer.Option("", "--kind", help="Only tickets of this kind."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Write down what was done after customers had spoken; the quarterly report judges it by their answers.

    Exit 0: written. Exit 2: an option cannot be used.
    """
    from care.base.database import plain_errors, write
    from care.base.errors import InputError
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.cli.times import read_day
    from care.surveys.figures.improvements import Improvement, add_improvement

    for option, text, most in (("--theme", theme, 64), ("--measure", measure, 500), ("--by", by, 64)):
        if not text.strip() or len(text) > most:
            raise InputError(f"{option}: is empty or too long. Write 1 to {most} characters")
    if theme.strip() not in (known := _themes()):
        raise InputError(f"--theme: '{theme.strip()}' is no theme. Known: {', '.join(known)}")
    new = Improvement(
        theme=theme.strip(),
        measure=measure.strip(),
        in_force_on=read_day("--from", day),
        by=by.strip(),
        area=area[:64] or None,
        kind=kind[:32] or None,
    )
    services = build_services()
    with plain_errors(services.engine), write(services.engine) as conn:
        made = add_improvement(conn, new, now=services.clock.now())
    if json:
        print_json({"id": made, "theme": new.theme, "in_force_on": new.in_force_on})
    else:
        say(f"Measure {made} is written down; it is judged by the answers 90 days before and after {new.in_force_on}.")


@improvements.command("list")
def list_all(json: bool = typer.Option(False, "--json", help="Print JSON Lines.")) -> None:
    """Print every measure with satisfaction before and after it.

    Exit 0: printed. Exit 1: there is none.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import print_rows
    from care.reports.satisfaction import effect_rows
    from care.surveys.figures.improvements import effects, list_improvements

    services = build_services()
    settings = services.settings
    with plain_errors(services.engine), read(services.engine) as conn:
        found = effects(
            conn,
            list_improvements(conn),
            zone=settings.operator.timezone,
            now=services.clock.now(),
            least=settings.reports.enough,
        )
    if not print_rows(effect_rows(found), as_json_lines=json):
        raise AnswerIsNoError("no measure is written down yet. Use care surveys improvements add")


@improvements.command("campaign")
def campaign(
    number: int = typer.Argument(..., help="Number of the measure."),
    day: str = typer.Option(..., "--on", help="The local day on which those who answered are told."),
    json: bool = typer.Option(False, "--json", help="One JSON object with the file's text."),
) -> None:
    """Print a campaign file that tells those who answered what they said, what was done, and what came of it.

    Its figures are the measured ones; redirect it into the campaigns folder and read it before it runs.
    Exit 0: printed. Exit 1: satisfaction did not measurably rise, so there is nothing to tell. Exit 2: no such measure.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import AnswerIsNoError, InputError
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.cli.times import read_day
    from care.reports.you_said import campaign_text
    from care.surveys.figures.improvements import effects, list_improvements

    services = build_services()
    settings, on = services.settings, read_day("--on", day)
    with plain_errors(services.engine), read(services.engine) as conn:
        chosen = [one for one in list_improvements(conn) if one.id == number]
        if not chosen:
            raise InputError(f"{number}: no such measure. See care surveys improvements list")
        (effect,) = effects(
            conn, chosen, zone=settings.operator.timezone, now=services.clock.now(), least=settings.reports.enough
        )
    found = effect.change.difference
    if found is None or found.value <= 0 or not found.is_significant():
        raise AnswerIsNoError(
            f"nothing to tell yet: {effect.change.words}. Tell customers once it has measurably risen"
        )
    text = campaign_text(effect, on=on).rstrip("\n")
    if json:
        print_json({"measure": number, "on": on, "text": text})
    else:
        say(text)


def _themes() -> list[str]:
    """Return the themes by which comments are grouped; a measure under another name would have none."""
    from importlib import resources
    from pathlib import Path

    from care.base.yamlfile import parse_yaml

    file = resources.files("care.surveys.figures").joinpath("themes.yaml")
    return list(parse_yaml(file.read_text(encoding="utf-8"), Path(str(file))))
