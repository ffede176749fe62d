"""Whatever happens, in whatever order: every follow-up is in exactly one legal state, and nobody is asked twice."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from care.base.database import metadata, read, write
from care.customers.tickets.tables import ticket, ticket_resolution
from care.surveys.follow_ups import move_follow_ups
from care.surveys.ledger import standing
from care.surveys.model import NEXT_STATE, FollowUpState
from care.surveys.phone_tasks import settle
from care.surveys.tables import follow_up
from tests.factories import make_suppression
from tests.house import House
from tests.surveys.conftest import FollowUps
from tests.surveys.factories_tickets import answer, reopen, resolve

PHONES = ("+8613900000001", "+8613900000002", None)
KINDS = st.sampled_from(["repair", "repair", "complaint", "installation", "inquiry"])


def reachable(state: str) -> set[str]:
    """Return every state that legal moves lead to."""
    found, todo = {state}, [FollowUpState(state)]
    while todo:
        for target in NEXT_STATE[todo.pop()] - {FollowUpState(one) for one in found}:
            found.add(str(target))
            todo.append(target)
    return found


class Following(RuleBasedStateMachine):
    """A few customers whose tickets come and go."""

    house: House
    follow_ups: FollowUps

    def __init__(self) -> None:
        super().__init__()
        with write(self.house.engine) as conn:
            for table in reversed(metadata.sorted_tables):
                conn.execute(sa.delete(table))
        self.before: dict[str, str] = {}
        self.customers = [self.follow_ups.customer(phone=phone) for phone in PHONES]

    @rule(who=st.integers(0, 2), kind=KINDS, ago=st.integers(0, 30), is_test=st.booleans())
    def resolve_new(self, who, kind, ago, is_test) -> None:
        at = self.follow_ups.now - timedelta(hours=ago)
        self.follow_ups.resolved(self.customers[who], kind=kind, at=at, is_test=is_test and ago > 20)

    @rule(n=st.integers(0, 9))
    def reopen_one(self, n) -> None:
        with write(self.house.engine) as conn:
            ids = conn.execute(sa.select(ticket.c.id).where(ticket.c.resolved_at.is_not(None))).scalars().all()
            if ids:
                reopen(conn, ids[n % len(ids)], at=self.follow_ups.now)

    @rule(n=st.integers(0, 9))
    def resolve_again(self, n) -> None:
        with write(self.house.engine) as conn:
            ids = conn.execute(sa.select(ticket.c.id).where(ticket.c.resolved_at.is_(None))).scalars().all()
            if ids:
                resolve(conn, ids[n % len(ids)], at=self.follow_ups.now)

    @rule(n=st.integers(0, 9), overall=st.integers(1, 5), solved=st.sampled_from([None, 0, 1]))
    def answer_one(self, n, overall, solved) -> None:
        rows = [one for one in self.follow_ups.all() if one.invited_at is not None]
        if rows:
            with write(self.house.engine) as conn:
                answer(conn, rows[n % len(rows)], self.follow_ups.now, overall=overall, solved=solved)

    @rule(n=st.integers(0, 9), outcome=st.sampled_from(["not_reached", "refused"]))
    def record_a_call(self, n, outcome) -> None:
        rows = [one for one in self.follow_ups.all() if one.state == "phone_task"]
        if rows:
            one, now = rows[n % len(rows)], self.follow_ups.now
            with write(self.house.engine) as conn:
                move_follow_ups(conn, [one.id], FollowUpState.CLOSED_UNANSWERED, now=now, reason=outcome)
                settle(conn, one.id, outcome, now=now)

    @rule(n=st.integers(0, 1))
    def opt_out(self, n) -> None:
        with write(self.house.engine) as conn:
            make_suppression(conn, address=str(PHONES[n]), scope="survey", at=self.follow_ups.now)

    @rule(hours=st.sampled_from([1, 3, 7, 15, 40]))
    def pass_time(self, hours) -> None:
        self.house.clock.advance(timedelta(hours=hours))

    @rule()
    def tick(self) -> None:
        self.follow_ups.tick()
        assert self.house.plan().planned == 0, "planning twice plans nothing"
        with read(self.house.engine) as conn:
            todo = sa.select(sa.func.count()).select_from(ticket_resolution)
            assert conn.execute(todo.where(ticket_resolution.c.followed_up_at.is_(None))).scalar_one() == 0

    @invariant()
    def moves_only_along_the_arrows(self) -> None:
        now = {one.external_id: one.state for one in self.follow_ups.all()}
        for ref, state in self.before.items():
            assert now[ref] in reachable(state), (ref, state, now[ref])
        self.before = now

    @invariant()
    def what_nobody_asked_or_called_is_not_covered(self) -> None:
        rows = self.follow_ups.all()
        waiting = {one.id for one in rows if one.state in ("due", "phone_task")}
        owed = [one for one in rows if one.id in waiting or one.merged_into in waiting]
        assert all(one.covered_at is not None for one in rows if one not in owed)
        now = self.follow_ups.now
        with read(self.house.engine) as conn:
            found = standing(conn, since=now - timedelta(days=400), until=now + timedelta(days=1), now=now)
        assert found.covered == len(rows) - len(owed)
        overdue = {one.external_id for one in owed if one.deadline_at < now}
        assert overdue == {gap.ref for gap in found.gaps if gap.state is not None}

    @invariant()
    def adds_up(self) -> None:
        with read(self.house.engine) as conn:
            span = {
                "since": self.follow_ups.now - timedelta(days=400),
                "until": self.follow_ups.now + timedelta(days=1),
            }
            found = standing(conn, **span, now=self.follow_ups.now)
            assert found.adds_up
            behind = follow_up.alias()
            chain = sa.select(sa.func.count()).select_from(
                follow_up.join(behind, behind.c.merged_into == follow_up.c.id)
            )
            assert conn.execute(chain.where(follow_up.c.state == "merged")).scalar_one() == 0

    @invariant()
    def asks_nobody_twice_and_never_at_night(self) -> None:
        sent = [m for m in self.house.messages() if m.sent_at is not None]
        asked = [(m.subject, m.leg) for m in sent]
        assert len(asked) == len(set(asked))
        assert all(9 <= m.sent_at.astimezone(ZoneInfo("Asia/Shanghai")).hour < 20 for m in sent)


@pytest.mark.timeout(600)
def test_every_follow_up_is_in_one_legal_state(follow_ups: FollowUps) -> None:
    """Tickets, reopenings, answers, opt-outs and time in any order."""

    class Mine(Following):
        house = follow_ups.house

    Mine.follow_ups = follow_ups
    run_state_machine_as_test(
        Mine,
        settings=settings(
            max_examples=8,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
