"""What is known to differ: accepted by somebody with a reason, or sent outside the ledger as the proof of a campaign.

Each acceptance is kept for good among the incidents, as one that was never open, so `care incidents --all` lists it.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import sqlalchemy as sa

from care.watch.rules import ACCEPTED, LONGEST
from care.watch.tables import incident


def accept(conn: sa.Connection, what: Mapping[str, int], *, words: str, now: datetime) -> None:
    """Keep what differs for a known reason: references at a provider, 1 each, or `sums_of` a day's own books."""
    row = {"rule": ACCEPTED, "words": words[:LONGEST], "parts": dict(what)}
    conn.execute(sa.insert(incident).values(**row, opened_at=now, counts_from=now, seen_at=now, closed_at=now))


def note_outside(conn: sa.Connection, refs: Collection[str], *, what: str, by: str, now: datetime) -> None:
    """Keep the references of what was sent outside the ledger: its provider lists it among our messages."""
    if named := [ref for ref in refs if ref]:
        accept(conn, dict.fromkeys(named, 1), words=f"sent outside the ledger by {by}: {what}", now=now)


def accepted(conn: sa.Connection) -> dict[str, int]:
    """Return everything that was ever accepted, the most of each."""
    found = dict[str, int]()
    for parts in conn.execute(sa.select(incident.c.parts).where(incident.c.rule == ACCEPTED)).scalars():
        found |= {what: max(size, found.get(what, 0)) for what, size in parts.items()}
    return found


def sums_of(day: date, found: Mapping[str, int]) -> dict[str, int]:
    """Return what a day's own books found wrong under the names that are accepted."""
    return {f"{day} {kind}": count for kind, count in found.items()}


def is_accepted(conn: sa.Connection, day: date, found: Mapping[str, int]) -> bool:
    """Tell whether all that a day's own books found wrong was accepted, and it is no more than that."""
    known = accepted(conn)
    return all(count <= known.get(what, 0) for what, count in sums_of(day, found).items())
