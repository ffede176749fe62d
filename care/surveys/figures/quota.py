"""Valid answers of a quarter against the target: how many, how fast, on which day it is reached, and when to worry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from care.calendars.walltime import load_zone, local_day
from care.surveys.figures.period import Period
from care.surveys.figures.sheet import Count
from care.surveys.figures.valid import SURVEYS_COUNTED
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up

LOOK_BACK = timedelta(days=28)
"""What is called recent: the pace of answers and of invitations."""

RIPE_AFTER = timedelta(days=7)
"""After so long an invitation is answered or never in time; younger ones say nothing about the rate."""

_OPEN = [str(FollowUpState.INVITED), str(FollowUpState.DELIVERED), str(FollowUpState.REMINDED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Invitations lately: those that have had their time, how many of them were answered, and those under way."""

    asked: int = 0
    answered: int = 0
    in_flight: int = 0
    a_day: float = 0.0  # invitations

    @property
    def rate(self) -> float:
        """Return the share of invitations that is answered."""
        return self.answered / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Where a period stands. Forecasts are None where it is over."""

    target: int
    count: Count
    days: int
    days_gone: int
    pace: float  # valid answers a day, lately
    recent: Recent
    reached_on: date | None
    expected_on: date | None  # by the pace; None: not within a year at this pace
    from_in_flight: float | None
    from_to_come: float | None  # of invitations that will still be sent at the recent pace

    @property
    def forecast(self) -> float | None:
        """Return how many valid answers the period will have."""
        if self.from_in_flight is None or self.from_to_come is None:
            return None
        return self.count.in_time + self.from_in_flight + self.from_to_come

    @property
    def needed_a_day(self) -> float:
        """Return how many valid answers each day still to come must bring; 0 when the target is reached."""
        left = self.days - self.days_gone
        missing = max(0, self.target - self.count.in_time)
        return missing / left if left else float(missing)

    @property
    def is_alarm(self) -> bool:
        """Tell whether the target is missed, or will be if all goes on as it does."""
        if self.count.in_time >= self.target:
            return False
        return self.forecast is None or self.forecast < self.target

    @property
    def words(self) -> str:
        """Return where it stands in one sentence."""
        n, target = self.count.in_time, self.target
        if self.reached_on:
            return f"{n:,} of {target:,} valid answers; reached on {self.reached_on}"
        if self.forecast is None:
            return f"{n:,} of {target:,} valid answers; the target was missed by {target - n:,}"
        when = f"expected on {self.expected_on}" if self.expected_on else "not to be expected at this pace"
        verdict = " ALARM: ask more customers, or ask by phone" if self.is_alarm else ""
        return (
            f"{n:,} of {target:,} valid answers after {self.days_gone} of {self.days} days, {self.pace:.1f} a day "
            f"lately ({self.needed_a_day:.1f} needed); {when}; forecast {self.forecast:,.0f}.{verdict}"
        )


def weigh_quota(
    period: Period, by_day: Mapping[date, int], count: Count, recent: Recent, *, target: int, now: datetime
) -> Quota:
    """Return where a period stands at `now`. `by_day` are valid answers in time per local day, days in order."""
    today = local_day(now, load_zone(period.zone))
    gone = min(period.days, max(0, (today - period.first).days))
    left = period.days - gone
    since = max(period.first, today - LOOK_BACK)
    lately = sum(n for day, n in by_day.items() if since <= day < today)
    pace = lately / max(1, (today - since).days)
    is_over = today >= period.end
    return Quota(
        target=target,
        count=count,
        days=period.days,
        days_gone=gone,
        pace=count.in_time / period.days if is_over else pace,
        recent=recent,
        reached_on=_reached_on(by_day, target),
        expected_on=None if is_over else _expected_on(today, target - count.in_time, pace),
        from_in_flight=None if is_over else recent.in_flight * recent.rate,
        from_to_come=None if is_over else max(0.0, left - 1) * recent.a_day * recent.rate,
    )


def _reached_on(by_day: Mapping[date, int], target: int) -> date | None:
    total = 0
    for day, n in by_day.items():
        total += n
        if total >= target:
            return day
    return None


def _expected_on(today: date, missing: int, pace: float) -> date | None:
    if missing <= 0 or pace <= 0 or missing / pace > 366:  # noqa: PLR2004 - more than a year is no date
        return None
    return today + timedelta(days=int(-(-missing // pace)))


def recent_invitations(conn: sa.Connection, now: datetime) -> Recent:
    """Return how invitations about tickets fared lately, and how many are under way."""
    f = follow_up.c
    ripe = now - RIPE_AFTER
    is_answered = sa.and_(f.answered_at.is_not(None), f.answered_at <= f.invited_at + _micros(RIPE_AFTER))
    is_ripe = f.invited_at < ripe
    row = conn.execute(
        sa.select(
            _sum(is_ripe).label("asked"),
            _sum(sa.and_(is_ripe, is_answered)).label("answered"),
            _sum(sa.and_(sa.not_(is_ripe), f.state.in_(_OPEN))).label("in_flight"),
            _sum(f.invited_at >= now - LOOK_BACK).label("lately"),
        ).where(f.invited_at >= ripe - LOOK_BACK, f.invited_at < now, f.survey.in_(SURVEYS_COUNTED))
    ).one()
    return Recent(
        asked=row.asked or 0,
        answered=row.answered or 0,
        in_flight=row.in_flight or 0,
        a_day=(row.lately or 0) / LOOK_BACK.days,
    )


def _sum(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _micros(span: timedelta) -> sa.ColumnElement[int]:
    return sa.literal(int(span / timedelta(microseconds=1)), sa.BigInteger)
