"""All valid answers of a period, counted by everything that reports ask for, in one pass over them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from care.surveys.figures.ballot import Ballot, ends_of
from care.surveys.figures.localtime import day_of, local_day_number, local_hour
from care.surveys.figures.period import Period
from care.surveys.figures.valid import valid_answers
from care.surveys.model import MAIN, Question, Survey


class By(StrEnum):
    """What answers can be grouped by."""

    AREA = "area"
    STAFF = "staff"
    KIND = "kind"
    CHANNEL = "channel"
    HOUR = "hour"  #: of the invitation, by the operator's clock


NOT_KNOWN = ""
"""The group of answers of which it is not known: asked by nobody, about no ticket."""

_DAY = "day"
_ASKED_BEFORE = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """So many equal answers of one group."""

    by: str
    key: str
    survey: Survey
    question: Question
    scale: str | None
    score: int
    is_late: bool
    derived: bool
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Valid answers of one survey: those in time, of which said in words; late ones stand apart."""

    in_time: int = 0
    derived: int = 0
    late: int = 0


class Sheet:
    """Counted answers of one period. Late ones are part of every ballot; only `count` and `by_day` tell them apart."""

    def __init__(self, period: Period, cells: Sequence[Cell]) -> None:
        """Sort the cells by what they are about."""
        self.period = period
        self._cells: dict[tuple[str, Survey, Question], list[Cell]] = defaultdict(list)
        for cell in cells:
            self._cells[cell.by, cell.survey, cell.question].append(cell)

    def ballot(self, question: Question, survey: Survey = Survey.TICKET) -> Ballot:
        """Return all answers to a question."""
        return _ballot(self._cells["", survey, question])

    def groups(self, by: By, question: Question = Question.OVERALL) -> dict[str, Ballot]:
        """Return the answers about tickets per group, groups in order; `NOT_KNOWN` last."""
        grouped: dict[str, list[Cell]] = defaultdict(list)
        for cell in self._cells[str(by), Survey.TICKET, question]:
            grouped[cell.key].append(cell)
        keys = sorted(grouped, key=lambda key: (key == NOT_KNOWN, key.zfill(2) if by is By.HOUR else key))
        return {key: _ballot(grouped[key]) for key in keys}

    def by_day(self) -> dict[date, Ballot]:
        """Return the answers to the overall question per local day, days in order."""
        grouped: dict[date, list[Cell]] = defaultdict(list)
        for cell in self._cells[_DAY, Survey.TICKET, Question.OVERALL]:
            grouped[day_of(int(cell.key))].append(cell)
        return {day: _ballot(grouped[day]) for day in sorted(grouped)}

    def in_time_by_day(self) -> dict[date, int]:
        """Return how many valid answers about tickets came in time per local day, days in order."""
        found: Counter[date] = Counter()
        for cell in self._cells[_DAY, Survey.TICKET, Question.OVERALL]:
            found[day_of(int(cell.key))] += 0 if cell.is_late else cell.n
        return {day: found[day] for day in sorted(found)}

    def count(self, survey: Survey = Survey.TICKET) -> Count:
        """Return how many valid answers a survey has."""
        cells = self._cells["", survey, MAIN[survey]]
        in_time = [cell for cell in cells if not cell.is_late]
        return Count(
            in_time=sum(cell.n for cell in in_time),
            derived=sum(cell.n for cell in in_time if cell.derived),
            late=sum(cell.n for cell in cells if cell.is_late),
        )


def read_sheet(conn: sa.Connection, period: Period) -> Sheet:
    """Return the counted answers of a period, by one statement."""
    return Sheet(period, list(_cells(conn, period)))


def _cells(conn: sa.Connection, period: Period) -> Iterator[Cell]:
    valid = valid_answers(period)
    parts = [_part(valid, name, key) for name, key in _keys(valid, period).items()]
    for row in conn.execute(sa.union_all(*parts)):
        yield Cell(
            by=row.by,
            key=row.key,
            survey=Survey(row.survey),
            question=Question(row.question),
            scale=row.scale,
            score=row.score,
            is_late=bool(row.is_late),
            derived=bool(row.derived),
            n=row.n,
        )


def _keys(valid: Any, period: Period) -> Mapping[str, sa.ColumnElement[Any]]:
    v = valid.c
    stretch = (period.zone, period.since, period.until)
    asked = (period.zone, period.since - _ASKED_BEFORE, period.until)
    return {
        "": sa.literal_column("''"),
        str(By.AREA): sa.func.coalesce(v.area, NOT_KNOWN),
        str(By.STAFF): sa.func.coalesce(v.staff, NOT_KNOWN),
        str(By.KIND): sa.func.coalesce(v.kind, NOT_KNOWN),
        str(By.CHANNEL): v.channel,
        str(By.HOUR): sa.func.coalesce(sa.cast(local_hour(v.invited_at, *asked), sa.Text), NOT_KNOWN),
        _DAY: sa.cast(local_day_number(v.at, *stretch), sa.Text),
    }


def _part(valid: Any, name: str, key: sa.ColumnElement[Any]) -> sa.Select[Any]:
    same = ("survey", "question", "scale", "score", "is_late", "derived")
    keyed = sa.select(key.label("key"), *(valid.c[column] for column in same)).subquery()
    by: sa.ColumnElement[str] = sa.literal_column(f"'{name}'").label("by")
    return sa.select(by, *keyed.c, sa.func.count().label("n")).group_by(*keyed.c)


def _ballot(cells: Sequence[Cell]) -> Ballot:
    counts: Counter[tuple[int, int, int]] = Counter()
    for cell in cells:
        counts[*ends_of(cell.question, cell.scale), cell.score] += cell.n
    return Ballot(counts)
