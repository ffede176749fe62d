"""`care surveys cases`: customers who were not satisfied, and what a person does about it."""

from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from care.bootstrap import Services

Result = TypeVar("Result")
app = typer.Typer(help="Customers who were not satisfied, and what a person does about it.", no_args_is_help=True)

_ID = typer.Argument(metavar="ID", help="Of `care surveys cases list`.")
_JSON = typer.Option(False, "--json", help="One JSON object.")
_COLUMNS = ("id", "reason", "state", "customer", "ticket", "due", "owner")


@app.callback()
def cases() -> None:
    """Customers who were not satisfied, and what a person does about it."""


@app.command("list")
def list_cases(
    *,
    everything: bool = typer.Option(False, "--all", help="Also those that are closed."),
    is_open: bool = typer.Option(False, "--open", help="Those that are open; so it is without an option, too."),
    overdue: bool = typer.Option(False, "--overdue", help="Open ones whose time has passed."),
    recontact: bool = typer.Option(False, "--recontact", help="Closed ones whose customer is to be asked again now."),
    mine: str | None = typer.Option(None, "--mine", metavar="NAME", help="Those of one owner."),
    limit: int = typer.Option(100, min=1, help="Most rows to show."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per line."),
) -> None:
    """List cases, the most urgent first.

    Exit 0: also when there are none. Exit 2: options that exclude each other.
    """
    from care.base.database import plain_errors, read
    from care.base.errors import InputError
    from care.cli.output import print_rows, say
    from care.surveys.case_store import Wanted
    from care.surveys.case_store import list_cases as find

    if everything + (overdue or is_open) + recontact > 1:
        raise InputError("--all, --open, --overdue, --recontact: exclude each other. Leave all but one out")
    services = _services()
    now = services.clock.now()
    wanted = Wanted(everything=everything, overdue=overdue, to_recontact=recontact, owner=mine, limit=limit)
    with plain_errors(services.engine), read(services.engine) as conn:
        rows = find(conn, wanted, now=now)
    shown = rows if as_json else [_for_people(row, services) for row in rows]
    if not print_rows(shown, as_json_lines=as_json, columns=_COLUMNS) and not as_json:
        say("no cases")


@app.command()
def show(case_id: int = _ID, as_json: bool = _JSON) -> None:
    """Show one case with the ticket as it was, the answers, the customer's words and our messages.

    Exit 0: it is there. Exit 1: there is none.
    """
    from care.base.database import plain_errors, read
    from care.cli.output import print_json
    from care.surveys.case_moves import CaseError
    from care.surveys.case_store import find_case

    services = _services()
    with plain_errors(services.engine), read(services.engine) as conn:
        found = find_case(conn, case_id, now=services.clock.now())
    if found is None:
        raise CaseError(f"cases: no case {case_id}. See: care surveys cases list --all")
    if as_json:
        print_json(found)
    else:
        _print_case(found, services)


@app.command()
def take(case_id: int = _ID, by: str = typer.Option(..., "--by", help="Who takes it."), as_json: bool = _JSON) -> None:
    """Become the owner of a case.

    Exit 0: it is taken. Exit 1: there is none, or it is closed. Exit 2: the name cannot be used.
    """
    from care.cli.output import print_json, say
    from care.surveys.case_moves import take_case

    services = _services()
    before = _move(services, lambda conn: take_case(conn, case_id, by=by, now=services.clock.now()))
    if as_json:
        print_json({"case": case_id, "owner": by, "before": before})
    else:
        say(f"case {case_id} is {by}'s" + (f", it was {before}'s" if before and before != by else ""))


@app.command()
def close(
    case_id: int = _ID,
    outcome: str = typer.Option(..., "--outcome", help="solved, explained, compensated, not_reached or no_fault."),
    note: str = typer.Option(..., "--note", help="What was done, for the next person who looks."),
    recontact: bool = typer.Option(True, help="Ask the customer again after cases.recontact_days."),
    as_json: bool = _JSON,
) -> None:
    """Close a case with its outcome.

    Exit 0: it is closed. Exit 1: there is none, or it is closed already. Exit 2: outcome or note cannot be used.
    """
    from care.cli.output import print_json, say
    from care.cli.times import local
    from care.surveys.case_moves import Closing, close_case
    from care.surveys.loop_rules import loop_rules_of

    services = _services()
    now = services.clock.now()
    again = loop_rules_of(services.settings, services.root).recontact(now) if recontact else None
    closing = Closing(outcome=_outcome(outcome), note=note, recontact_at=again)
    _move(services, lambda conn: close_case(conn, case_id, closing, now=now))
    if as_json:
        print_json({"case": case_id, "outcome": outcome, "recontact_at": again})
    else:
        when = local(again, services.settings.operator.timezone) if again else "never"
        say(f"case {case_id} is closed; the customer is asked again: {when}")


@app.command()
def recontact(
    case_id: int = _ID,
    at: str | None = typer.Option(None, "--at", help="Ask again then: 2027-02-06T10:00 or 3d. Without it: it is done."),
    as_json: bool = _JSON,
) -> None:
    """Write down that the customer of a closed case was asked again, or when that shall be.

    Exit 0: written down. Exit 1: there is no such case, it is open, or that was done. Exit 2: the time cannot be used.
    """
    from care.cli.output import print_json, say
    from care.cli.times import local, read_moment
    from care.surveys.case_moves import note_recontact, plan_recontact

    services = _services()
    now, zone = services.clock.now(), services.settings.operator.timezone
    moment = read_moment("--at", at, now=now, zone=zone) if at else None
    if moment is not None:
        _move(services, lambda conn: plan_recontact(conn, case_id, at=moment, now=now))
    else:
        _move(services, lambda conn: note_recontact(conn, case_id, now=now))
    if as_json:
        print_json({"case": case_id, "recontact_at": moment, "recontacted_at": None if moment else now})
    else:
        say(f"case {case_id}: " + (f"asked again {local(moment, zone)}" if moment else "the customer was asked again"))


def _services() -> "Services":
    from care.base.logs import configure_command_logs
    from care.bootstrap import build_services

    services = build_services()
    configure_command_logs(services.settings.log)
    return services


def _move(services: "Services", move: "Callable[[sa.Connection], Result]") -> "Result":
    from care.base.database import plain_errors, write

    with plain_errors(services.engine), write(services.engine) as conn:
        return move(conn)


def _outcome(word: str) -> Any:
    from care.base.errors import InputError
    from care.base.yamlfile import did_you_mean
    from care.surveys.case_states import Outcome

    try:
        return Outcome(word)
    except ValueError:
        raise InputError(f"--outcome: '{word}' is not known. {did_you_mean(word, list(Outcome))}") from None


def _for_people(row: dict[str, Any], services: "Services") -> dict[str, Any]:
    from care.cli.times import local

    due = local(row["due_at"], services.settings.operator.timezone)
    return {**row, "due": f"{due} (overdue)" if row["overdue"] else due}


def _print_case(found: dict[str, Any], services: "Services") -> None:
    """Print the case itself line by line, and what led to it as tables."""
    from datetime import datetime

    from care.cli.output import print_rows, say
    from care.cli.times import local

    zone = services.settings.operator.timezone

    def words(value: Any) -> str:
        return local(value, zone) if isinstance(value, datetime) else str(value)

    for name, value in found.items():
        if isinstance(value, dict):
            say(f"\n{name.replace('_', ' ')}")
            for key, inner in value.items():
                if inner is not None:
                    say(f"  {key.replace('_', ' ')}: {words(inner)}")
        elif isinstance(value, list):
            say(f"\n{name.replace('_', ' ')}" + ("" if value else ": none"))
            shown = [{key: words(inner) if inner is not None else None for key, inner in row.items()} for row in value]
            print_rows(shown, as_json_lines=False)
        elif value is not None:
            say(f"{name.replace('_', ' ')}: {words(value)}")
