"""When the web process was there to hear receipts, and when it was not: a gap is asked about afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.delivery.tables import incarnation

WEB = "web"
SEE_EVERY = timedelta(seconds=15)
SHORTEST_GAP = timedelta(minutes=1)
"""A restart is shorter, and providers repeat a callback that nobody took for about as long."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody heard receipts from `start` to `end`; both known, so it is over."""

    start: datetime
    end: datetime


def gaps_between(lives: Sequence[tuple[datetime, datetime]]) -> list[Gap]:
    """Return the gaps between lives, given as (begun, last seen), in any order; lives may overlap."""
    found, heard_until = list[Gap](), None
    for begun, seen in sorted(lives):
        if heard_until is not None and begun - heard_until > SHORTEST_GAP:
            found.append(Gap(heard_until, begun))
        heard_until = seen if heard_until is None else max(heard_until, seen)
    return found


def deaf_gaps(conn: sa.Connection, *, since: datetime) -> list[Gap]:
    """Return the gaps that ended after `since`; where no web process ever ran there is none."""
    lives = sa.select(incarnation.c.started_at, incarnation.c.seen_at).where(incarnation.c.role == WEB)
    lately = [(row.started_at, row.seen_at) for row in conn.execute(lives.where(incarnation.c.seen_at >= since))]
    last = lives.where(incarnation.c.seen_at < since).order_by(incarnation.c.seen_at.desc()).limit(1)
    before = [(row.started_at, row.seen_at) for row in conn.execute(last)]
    return gaps_between([*before, *lately])
