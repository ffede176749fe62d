"""`care tickets reconcile`: the ticket system's own list against what we were told."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from care.customers.tickets.reconcile import Comparison

_SHOWN = 20
_TITLES = {
    "never_heard": "never heard of",
    "open_here": "open here",
    "resolved_again": "resolved again later than we heard",
}


def reconcile(
    file: Path = typer.Argument(help="Ids of resolved tickets, one a line, or a CSV with id and perhaps resolved_at."),
    since: str = typer.Option("", "--since", metavar="D", help="Only tickets resolved since: 2w, 1d, or a day."),
    gap: Path | None = typer.Option(
        None, "--csv", metavar="FILE", help="Write the gap to a CSV: id, resolved_at, gap."
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Compare the ticket system's list of resolved tickets with ours; changes nothing.

    Tells which we never heard of, which we hold as open, and which the list does not have (where --since or its times
    say what time it is of). Exit 0: we know them all. Exit 1: there is a gap. Exit 2: the file cannot be used.
    """
    from zoneinfo import ZoneInfo

    from care.bootstrap import build_services
    from care.cli.output import print_json
    from care.cli.times import read_since
    from care.customers.importing.ticket_list import read_ticket_list

    services = build_services()
    zone = services.settings.operator.timezone
    start = read_since("--since", since, now=services.clock.now(), zone=zone) if since else None
    listed = read_ticket_list(file, ZoneInfo(zone))
    found = _compared(services.engine, listed, start)
    if gap is not None:
        _write_gap(gap, found)
    if json:
        print_json(_as_dict(found))
    else:
        _tell(found)
    if found.has_gap:
        raise typer.Exit(1)


def _compared(engine: Any, listed: dict[str, datetime | None], since: datetime | None) -> "Comparison":
    from care.base.database import plain_errors, read
    from care.customers.tickets.reconcile import Stand, compare
    from care.customers.tickets.store import moments_of

    start = since or min((at for at in listed.values() if at), default=None)
    with plain_errors(engine), read(engine) as conn:
        rows = moments_of(conn)
    known = {row.external_id: Stand(resolved_at=row.resolved_at, last_resolved_at=row.last_resolved_at) for row in rows}
    ours = [
        name
        for name, one in known.items()
        if start is not None and one.last_resolved_at is not None and one.last_resolved_at >= start
    ]
    return compare(listed, known, ours=ours, since=since)


def _as_dict(found: "Comparison") -> dict[str, Any]:
    return {
        "listed": found.listed,
        "same": found.same,
        **{str(gap): sorted(names) for gap, names in found.gaps.items()},
        "only_here": list(found.only_here),
    }


def _tell(found: "Comparison") -> None:
    from care.cli.output import counted, say

    say(f"{counted(found.listed, 'ticket')} in the list, {found.same:,} as here")
    parts = [*((_TITLES[gap], sorted(names)) for gap, names in found.gaps.items())]
    for title, names in [*parts, ("here, and not in the list", list(found.only_here))]:
        more = f" … and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        say(f"{title}: {len(names):,}" + (f": {', '.join(names[:_SHOWN])}{more}" if names else ""))


def _write_gap(path: Path, found: "Comparison") -> None:
    import csv

    from care.customers.importing.rejects import guard

    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "resolved_at", "gap"])
        for gap, names in found.gaps.items():
            for name, at in sorted(names.items()):
                writer.writerow([guard(name), at.isoformat() if at else "", str(gap)])
