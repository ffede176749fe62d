"""Everything that the answers of a period say, gathered in one reading transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.statistics import Correlation, spearman
from care.calendars.walltime import load_zone, local_day
from care.surveys.figures.asked import Asked, asked_by_survey
from care.surveys.figures.comparing import Group, compare
from care.surveys.figures.improvements import Effect, effects, list_improvements
from care.surveys.figures.period import Period
from care.surveys.figures.quota import Quota, recent_invitations, weigh_quota
from care.surveys.figures.response import (
    Closing,
    Coverage,
    Handled,
    Reach,
    closing_times,
    coverage,
    handled,
    handling_pairs,
    reasons_left_out,
    response_rates,
)
from care.surveys.figures.sheet import By, Sheet, read_sheet
from care.surveys.figures.trend import Change, Point, by_month, by_week, latest_change
from care.surveys.model import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFigures:
    """The figures of a period. `least` answers are needed for one to be printed."""

    period: Period
    now: datetime
    least: int
    sheet: Sheet
    quota: Quota
    groups: Mapping[By, Sequence[Group]]
    weeks: Sequence[Point]
    months: Sequence[Point]
    latest: Change  # the last four weeks of the period against the twelve before
    against_before: Change  # the period against the one before it
    correlation: Correlation | None  # of waiting and score
    reach: Sequence[Reach]
    asked: Sequence[Asked]
    coverage: Sequence[Coverage]
    left_out: Mapping[str, int]
    closings: Sequence[Closing]
    handled: Sequence[Handled]
    effects: Sequence[Effect]


def survey_figures(conn: sa.Connection, period: Period, *, target: int, least: int, now: datetime) -> SurveyFigures:
    """Return the figures of a period as they are known at `now`."""
    sheet = read_sheet(conn, period)
    days = sheet.by_day()
    last = min(period.end, local_day(now, load_zone(period.zone)))
    earlier = read_sheet(conn, period.before())
    return SurveyFigures(
        period=period,
        now=now,
        least=least,
        sheet=sheet,
        quota=weigh_quota(
            period, sheet.in_time_by_day(), sheet.count(), recent_invitations(conn, now), target=target, now=now
        ),
        groups={by: compare(sheet.groups(by), least=least) for by in By},
        weeks=by_week(days),
        months=by_month(days),
        latest=latest_change({**earlier.by_day(), **days}, last, least=least),
        against_before=Change(
            earlier=earlier.ballot(Question.OVERALL), later=sheet.ballot(Question.OVERALL), least=least
        ),
        correlation=spearman(handling_pairs(conn, period)),
        reach=response_rates(conn, period),
        asked=asked_by_survey(conn, period),
        coverage=coverage(conn, period, now),
        left_out=reasons_left_out(conn, period),
        closings=closing_times(conn, period, now),
        handled=handled(conn, period),
        effects=effects(conn, list_improvements(conn, period), zone=period.zone, now=now, least=least),
    )
