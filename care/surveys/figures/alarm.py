"""What the watch asks each hour: has satisfaction fallen by more than chance?"""

from collections import Counter
from datetime import datetime

import sqlalchemy as sa

from care.surveys.figures.ballot import Ballot, ends_of
from care.surveys.figures.trend import BEFORE, RECENT, Change
from care.surveys.model import Question, Survey
from care.surveys.tables import survey_answer


def drop_words(conn: sa.Connection, now: datetime, *, least: int) -> str:
    """Return how satisfaction fell in the last four weeks against the twelve before, '' where it did not.

    Ratings are counted as they stand, without looking at tickets: right enough to have a person look. Every answer of
    sixteen weeks is counted for it.
    """
    change = recent_change(conn, now, least=least)
    return change.words if change.is_drop() else ""


def recent_change(conn: sa.Connection, now: datetime, *, least: int) -> Change:
    """Return ratings of tickets in the last four weeks against the twelve before."""
    a = survey_answer.c
    is_later = sa.case((a.at >= now - RECENT, 1), else_=0).label("is_later")
    rows = (
        sa.select(is_later, a.scale, a.score)
        .where(
            a.at >= now - RECENT - BEFORE,
            a.at < now,
            a.survey == str(Survey.TICKET),
            a.question == str(Question.OVERALL),
            a.score.is_not(None),
            a.superseded_at.is_(None),
        )
        .subquery()
    )
    sides: tuple[Counter[tuple[int, int, int]], ...] = (Counter(), Counter())
    for row in conn.execute(sa.select(*rows.c, sa.func.count().label("n")).group_by(*rows.c)):
        low, high = ends_of(Question.OVERALL, row.scale)
        if low <= row.score <= high:
            sides[row.is_later][low, high, row.score] += row.n
    return Change(earlier=Ballot(sides[0]), later=Ballot(sides[1]), least=least)
