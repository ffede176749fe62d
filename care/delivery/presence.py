"""When the web process was there to hear receipts and replies, and when not: a gap is asked about afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.delivery.incarnation import begin_incarnation, end_incarnation
from care.delivery.tables import incarnation

WEB = "web"
REFUSED = "refused"
"""The role of a row that is no life: a web process was there, and could not keep what it was told."""

SEE_EVERY = timedelta(seconds=15)
SHORTEST_GAP = timedelta(minutes=1)
"""A restart is shorter, and providers repeat a callback that nobody took for about as long."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody heard receipts from `start` to `end`; both known, so it is over."""

    start: datetime
    end: datetime


def gaps_between(lives: Sequence[tuple[datetime, datetime]], *, shortest: timedelta = SHORTEST_GAP) -> list[Gap]:
    """Return the gaps longer than `shortest` between lives, given as (begun, last seen), in any order.

    Lives may overlap.
    """
    found, heard_until = list[Gap](), None
    for begun, seen in sorted(lives):
        if heard_until is not None and begun - heard_until > shortest:
            found.append(Gap(heard_until, begun))
        heard_until = seen if heard_until is None else max(heard_until, seen)
    return found


def deaf_gaps(conn: sa.Connection, *, since: datetime, shortest: timedelta = SHORTEST_GAP) -> list[Gap]:
    """Return the gaps that ended after `since`, earliest first; where no web process ever ran there is none.

    When a web process refused what it was told, that counts however short it was, and whoever else was there.
    """
    lives = sa.select(incarnation.c.started_at, incarnation.c.seen_at).where(incarnation.c.role == WEB)
    lately = [(row.started_at, row.seen_at) for row in conn.execute(lives.where(incarnation.c.seen_at >= since))]
    last = lives.where(incarnation.c.seen_at < since).order_by(incarnation.c.seen_at.desc()).limit(1)
    before = [(row.started_at, row.seen_at) for row in conn.execute(last)]
    refused = sa.select(incarnation.c.started_at, incarnation.c.seen_at).where(
        incarnation.c.role == REFUSED, incarnation.c.seen_at >= since
    )
    told_in_vain = [Gap(row.started_at, row.seen_at) for row in conn.execute(refused)]
    absent = gaps_between([*before, *lately], shortest=shortest)
    return sorted([*absent, *told_in_vain], key=lambda gap: (gap.start, gap.end))


def deaf_since(conn: sa.Connection, now: datetime) -> datetime | None:
    """Return since when no web process has been there, None while one is, and where none ever ran."""
    seen: datetime | None = conn.execute(
        sa.select(sa.func.max(incarnation.c.seen_at)).where(incarnation.c.role == WEB)
    ).scalar()
    return seen if seen is not None and now - seen > SHORTEST_GAP else None


def note_refused(conn: sa.Connection, *, first: datetime, now: datetime) -> None:
    """Enter that since `first` a web process could not keep what it was told; now it can again."""
    end_incarnation(conn, begin_incarnation(conn, REFUSED, first), max(first, now))
