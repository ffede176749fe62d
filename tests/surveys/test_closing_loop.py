"""From an answer to a case, and from an overdue case to everybody who has to know."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.inbound.events.tables import outgoing_webhook
from care.schedule import ALL_JOBS, run_due_jobs
from care.surveys.case_moves import Closing, close_case, escalate_overdue
from care.surveys.case_states import Outcome
from care.surveys.closing_loop import WANTS_A_CALL, Reaction, concerns_of, react_to_answers
from care.surveys.loop_rules import LoopRules, loop_rules_of
from care.surveys.model import AnswerChannel, CaseReason, Question, Survey
from care.surveys.recording import About, Given
from care.surveys.replies.model import Flag
from care.surveys.tables import survey_case
from care.watch.incidents import open_incidents
from tests.delivery.crew import at_once
from tests.factories import make_customer
from tests.house import House, build_house
from tests.inbound.events.ticket_system import TicketSystem, ticket_system
from tests.surveys.factories_page import make_follow_up
from tests.watch.receiver import Receiver, receiver

R = CaseReason
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyBhbmQgb25seSB0aGVpcnM="


def score(value: int, question: Question = Question.OVERALL) -> Given:
    return Given(question=question, score=value, raw=value)


def rules_of(house: House) -> LoopRules:
    return loop_rules_of(house.services.settings, house.services.root)


def matter(house: House, customer: int | None = None) -> About:
    """A resolved ticket of a customer, ready to be answered."""
    now = house.clock.now()
    with write(house.engine) as conn:
        who = customer or make_customer(conn)
        what = make_follow_up(conn, customer_id=who, now=now)
    return About(
        survey=Survey.TICKET,
        customer_id=who,
        follow_up_id=what,
        session_id=None,
        channel=AnswerChannel.SMS,
        source="inbound:1",
    )


def react(house: House, about: About, *given: Given, flags: tuple[Flag, ...] = ()) -> Reaction:
    with write(house.engine) as conn:
        return react_to_answers(conn, given, about, rules=rules_of(house), now=house.clock.now(), flags=flags)


def rows(house: House, table: sa.Table) -> list[Any]:
    with read(house.engine) as conn:
        return list(conn.execute(sa.select(table).order_by(table.c.id)))


def told(house: House) -> list[str]:
    return [row.type for row in rows(house, outgoing_webhook)]


class TestConcerns:
    @pytest.mark.parametrize(
        ("given", "flags", "wanted"),
        [
            ([score(2)], [], [R.LOW_SCORE]),
            ([score(3)], [], []),
            ([score(5), score(2, Question.RESULT)], [], [R.LOW_SCORE]),
            ([score(5), score(1, Question.ATTITUDE), score(1, Question.TIMELINESS)], [], []),
            ([score(0, Question.SOLVED)], [], [R.NOT_SOLVED]),
            ([score(1, Question.SOLVED)], [], []),
            ([score(3, Question.REASON)], [], [R.NOT_SOLVED]),
            ([score(1, Question.REASON)], [], []),
            ([score(1)], [Flag.NOT_RESOLVED], [R.NOT_SOLVED]),
            ([score(1)], [Flag.SAFETY, Flag.NOT_RESOLVED], [R.DANGER, R.NOT_SOLVED]),
            ([score(1)], [Flag.CALL_BACK], [R.LOW_SCORE, R.CALL_BACK]),
            ([score(5)], [Flag.CANCEL_SERVICE], [R.CANCELLATION]),
            ([score(1)], [Flag.DATA_REQUEST], [R.LOW_SCORE, R.DATA_REQUEST]),
            ([score(5)], [Flag.POSITIVE, Flag.COMMENT], []),
        ],
    )
    def test_are_named_the_most_urgent_first(
        self, given: list[Given], flags: list[Flag], wanted: list[CaseReason]
    ) -> None:
        """One call settles a score and a wish to be called, where something graver is said."""
        assert concerns_of(given, flags) == wanted

    @given(st.sets(st.sampled_from(list(Flag))), st.integers(0, 10))
    def test_never_lose_a_danger_or_an_unsolved_ticket(self, flags: set[Flag], value: int) -> None:
        """Whatever else is said beside it."""
        found = concerns_of([score(value)], flags)
        assert (R.DANGER in found) == (Flag.SAFETY in flags)
        assert (R.NOT_SOLVED in found) == (Flag.NOT_RESOLVED in flags)
        assert found or value > 2
        assert len(set(found)) == len(found)


class TestReacting:
    def test_twice_changes_nothing(self, house: House) -> None:
        """The same answer again, or once more in other words."""
        about = matter(house)
        first = react(house, about, score(1), flags=(Flag.NOT_RESOLVED,))
        again = react(house, about, score(1), flags=(Flag.NOT_RESOLVED,))
        lower = react(house, about, score(1))

        assert (first.reopened, again.reopened, lower.reopened) == (True, False, False)
        assert first.cases == again.cases
        assert first.call_by == again.call_by == lower.call_by
        assert len(rows(house, survey_case)) == 1
        assert told(house) == ["case.opened", "ticket.reopen"]

    def test_from_many_sides_at_once_is_one_case(self, house: House) -> None:
        """Page and text message in the same moment, for one ticket after the other."""
        for n in range(1, 9):
            about = matter(house)
            at_once(*[lambda: react(house, about, score(1), flags=(Flag.NOT_RESOLVED,))] * 8)  # noqa: B023 - done at once
            assert len(rows(house, survey_case)) == n
        assert sorted(told(house)) == ["case.opened"] * 8 + ["ticket.reopen"] * 8

    @pytest.mark.parametrize("order", list(itertools.permutations(["low", "why", "danger"])))
    def test_ends_the_same_in_whatever_order_things_are_said(self, house: House, order: tuple[str, ...]) -> None:
        """Two matters for a person: the danger, and the ticket that is not solved."""
        about = matter(house)
        said = {"low": ([score(1)], ()), "why": ([score(3, Question.REASON)], ()), "danger": ([], (Flag.SAFETY,))}
        for word in order:
            given, flags = said[word]
            react(house, about, *given, flags=flags)
        assert sorted(row.reason for row in rows(house, survey_case)) == ["danger", "not_solved"]
        assert sorted(told(house)) == ["case.opened", "case.opened", "ticket.reopen"]

    @pytest.mark.parametrize("order", list(itertools.permutations(["low", "call", "unsolved"])))
    def test_a_wish_to_be_called_is_one_case_with_what_is_graver(self, house: House, order: tuple[str, ...]) -> None:
        """Never two calls about one matter, whatever was said first."""
        about = matter(house)
        said = {"low": ([score(1)], ()), "call": ([], (Flag.CALL_BACK,)), "unsolved": ([], (Flag.NOT_RESOLVED,))}
        cases: set[int] = set()
        for word in order:
            given, flags = said[word]
            cases |= set(react(house, about, *given, flags=flags).cases.values())
        assert cases == {1}
        assert [row.reason for row in rows(house, survey_case)] == ["not_solved"]
        assert sorted(told(house)) == ["case.opened", "ticket.reopen"]

    def test_one_answer_with_both_is_one_case(self, house: House) -> None:
        """As the survey page hands it over: a score, and the wish in the words beside it."""
        found = react(house, matter(house), score(1), flags=(Flag.CALL_BACK,))
        assert set(found.cases.values()) == {1}
        assert [(row.reason, row.note) for row in rows(house, survey_case)] == [("low_score", WANTS_A_CALL)]

    def test_after_closing_a_new_complaint_is_a_new_case(self, house: House) -> None:
        """Nothing is swallowed by what was settled before."""
        about = matter(house)
        react(house, about, score(1))
        closing = Closing(outcome=Outcome.EXPLAINED, note="Explained", recontact_at=None)
        with write(house.engine) as conn:
            close_case(conn, 1, closing, now=house.clock.now())
        react(house, about, score(3, Question.REASON))
        assert [(row.reason, row.closed_at is None) for row in rows(house, survey_case)] == [
            ("low_score", False),
            ("not_solved", True),
        ]


@pytest.fixture
def system() -> Iterator[TicketSystem]:
    with ticket_system() as found:
        yield found


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


class TestOverdue:
    def test_is_escalated_once(self, house: House) -> None:
        """Not before its time, not after it is closed, and danger at once."""
        react(house, matter(house), score(1))
        react(house, matter(house), score(5), flags=(Flag.SAFETY,))
        late = []
        for _ in range(10):
            house.clock.advance(timedelta(hours=8))
            with write(house.engine) as conn:
                late.append(escalate_overdue(conn, now=house.clock.now()))
        assert late[0] == [2]
        assert [ids for ids in late if ids] == [[2], [1]]
        assert told(house).count("case.overdue") == 2

    def test_is_known_everywhere(
        self, tmp_path: Path, engine: sa.Engine, clock: VirtualClock, system: TicketSystem, ear: Receiver
    ) -> None:
        """The leader's own jobs: the ticket system hears of it, whoever is on call too, until it is closed."""
        house = build_house(
            tmp_path, engine, clock, TICKET_SYSTEM__URL=system.url, TICKET_SYSTEM__SECRET=SECRET, ALERTS__URLS=ear.url
        )
        react(house, matter(house), score(1))
        run_due_jobs(house.services, ALL_JOBS)
        clock.advance(timedelta(days=3, hours=8))
        for _ in range(3):
            clock.advance(timedelta(minutes=1))
            run_due_jobs(house.services, ALL_JOBS)

        types = [json.loads(one.body)["type"] for one in system.heard]
        assert types == ["case.opened", "case.overdue"]
        assert "Customers wait for a call (open)" in ear.titles
        words = next(post["message"] for post in ear.posts if "Customers wait" in post["title"])
        assert "cases past their time: 1, the oldest for 61 minutes" in words
        with write(engine) as conn:
            close_case(conn, 1, Closing(outcome=Outcome.SOLVED, note="Done", recontact_at=None), now=clock.now())
        for _ in range(8):
            clock.advance(timedelta(minutes=1))
            run_due_jobs(house.services, ALL_JOBS)
        with read(engine) as conn:
            assert "cases" not in [each.rule for each in open_incidents(conn, clock.now())]

    def test_a_deaf_ticket_system_is_an_incident_and_holds_nothing_up(
        self, tmp_path: Path, engine: sa.Engine, clock: VirtualClock, system: TicketSystem
    ) -> None:
        """All other jobs run; after an hour somebody is told, without any address."""
        house = build_house(tmp_path, engine, clock, TICKET_SYSTEM__URL=system.url, TICKET_SYSTEM__SECRET=SECRET)
        system.answers = [503]
        react(house, matter(house), score(1))
        for _ in range(20):
            clock.advance(timedelta(minutes=4))
            ran = run_due_jobs(house.services, ALL_JOBS)
            assert {"plan", "inbox", "cases", "alarms", "tell"} <= set(ran)
        with read(engine) as conn:
            words = {each.rule: each.words for each in open_incidents(conn, clock.now())}
        assert words["ticket_system"] == "webhooks that have waited for an hour: 1. See: care tickets webhooks"
        assert len(system.heard) > 3
