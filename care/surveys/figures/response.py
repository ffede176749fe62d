"""How the asking itself went: who was reached and who answered per channel, what was covered, and how cases closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa

from care.base.statistics import Estimate, share
from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages.tables import message
from care.surveys.figures.period import Period
from care.surveys.figures.valid import main_of, valid_answers
from care.surveys.follow_ups import covered_when, is_covered
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up, survey_case

S = FollowUpState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Invitations about tickets that left in a period through one channel."""

    channel: str
    invited: int
    delivered: int
    answered: int  # in time or late

    @property
    def rate(self) -> Estimate:
        """Return the share of invitations that was answered."""
        return share(self.answered, self.invited)


def response_rates(conn: sa.Connection, period: Period) -> list[Reach]:
    """Return what became of the invitations of a period, per channel."""
    f = follow_up.c
    channel = sa.func.coalesce(message.c.channel, "").label("channel")
    gathered = (
        sa.select(channel, f.delivered_at, f.answered_at)
        .select_from(follow_up.outerjoin(message, message.c.id == f.invite_message_id))
        .where(f.invited_at >= period.since, f.invited_at < period.until)
        .subquery()
    )
    g = gathered.c
    counted = sa.select(
        g.channel,
        sa.func.count().label("invited"),
        sa.func.count(g.delivered_at).label("delivered"),
        sa.func.count(g.answered_at).label("answered"),
    )
    return [
        Reach(channel=row.channel or "not known", invited=row.invited, delivered=row.delivered, answered=row.answered)
        for row in conn.execute(counted.group_by(g.channel).order_by(g.channel))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Resolutions of one commitment in a period, and where their follow-ups stand."""

    commitment: str
    total: int
    covered: int  # invited, called, merged or exempt, in time or not
    covered_in_time: int
    open: int  # not covered, and still in time
    invited: int
    delivered: int
    answered: int
    phone_tasks: int
    merged: int
    exempt: int
    late: int
    call_late: int

    @property
    def in_time(self) -> Estimate:
        """Return the share covered inside the deadline of those whose time has come."""
        return share(self.covered_in_time, self.total - self.open)


def coverage(conn: sa.Connection, period: Period, now: datetime) -> list[Coverage]:
    """Return the follow-ups of what was resolved in a period, per commitment; tests are left out."""
    f, r = follow_up.c, ticket_resolution.c
    counted = {
        "total": sa.true(),
        "covered": is_covered(),
        "covered_in_time": sa.and_(is_covered(), covered_when() <= f.deadline_at),
        "open": sa.and_(sa.not_(is_covered()), f.deadline_at >= now),
        "invited": f.invited_at.is_not(None),
        "delivered": f.delivered_at.is_not(None),
        "answered": f.state == str(S.ANSWERED),
        "phone_tasks": f.state == str(S.PHONE_TASK),
        "merged": f.state == str(S.MERGED),
        "exempt": f.state == str(S.EXEMPT),
        "late": f.is_late,
        "call_late": f.is_call_late,
    }
    query = (
        sa.select(f.commitment, *(_sum(condition).label(name) for name, condition in counted.items()))
        .select_from(follow_up.join(ticket_resolution, f.resolution_id == r.id))
        .where(f.resolved_at >= period.since, f.resolved_at < period.until, r.is_test.is_(sa.false()))
        .group_by(f.commitment)
        .order_by(f.commitment)
    )
    return [
        Coverage(commitment=row["commitment"], **{name: int(row[name]) for name in counted})
        for row in conn.execute(query).mappings()
    ]


def reasons_left_out(conn: sa.Connection, period: Period) -> dict[str, int]:
    """Return why follow-ups of a period were exempt, handed to a person or merged, and how often."""
    f = follow_up.c
    word = sa.case((f.state == str(S.MERGED), "merged into a later ticket"), else_=f.state).label("word")
    listed = sa.select(word, sa.case((f.state == str(S.MERGED), ""), else_=f.reason).label("reason")).where(
        f.resolved_at >= period.since,
        f.resolved_at < period.until,
        f.state.in_([str(S.EXEMPT), str(S.PHONE_TASK), str(S.MERGED), str(S.CLOSED_UNANSWERED)]),
    )
    gathered = listed.subquery()
    counted = sa.select(*gathered.c, sa.func.count().label("n")).group_by(*gathered.c)
    found = {f"{row.word}: {row.reason}" if row.reason else row.word: int(row.n) for row in conn.execute(counted)}
    return {word.replace("_", " "): found[word] for word in sorted(found)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Cases opened in a period for one reason. Hours are medians, None where none was closed."""

    reason: str
    opened: int
    closed: int
    in_time: int  # closed before the customer was told to be called
    overdue: int  # still open after that time
    hours: float | None


def closing_times(conn: sa.Connection, period: Period, now: datetime) -> list[Closing]:
    """Return how cases were worked off, per reason."""
    c = survey_case.c
    wanted = sa.select(c.reason, c.opened_at, c.due_at, c.closed_at).where(
        c.opened_at >= period.since, c.opened_at < period.until
    )
    rows: Sequence[Any] = conn.execute(wanted.order_by(c.id)).all()
    return [_closing(reason, [row for row in rows if row.reason == reason], now) for reason in _words(rows)]


def _words(rows: Sequence[Any]) -> list[str]:
    return sorted({str(row.reason) for row in rows})


def _closing(reason: str, rows: Sequence[Any], now: datetime) -> Closing:
    closed = [row for row in rows if row.closed_at is not None]
    hours = [(row.closed_at - row.opened_at) / timedelta(hours=1) for row in closed]
    return Closing(
        reason=reason,
        opened=len(rows),
        closed=len(closed),
        in_time=sum(row.closed_at <= row.due_at for row in closed),
        overdue=sum(row.closed_at is None and row.due_at < now for row in rows),
        hours=median(hours) if hours else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """Feedback of customers as tickets, per kind: what came in, what was settled, what is open."""

    kind: str
    received: int
    handled: int
    reopened: int
    still_open: int


def handled(conn: sa.Connection, period: Period) -> list[Handled]:
    """Return the tickets opened in a period, per kind, and where they stand now."""
    t = ticket.c
    query = (
        sa.select(
            t.kind,
            sa.func.count().label("received"),
            sa.func.count(t.resolved_at).label("handled"),
            sa.func.count(t.reopened_at).label("reopened"),
        )
        .where(t.opened_at >= period.since, t.opened_at < period.until, t.is_test.is_(sa.false()))
        .group_by(t.kind)
        .order_by(t.kind)
    )
    return [
        Handled(
            kind=row.kind,
            received=row.received,
            handled=row.handled,
            reopened=row.reopened,
            still_open=row.received - row.handled,
        )
        for row in conn.execute(query)
    ]


def handling_pairs(conn: sa.Connection, period: Period) -> list[tuple[float, float]]:
    """Return hours from the customer's call to the resolution, and the score as a share, per valid answer."""
    from_scores = score_pairs(period)
    return [(row.micros / 3_600_000_000, row.score / row.high) for row in conn.execute(from_scores)]


def score_pairs(period: Period) -> sa.Select[tuple[int, int, int]]:
    """Return the query of waits in microseconds, scores and the highest point of their scale."""
    valid = valid_answers(period)
    v = valid.c
    micros = sa.type_coerce(v.resolved_at, sa.BigInteger) - sa.type_coerce(v.called_at, sa.BigInteger)
    high = sa.case((v.scale == "csat10", 10), else_=5).label("high")
    return sa.select(micros.label("micros"), v.score, high).where(main_of(valid), v.called_at.is_not(None))


def _sum(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
