"""The ledger of the follow-up: every resolution in exactly one state, what is missing by name, what was in time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.surveys.follow_ups import covered_when, is_covered, waits_behind
from care.surveys.model import FollowUpState
from care.surveys.promised import NOTHING, InTime, Promised, kept_promises
from care.surveys.tables import follow_up

TAKEN_ON_WITHIN = timedelta(minutes=15)
"""A resolution without a follow-up after that tells that the job does not run, or that a campaign is broken."""

NOT_TAKEN_ON = "not_taken_on"
NOT_ASKED = "not_asked"
NOT_CALLED = "not_called"
_S = FollowUpState
_OWED: Mapping[FollowUpState, str] = {_S.DUE: NOT_ASKED, _S.PHONE_TASK: NOT_CALLED}
"""What is missing once the deadline is over, per state in which somebody is still owed a question or a call."""
_r = ticket_resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resolution and where its follow-up stands; `state` is None where it has none."""

    ref: str
    ticket: str
    customer: str
    kind: str
    area: str
    staff: str
    resolved_at: datetime
    state: FollowUpState | None
    reason: str
    commitment: str
    due_at: datetime | None
    deadline_at: datetime | None
    covered_at: datetime | None
    is_late: bool
    is_call_late: bool
    owed: str  # what the customer still waits for, with what is merged for what stands for it; '' for nothing

    def gap(self, now: datetime) -> str:
        """Return what is missing although its time has passed, '' where nothing is."""
        if self.state is None:
            return NOT_TAKEN_ON
        is_over = self.deadline_at is not None and self.deadline_at < now
        return self.owed if is_over else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The follow-up of some days."""

    total: int  # resolutions
    by_state: Mapping[FollowUpState, int]
    missing: int  # resolutions that have no follow-up yet, also those that came this minute
    owed: int  # follow-ups whose customer waits for a question or a call, merged ones with what stands for them
    reasons: Mapping[tuple[FollowUpState, str], int]  # of exemptions and phone tasks
    invited: int
    delivered: int
    covered_in_time: int  # covered inside the deadline that counts from the resolution
    in_time: Sequence[InTime]
    gaps: Sequence[Entry]

    @property
    def open(self) -> int:
        """Return how many are not covered, and need not be yet."""
        return self.owed + self.missing - len(self.gaps)

    @property
    def covered(self) -> int:
        """Return how many are asked, called, merged or exempt, in time or not."""
        return self.total - self.open - len(self.gaps)

    @property
    def coverage(self) -> float | None:
        """Return the share covered of those whose time has come, None where there is none."""
        return self.covered / self.decided if self.decided else None

    @property
    def coverage_in_time(self) -> float | None:
        """Return the share covered inside its deadline of those whose time has come, None where there is none."""
        return self.covered_in_time / self.decided if self.decided else None

    @property
    def decided(self) -> int:
        """Return how many are covered, or ought to be."""
        return self.covered + len(self.gaps)

    @property
    def adds_up(self) -> bool:
        """Tell whether every resolution is counted exactly once."""
        return sum(self.by_state.values()) + self.missing == self.total

    def count(self, state: FollowUpState) -> int:
        """Return how many stand in a state."""
        return self.by_state.get(state, 0)


def standing(
    conn: sa.Connection, *, since: datetime, until: datetime, now: datetime, promised: Promised = NOTHING
) -> Standing:
    """Return the follow-up of what was resolved from `since` to before `until`; `promised` names what was promised."""
    mine = _in_span(since, until)
    total = conn.execute(sa.select(sa.func.count()).select_from(_r).where(mine)).scalar_one()
    joined = _r.join(follow_up, follow_up.c.resolution_id == _r.c.id)
    states = sa.select(follow_up.c.state, follow_up.c.reason, sa.func.count().label("n")).select_from(joined)
    by_state: dict[FollowUpState, int] = {}
    reasons: dict[tuple[FollowUpState, str], int] = {}
    for row in conn.execute(states.where(mine).group_by(follow_up.c.state, follow_up.c.reason)):
        state = _S(row.state)
        by_state[state] = by_state.get(state, 0) + row.n
        if state in (_S.EXEMPT, _S.PHONE_TASK):
            reasons[state, row.reason] = row.n
    kept = sa.and_(is_covered(), covered_when() <= follow_up.c.deadline_at)
    asked = sa.select(
        sa.func.count(follow_up.c.invited_at),
        sa.func.count(follow_up.c.delivered_at),
        sa.func.count(sa.case((kept, 1))),
        sa.func.count(sa.case((sa.not_(is_covered()), 1))),
    )
    invited, delivered, covered_in_time, owed = conn.execute(asked.select_from(joined).where(mine)).one()
    without = sa.select(sa.func.count()).select_from(_r.outerjoin(follow_up, follow_up.c.resolution_id == _r.c.id))
    missing = conn.execute(without.where(mine, follow_up.c.id.is_(None))).scalar_one()
    return Standing(
        total=int(total),
        by_state=by_state,
        missing=int(missing),
        owed=int(owed),
        reasons=reasons,
        invited=int(invited),
        delivered=int(delivered),
        covered_in_time=int(covered_in_time),
        in_time=kept_promises(conn, promised, mine, now=now),
        gaps=list(gaps(conn, since=since, until=until, now=now)),
    )


def gaps(conn: sa.Connection, *, since: datetime, until: datetime, now: datetime) -> Iterator[Entry]:
    """Yield what is neither asked, called, merged nor exempt although it ought to be, the oldest first."""
    owed = sa.or_(follow_up.c.state.in_([str(state) for state in _OWED]), waits_behind())
    overdue = sa.and_(owed, follow_up.c.deadline_at < now)
    forgotten = sa.and_(follow_up.c.id.is_(None), _r.c.recorded_at < now - TAKEN_ON_WITHIN)
    yield from _entries(conn, _in_span(since, until), sa.or_(overdue, forgotten))


def late(conn: sa.Connection, *, since: datetime, until: datetime) -> Iterator[Entry]:
    """Yield what was covered too late, or is not yet, by either promise."""
    yield from _entries(conn, _in_span(since, until), sa.or_(follow_up.c.is_late, follow_up.c.is_call_late))


def entries(conn: sa.Connection, *, since: datetime, until: datetime) -> Iterator[Entry]:
    """Yield every resolution of the span."""
    yield from _entries(conn, _in_span(since, until))


def _in_span(since: datetime, until: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_r.c.resolved_at >= since, _r.c.resolved_at < until)


def _entries(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> Iterator[Entry]:
    f = follow_up.c
    query = (
        sa.select(
            _r.c.external_id,
            ticket.c.external_id.label("ticket"),
            customer.c.external_id.label("customer"),
            *(_r.c[name] for name in ("kind", "area", "staff", "resolved_at")),
            *(f[name] for name in ("state", "reason", "commitment", "due_at", "deadline_at")),
            sa.case((is_covered(), covered_when())).label("covered_at"),
            f.is_late,
            f.is_call_late,
            sa.case(*((waits_behind(state), word) for state, word in _OWED.items()), else_="").label("owed_there"),
        )
        .select_from(
            _r.join(ticket, ticket.c.id == _r.c.ticket_id)
            .outerjoin(customer, customer.c.id == _r.c.customer_id)
            .outerjoin(follow_up, f.resolution_id == _r.c.id)
        )
        .where(*where)
        .order_by(_r.c.resolved_at, _r.c.id)
    )
    for row in conn.execute(query):
        yield _entry(row)


def _entry(row: Any) -> Entry:
    return Entry(
        ref=row.external_id,
        ticket=row.ticket,
        customer=row.customer or "",
        kind=row.kind,
        area=row.area or "",
        staff=row.staff or "",
        resolved_at=row.resolved_at,
        state=_S(row.state) if row.state else None,
        reason=row.reason or "",
        commitment=row.commitment or "",
        due_at=row.due_at,
        deadline_at=row.deadline_at,
        covered_at=row.covered_at,
        is_late=bool(row.is_late),
        is_call_late=bool(row.is_call_late),
        owed=_OWED.get(row.state, "") or row.owed_there,
    )
