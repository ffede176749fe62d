"""Several tickets of one customer: one question, and every ticket counted."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import suppression
from care.reports.books import open_books
from care.surveys.ledger import standing
from tests.factories import make_suppression
from tests.surveys.conftest import FollowUps
from tests.surveys.factories_tickets import answer, make_ticket, reopen, resolve

HOUR = timedelta(hours=1)


def states(follow_ups: FollowUps) -> dict[str, str]:
    """Return state, or state and reason, by reference."""
    return {one.external_id: f"{one.state}: {one.reason}" if one.reason else one.state for one in follow_ups.all()}


class TestSeveralTickets:
    def test_that_wait_become_one_about_the_latest(self, follow_ups: FollowUps) -> None:
        """The planned question about the first is withdrawn; both count as covered."""
        who = follow_ups.customer()
        first = follow_ups.resolved(who)
        follow_ups.tick()
        follow_ups.house.clock.advance(HOUR)
        second = follow_ups.resolved(who)
        follow_ups.tick()

        assert states(follow_ups) == {first: "merged", second: "due"}
        assert follow_ups.one(first).merged_into == follow_ups.one(second).id

        follow_ups.advance(4 * HOUR)

        sent = [m for m in follow_ups.house.messages(leg="main") if m.status == "delivered"]
        assert [m.subject for m in sent] == [second]
        assert follow_ups.one(second).state == "delivered"

    def test_of_two_customers_with_one_phone_become_one(self, follow_ups: FollowUps) -> None:
        """Resolved before the other's question left there it is merged into it, not exempt; later ones are exempt."""
        one, two = (follow_ups.customer(phone="+8613944440000") for _ in range(2))
        first = follow_ups.resolved(one)
        follow_ups.tick()
        follow_ups.house.clock.advance(HOUR)
        before = follow_ups.resolved(two)
        follow_ups.tick()
        follow_ups.advance(timedelta(hours=6))
        after = follow_ups.resolved(follow_ups.customer(phone="+8613944440000"))
        follow_ups.tick()
        follow_ups.advance(timedelta(hours=24), step=timedelta(hours=6))

        found = states(follow_ups)
        assert (found[before], found[after]) == ("merged", "exempt: asked_recently")
        assert follow_ups.one(before).merged_into == follow_ups.one(first).id
        assert len([m for m in follow_ups.house.messages(leg="main") if m.sent_at is not None]) == 1

    @pytest.mark.parametrize(("hours", "state"), [(71, "merged"), (73, "due")])
    def test_are_not_merged_into_a_call_that_is_overdue(self, follow_ups: FollowUps, hours: int, state: str) -> None:
        """Nobody has called within the time, so that call stands for nothing more: the customer is asked."""
        with write(follow_ups.house.engine) as conn:
            make_suppression(conn, address="+8613933330000", scope="all", reason="bad_number")
        who = follow_ups.customer(phone="+8613933330000")
        first = follow_ups.resolved(who)
        follow_ups.tick()
        assert follow_ups.one(first).state == "phone_task"
        follow_ups.house.clock.advance(hours * HOUR)
        with write(follow_ups.house.engine) as conn:
            conn.execute(sa.delete(suppression))
        second = follow_ups.resolved(who)
        follow_ups.tick()

        assert follow_ups.one(second).state == state

    def test_resolved_before_the_question_left_are_merged_and_later_ones_are_exempt(
        self, follow_ups: FollowUps
    ) -> None:
        """What counts is when the message left, not when the event came; after thirty days all is as new."""
        who = follow_ups.customer()
        first = follow_ups.resolved(who)
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)
        before = follow_ups.resolved(who, at=follow_ups.one(first).invited_at - HOUR)
        after = follow_ups.resolved(who)
        follow_ups.tick()

        assert states(follow_ups)[before] == "merged"
        assert states(follow_ups)[after] == "exempt: asked_recently"

        follow_ups.house.clock.advance(timedelta(days=31))
        later = follow_ups.resolved(who)
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)

        assert follow_ups.one(later).state in ("invited", "delivered")

    @pytest.mark.parametrize("kind", ["complaint", "installation"])
    def test_complaints_and_installations_are_always_asked_about(self, follow_ups: FollowUps, kind: str) -> None:
        """Behind another question, within the promise; the books know that this is no breach of the cap."""
        who = follow_ups.customer()
        first = follow_ups.resolved(who)
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)
        ref = follow_ups.resolved(who, kind=kind)
        follow_ups.tick()
        follow_ups.advance(4 * HOUR, step=2 * HOUR)
        assert follow_ups.one(ref).state == "due"
        follow_ups.advance(timedelta(days=2), step=2 * HOUR)

        mine = follow_ups.one(ref)
        assert mine.state in ("invited", "delivered", "reminded")
        assert follow_ups.one(first).invited_at + timedelta(hours=24) <= mine.invited_at <= mine.deadline_at
        services, today = follow_ups.house.services, follow_ups.now.date()
        with read(follow_ups.house.engine) as conn:
            first = today - timedelta(days=9)
            books = open_books(conn, first=first, last=today, policies=services.policies, now=follow_ups.now)
        assert [(one.name, one.count) for one in books.broken] == []
        assert books.unbalanced == []

    def test_whose_question_was_never_sent_are_due_again(self, follow_ups: FollowUps) -> None:
        """The ticket that stood for both is opened again: the other one is asked about after all."""
        who = follow_ups.customer()
        first = follow_ups.resolved(who)
        follow_ups.tick()
        follow_ups.house.clock.advance(HOUR)
        with write(follow_ups.house.engine) as conn:
            ticket_id = make_ticket(conn, customer_id=who, at=follow_ups.now)
            second = resolve(conn, ticket_id, at=follow_ups.now)
        follow_ups.tick()
        assert states(follow_ups) == {first: "merged", second: "due"}
        with write(follow_ups.house.engine) as conn:
            reopen(conn, ticket_id, at=follow_ups.now)
        follow_ups.advance(3 * HOUR)

        assert states(follow_ups)[second] == "exempt: reopened"
        assert follow_ups.one(first).state in ("invited", "delivered")

    def test_of_one_fault_for_thousands_are_spread_over_the_time_there_is(self, follow_ups: FollowUps) -> None:
        """A storm asks each customer once, none at night, not all in one hour, all before the deadline."""
        with write(follow_ups.house.engine) as conn:
            for _ in range(110):
                who = follow_ups_customer(conn)
                for _ in range(2):
                    resolve(
                        conn, make_ticket(conn, customer_id=who, at=follow_ups.now, parent="F-1"), at=follow_ups.now
                    )
        follow_ups.tick()

        rows = follow_ups.all()
        due = [one for one in rows if one.state == "due"]
        assert len(rows) == 220
        assert len(due) == 110
        assert len({one.customer_id for one in due}) == 110
        hours = {one.due_at.replace(minute=0, second=0, microsecond=0) for one in due}
        assert len(hours) >= 10
        assert all(one.due_at < one.deadline_at and 1 <= one.due_at.hour < 12 for one in due)


