"""Measures taken after customers had spoken: written down, and judged by the answers before and after."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from care.base.statistics import ENOUGH
from care.calendars.walltime import load_zone, local_day
from care.surveys.figures.ballot import Ballot, ends_of
from care.surveys.figures.period import Period, between
from care.surveys.figures.trend import Change
from care.surveys.figures.valid import main_of, valid_answers
from care.surveys.model import Question
from care.surveys.tables import improvement

JUDGED_BY = timedelta(days=90)
"""So long before and after a measure, answers are compared; the day itself counts as after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """One measure. `area` and `kind` say whom it concerned, None: all."""

    theme: str
    measure: str
    in_force_on: date
    by: str
    area: str | None = None
    kind: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A measure with the answers before and after it."""

    improvement: Improvement
    change: Change


def add_improvement(conn: sa.Connection, new: Improvement, *, now: datetime) -> int:
    """Write a measure down and return its number."""
    row = {
        "theme": new.theme,
        "measure": new.measure,
        "area": new.area,
        "kind": new.kind,
        "in_force_on": new.in_force_on,
        "by": new.by,
        "recorded_at": now,
    }
    return int(conn.execute(sa.insert(improvement).values(row).returning(improvement.c.id)).scalar_one())


def list_improvements(conn: sa.Connection, period: Period | None = None) -> list[Improvement]:
    """Return the measures that came into force in a period, or all, oldest first."""
    wanted = sa.select(improvement).order_by(improvement.c.in_force_on, improvement.c.id)
    if period is not None:
        wanted = wanted.where(improvement.c.in_force_on >= period.first, improvement.c.in_force_on < period.end)
    return [
        Improvement(
            id=row.id,
            theme=row.theme,
            measure=row.measure,
            area=row.area,
            kind=row.kind,
            in_force_on=row.in_force_on,
            by=row.by,
        )
        for row in conn.execute(wanted)
    ]


def effects(
    conn: sa.Connection, measures: Sequence[Improvement], *, zone: str, now: datetime, least: int = ENOUGH
) -> list[Effect]:
    """Return each measure with the answers of those it concerned, up to 90 days before and after it."""
    return [Effect(improvement=one, change=_change(conn, one, zone=zone, now=now, least=least)) for one in measures]


def _change(conn: sa.Connection, one: Improvement, *, zone: str, now: datetime, least: int) -> Change:
    day, today = one.in_force_on, local_day(now, load_zone(zone))
    end = min(day + JUDGED_BY, today + timedelta(days=1))
    earlier = _ballot(conn, one, between(day - JUDGED_BY, day, zone))
    later = _ballot(conn, one, between(day, end, zone)) if end > day else Ballot()
    return Change(earlier=earlier, later=later, least=least)


def _ballot(conn: sa.Connection, one: Improvement, period: Period) -> Ballot:
    valid = valid_answers(period)
    v = valid.c
    wanted = sa.select(v.scale, v.score, sa.func.count().label("n")).where(main_of(valid))
    if one.area is not None:
        wanted = wanted.where(v.area == one.area)
    if one.kind is not None:
        wanted = wanted.where(v.kind == one.kind)
    counts: Counter[tuple[int, int, int]] = Counter()
    for row in conn.execute(wanted.group_by(v.scale, v.score)):
        counts[*ends_of(Question.OVERALL, row.scale), row.score] += row.n
    return Ballot(counts)
