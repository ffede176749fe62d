"""`care surveys followup`: was everybody asked, and who was forgotten."""

import csv
import os
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from care.cli.output import as_json, print_json, print_rows, say

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from care.bootstrap import Services
    from care.surveys.ledger import Entry, Standing

app = typer.Typer()

SINCE = typer.Option("30d", "--since", metavar="D", help="Resolved since then: a span (30d) or a day.")
UNTIL = typer.Option(None, "--until", metavar="DAY", help="Last day of the resolutions; today by default.")


@app.command()
def followup(
    *,
    since: str = SINCE,
    until: str | None = UNTIL,
    gaps: bool = typer.Option(False, "--gaps", help="Only the list of what is missing, by name."),
    late: bool = typer.Option(False, "--late", help="Only the list of what was too late."),
    phone_tasks: Path | None = typer.Option(None, metavar="FILE.csv", help="Write the calls still to make to a file."),
    csv: bool = typer.Option(False, "--csv", help="Every resolution as CSV."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the follow-up of every resolved ticket: states, coverage, promises kept, and what is missing.

    Exit 0: nobody was forgotten. Exit 1: a gap stands. With --phone-tasks: exit 0, the file is written; fill it in and
    give it to care import answers.
    """
    from care.base.database import read
    from care.bootstrap import build_services
    from care.inbound.events.store import hidden_resolutions
    from care.surveys import ledger
    from care.surveys.promised import promised_by

    services = build_services()
    if phone_tasks is not None:
        _write_calls(services, phone_tasks, json=json)
        return
    now = services.clock.now()
    first, end = _span(services, since, until)
    with read(services.engine) as conn:
        promised = promised_by(services.campaigns)
        found = ledger.standing(conn, since=first, until=end, now=now, promised=promised)
        chosen = ledger.late(conn, since=first, until=end) if late else ledger.entries(conn, since=first, until=end)
        hidden = hidden_resolutions(conn, since=first, until=end)
        rows = list(found.gaps) if gaps else (list(chosen) if late or csv else [])
    zone = services.settings.operator.timezone
    if csv:
        _print_csv(rows)
    elif gaps or late:
        print_rows((_as_row(row, zone, now, plain=json) for row in rows), as_json_lines=json)
        if not rows and not json:
            say(
                "no gap: everybody whose time has come was asked, called, merged or exempt"
                if gaps
                else "nothing was late"
            )
    elif json:
        print_json(_as_object(found, zone, now) | {"waiting_for_repair": hidden})
    else:
        _tell(found, zone, now)
        if hidden:
            say(
                f"not counted: {hidden:,} resolutions that cannot be used yet. See: care tickets events --state waiting"
            )
    if found.gaps:
        raise typer.Exit(1)


def _span(services: "Services", since: str, until: str | None) -> "tuple[datetime, datetime]":
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from care.base.errors import InputError
    from care.cli.times import read_day, read_since

    now, zone = services.clock.now(), services.settings.operator.timezone
    end = now + timedelta(days=1)
    if until is not None:
        day = read_day("--until", until) + timedelta(days=1)
        end = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    first = read_since("--since", since, now=now, zone=zone)
    if first >= end:
        when = f"after --until {until}" if until is not None else "still to come"
        raise InputError(f"--since {since}: is {when}. Name an earlier day")
    return first, end


def _tell(found: "Standing", zone: str, now: "datetime") -> None:
    from care.surveys.model import FollowUpState as S

    if not found.total:
        say("no ticket was resolved in this time")
        return
    counts = {str(state): found.count(state) for state in S}
    counts |= {"not taken on yet": found.missing} if found.missing else {}
    rows = [{"state": word, "count": n, "share": _share(n / found.total)} for word, n in counts.items()]
    print_rows(rows, as_json_lines=False)
    coverage = _share(found.coverage) if found.coverage is not None else "not due yet"
    whole = f"{found.decided:,} whose time has come"
    say(f"coverage {coverage}: {found.covered:,} of {whole}; {found.open:,} are still in time")
    if found.coverage_in_time is not None:
        say(f"covered in time {_share(found.coverage_in_time)}: {found.covered_in_time:,} of {whole}")
    say(
        f"invited {found.invited:,}, delivered {found.delivered:,}, answered {found.count(S.ANSWERED):,}, "
        f"exempt {found.count(S.EXEMPT):,}, merged {found.count(S.MERGED):,}, calls {found.count(S.PHONE_TASK):,}; "
        f"of {found.total:,} resolved: asked recently {_recently(found):,}"
    )
    for (state, reason), count in sorted(found.reasons.items()):
        say(f"  {state}: {reason}: {count:,}")
    for one in found.in_time:
        share = "nothing decided yet" if one.share is None else f"{_share(one.share)} in time"
        source = f"; source: {one.source}" if one.source else ""
        say(f"{one.name}: {share} ({one.kept:,} kept, {one.late:,} late, {one.open:,} open){source}")
    if found.gaps:
        say(f"missing ({len(found.gaps):,}):")
        print_rows((_as_row(row, zone, now, plain=False) for row in found.gaps), as_json_lines=False)


def _recently(found: "Standing") -> int:
    from care.surveys.exemptions import ASKED_RECENTLY
    from care.surveys.model import FollowUpState

    return found.reasons.get((FollowUpState.EXEMPT, ASKED_RECENTLY), 0)


def _share(part: float) -> str:
    """Return a share for people; what is not whole never reads 100 %."""
    return f"{part:.1%}" if part in (0.0, 1.0) else f"{min(part, 0.999):.1%}"


def _as_row(entry: "Entry", zone: str, now: "datetime", *, plain: bool) -> dict[str, Any]:
    from care.cli.times import local

    def at(instant: "datetime | None") -> Any:
        return instant if plain else local(instant, zone)

    return {
        "day": local(entry.resolved_at, zone)[:10],
        "ref": entry.ref,
        "customer": entry.customer,
        "kind": entry.kind,
        "resolved_at": at(entry.resolved_at),
        "deadline_at": at(entry.deadline_at),
        "covered_at": at(entry.covered_at),
        "state": entry.state or "",
        "why": entry.gap(now) or entry.reason,
    }


def _as_object(found: "Standing", zone: str, now: "datetime") -> dict[str, Any]:
    from care.surveys.model import FollowUpState as S
    from care.surveys.promised import in_time_object

    return {
        "resolved": found.total,
        "states": {str(state): found.count(state) for state in S},
        "not_taken_on": found.missing,
        "covered": found.covered,
        "open": found.open,
        "coverage": found.coverage,
        "covered_in_time": found.covered_in_time,
        "coverage_in_time": found.coverage_in_time,
        "adds_up": found.adds_up,
        "invited": found.invited,
        "delivered": found.delivered,
        "answered": found.count(S.ANSWERED),
        "exempt": {reason: count for (state, reason), count in found.reasons.items() if state is S.EXEMPT},
        "phone_tasks": {reason: count for (state, reason), count in found.reasons.items() if state is S.PHONE_TASK},
        "merged": found.count(S.MERGED),
        "in_time": [in_time_object(one) for one in found.in_time],
        "gaps": [_as_row(row, zone, now, plain=True) for row in found.gaps],
    }


def _print_csv(rows: "Iterable[Entry]") -> None:
    from care.surveys.ledger import Entry

    names = [field.name for field in fields(Entry)]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])


def _cell(value: Any) -> str:
    from care.customers.importing.rejects import guard

    if value is None:
        return ""
    return guard(value.isoformat() if hasattr(value, "isoformat") else str(value))


def _by_the_clock(value: Any, zone: "ZoneInfo") -> Any:
    """Return an instant as people at telephones read it, to the minute; anything else as it is."""
    return value.astimezone(zone).isoformat(timespec="minutes") if hasattr(value, "astimezone") else value


def _write_calls(services: "Services", path: Path, *, json: bool) -> None:
    """Write the calls to make to a file that only its owner may read: names and numbers are in it."""
    from zoneinfo import ZoneInfo

    from care.base.database import read, write
    from care.base.errors import UnavailableError
    from care.surveys import phone_tasks
    from care.surveys.phone_answers import ANSWER_COLUMNS

    with read(services.engine) as conn:
        calls = list(phone_tasks.open_tasks(conn))
    names = [field.name for field in fields(phone_tasks.PhoneTask)]
    zone = ZoneInfo(services.settings.operator.timezone)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*names, *ANSWER_COLUMNS])
            for call in calls:
                cells = [_by_the_clock(getattr(call, name), zone) for name in names]
                writer.writerow([*map(_cell, cells), *("" for _ in ANSWER_COLUMNS)])
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be written ({error.strerror}). Choose another place") from None
    with write(services.engine) as conn:
        phone_tasks.mark_exported(conn, [call.ref for call in calls], now=services.clock.now())
    if json:
        typer.echo(as_json({"calls": len(calls), "file": str(path)}))
    else:
        say(f"{len(calls):,} calls to make: {path}. Fill in the last columns, then: care import answers {path}")