def follow_ups_customer(conn) -> int:
    """Insert a customer on an open connection."""
    from tests.factories import make_customer

    return make_customer(conn)


class TestASecondResolution:
    @pytest.mark.parametrize(
        ("said", "state"),
        [
            (None, "due"),
            ({"overall": 5}, "exempt: answered_before"),
            ({"overall": 1, "solved": 0}, "due"),
        ],
    )
    def test_is_asked_about_unless_all_was_well(self, follow_ups: FollowUps, said, state) -> None:
        """Again only if the first was unanswered, or answered with "not solved"; the cap does not hinder it."""
        who = follow_ups.customer()
        with write(follow_ups.house.engine) as conn:
            ticket_id = make_ticket(conn, customer_id=who, at=follow_ups.now)
            first = resolve(conn, ticket_id, at=follow_ups.now)
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)
        with write(follow_ups.house.engine) as conn:
            if said:
                answer(conn, follow_ups.one(first), follow_ups.now, **said)
            reopen(conn, ticket_id, at=follow_ups.now)
        follow_ups.house.clock.advance(HOUR)
        with write(follow_ups.house.engine) as conn:
            second = resolve(conn, ticket_id, at=follow_ups.now)
        follow_ups.tick()
        assert states(follow_ups)[second] == state

        follow_ups.advance(timedelta(hours=18), step=timedelta(hours=3))
        sent = [m.subject for m in follow_ups.house.messages(leg="main") if m.sent_at]
        assert sent == ([first, second] if state == "due" else [first])


class TestThePage:
    def test_adds_up_whatever_came(self, follow_ups: FollowUps) -> None:
        """Every resolution in exactly one state; coverage is whole while nothing is overdue."""
        who = follow_ups.customer()
        for kind in ("repair", "repair", "complaint", "inquiry"):
            follow_ups.resolved(who, kind=kind)
        follow_ups.tick()
        follow_ups.advance(5 * HOUR)
        with read(follow_ups.house.engine) as conn:
            span = {"since": follow_ups.now - timedelta(days=1), "until": follow_ups.now + HOUR}
            found = standing(conn, **span, now=follow_ups.now)

        assert found.adds_up
        assert (found.total, found.covered, found.coverage) == (4, 4, 1.0)
        assert {one.name for one in found.in_time} == {
            "repair_72h",
            "complaint_1wd",
            "first_call",
            "follow_up_72h",
        }
        assert all(one.late == 0 for one in found.in_time)
