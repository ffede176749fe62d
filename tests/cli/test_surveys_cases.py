"""`care surveys cases`: a person finds, takes, settles and closes what customers were not satisfied with."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.database import write
from care.customers.tickets.tables import ticket
from care.inbound.tables import inbound_message
from care.surveys.case_states import NEXT_CASE_STATE, CaseState, state_of_case
from care.surveys.closing_loop import react_to_answers
from care.surveys.loop_rules import loop_rules_of
from care.surveys.model import AnswerChannel, Question, Survey
from care.surveys.recording import About, Given, record_answers
from care.surveys.tables import survey_case
from tests.cli.desk import Desk
from tests.surveys.factories_page import make_follow_up, make_invitation

CLOSE = ("--outcome", "solved", "--note", "Splitter replaced again, line measured")


def complain(desk: Desk, customer: str = "C-7", score: int = 1, words: str = "Nobody came") -> int:
    """Let a customer be unhappy about a repair, and return the case."""
    now = desk.house.clock.now()
    customer_id = desk.customer(customer)
    services = desk.house.services
    with write(desk.engine) as conn:
        follow_up_id = make_follow_up(conn, customer_id=customer_id, now=now, ticket=f"T-{customer}")
        make_invitation(conn, now=now, customer_id=customer_id, follow_up_id=follow_up_id)
        about = About(
            survey=Survey.TICKET,
            customer_id=customer_id,
            follow_up_id=follow_up_id,
            session_id=None,
            channel=AnswerChannel.PHONE,
            source=f"test:{customer}",
        )
        given = [Given(question=Question.OVERALL, score=score), Given(question=Question.COMMENT, comment=words)]
        record_answers(conn, given, about, now=now)
        reaction = react_to_answers(conn, given, about, rules=loop_rules_of(services.settings, services.root), now=now)
    return next(iter(reaction.cases.values()))


def listed(desk: Desk, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk("surveys", "cases", "list", *words, "--json").out.splitlines()]


def ids(desk: Desk, *words: str) -> list[int]:
    return [row["id"] for row in listed(desk, *words)]


class TestList:
    def test_is_empty_at_first(self, desk: Desk) -> None:
        """No cases is fine."""
        answer = desk("surveys", "cases", "list")
        assert (answer.code, answer.out) == (0, "no cases\n")

    def test_shows_the_most_urgent_first(self, desk: Desk) -> None:
        """By when the customer was told to be called; closed ones only when asked for."""
        first = complain(desk, "C-1")
        desk.house.clock.advance(timedelta(days=4))
        second, third = complain(desk, "C-2"), complain(desk, "C-3")
        desk("surveys", "cases", "take", str(second), "--by", "mei")
        desk("surveys", "cases", "close", str(third), *CLOSE)

        assert ids(desk) == ids(desk, "--open") == [first, second]
        assert ids(desk, "--all") == [first, second, third]
        assert ids(desk, "--overdue") == [first]
        assert ids(desk, "--mine", "mei") == [second]
        row = listed(desk)[0]
        assert (row["reason"], row["customer"], row["ticket"]) == ("low_score", "C-1", "T-C-1")
        assert (row["overdue"], row["state"]) == (True, "open")
        assert "(overdue)" in desk("surveys", "cases", "list").out

    def test_names_those_to_ask_again(self, desk: Desk) -> None:
        """From the day on that was set at closing, until it is done."""
        case = complain(desk)
        desk("surveys", "cases", "close", str(case), *CLOSE)
        assert ids(desk, "--recontact") == []
        desk.house.clock.advance(timedelta(days=14))
        assert ids(desk, "--recontact") == [case]
        assert desk("surveys", "cases", "recontact", str(case)).code == 0
        assert ids(desk, "--recontact") == []

    def test_refuses_options_that_exclude_each_other(self, desk: Desk) -> None:
        """Exit 2 and one line."""
        answer = desk("surveys", "cases", "list", "--all", "--overdue")
        assert answer.code == 2
        assert answer.err == "care: --all, --open, --overdue, --recontact: exclude each other. Leave all but one out\n"


class TestShow:
    def test_has_everything_that_led_to_it(self, desk: Desk) -> None:
        """The ticket as it was, the answers, what was written, our messages, what else is open."""
        case = complain(desk)
        with write(desk.engine) as conn:
            conn.execute(sa.update(ticket).values(staff="Somebody else"))
            now = desk.house.clock.now()
            word = {"provider_ref": "SM1", "channel": "sms", "address_hash": "x", "customer_id": 1, "text": "Hello?"}
            conn.execute(sa.insert(inbound_message).values(**word, handled_as="inbox", received_at=now))
            other = {"external_id": "T-open", "customer_id": 1, "kind": "complaint", "resolutions": 0, "attributes": {}}
            conn.execute(sa.insert(ticket).values(**other, as_of=now, updated_at=now))
        found = json.loads(desk("surveys", "cases", "show", str(case), "--json").out)

        assert found["ticket_as_resolved"]["staff"] == "LiWei"
        assert found["ticket_as_resolved"]["external_id"] == "T-C-7:r1"
        assert [(row["question"], row["score"] or row["comment"]) for row in found["answers"]] == [
            ("overall", 1),
            ("comment", "Nobody came"),
        ]
        assert [row["text"] for row in found["words"]] == ["Hello?"]
        assert [row["campaign_id"] for row in found["messages"]] == ["survey_invite"]
        assert [row["external_id"] for row in found["open_tickets"]] == ["T-open"]
        shown = desk("surveys", "cases", "show", str(case)).out
        for words in ("LiWei", "Nobody came", "Hello?", "T-open", "low_score"):
            assert words in shown
        assert "13800" not in shown

    def test_says_when_there_is_none(self, desk: Desk) -> None:
        """Exit 1."""
        answer = desk("surveys", "cases", "show", "99")
        assert (answer.code, answer.err) == (1, "care: cases: no case 99. See: care surveys cases list --all\n")


class TestWork:
    def test_goes_from_open_to_asked_again(self, desk: Desk) -> None:
        """Take, close, plan another day, done."""
        case = str(complain(desk))
        assert desk("surveys", "cases", "take", case, "--by", "mei").out == f"case {case} is mei's\n"
        assert desk("surveys", "cases", "take", case, "--by", "li").out == f"case {case} is li's, it was mei's\n"
        closed = desk("surveys", "cases", "close", case, *CLOSE, "--json")
        assert json.loads(closed.out)["outcome"] == "solved"
        assert desk("surveys", "cases", "recontact", case, "--at", "2026-10-09T10:00").code == 0
        assert listed(desk, "--all")[0]["recontact_at"] == "2026-10-09T02:00:00+00:00"
        assert desk("surveys", "cases", "recontact", case).out == f"case {case}: the customer was asked again\n"
        row = listed(desk, "--all")[0]
        assert (row["state"], row["owner"], row["outcome"]) == ("recontacted", "li", "solved")

    def test_asks_again_in_working_hours(self, desk: Desk) -> None:
        """Seven days after Mid-Autumn is in the National Day week: the first working day after it."""
        case = complain(desk)
        desk("surveys", "cases", "close", str(case), *CLOSE)
        assert listed(desk, "--all")[0]["recontact_at"] == "2026-10-08T01:00:00+00:00"

    def test_may_end_without_asking_again(self, desk: Desk) -> None:
        """Where the customer wants none of it."""
        case = complain(desk)
        answer = desk("surveys", "cases", "close", str(case), *CLOSE, "--no-recontact")
        assert answer.out == f"case {case} is closed; the customer is asked again: never\n"

    @pytest.mark.parametrize(
        ("words", "code", "line"),
        [
            (("take", "1", "--by", " "), 2, "--by: needs 1 to 64 characters, has 0. Write it shorter"),
            (("take", "1", "--by", "x" * 65), 2, "--by: needs 1 to 64 characters, has 65. Write it shorter"),
            (("close", "1", "--outcome", "solved", "--note", ""), 2, "--note: needs 1 to 2000 characters, has 0."),
            (("close", "1", "--outcome", "sovled", "--note", "x"), 2, "--outcome: 'sovled' is not known. Did you mean"),
            (("recontact", "1"), 1, "cases: case 1 is open and can become closed or taken, not recontacted"),
            (("recontact", "1", "--at", "2026-01-01"), 2, "--at: has passed. Name a moment to come"),
            (("recontact", "1", "--at", "soon"), 2, "--at soon: not a time."),
            (("take", "7", "--by", "mei"), 1, "cases: no case 7. See: care surveys cases list --all"),
            (("close", "7", *CLOSE), 1, "cases: no case 7. See: care surveys cases list --all"),
            (("take", "x", "--by", "mei"), 2, "invalid value for 'ID'"),
        ],
    )
    def test_refuses_in_one_line(self, desk: Desk, words: tuple[str, ...], code: int, line: str) -> None:
        """And nothing is lost or changed."""
        complain(desk)
        before = listed(desk, "--all")
        answer = desk("surveys", "cases", *words)
        assert answer.code == code
        assert answer.err.startswith(f"care: {line}")
        assert answer.err.count("\n") == 1
        assert listed(desk, "--all") == before

    def test_is_closed_once(self, desk: Desk) -> None:
        """The first outcome stands."""
        case = str(complain(desk))
        desk("surveys", "cases", "close", case, *CLOSE)
        answer = desk("surveys", "cases", "close", case, "--outcome", "no_fault", "--note", "x")
        assert answer.err == f"care: cases: case {case} is closed and can become recontacted, not closed\n"
        assert listed(desk, "--all")[0]["outcome"] == "solved"


DEEDS = {
    "take": (CaseState.TAKEN, ("take", "{}", "--by", "mei")),
    "close": (CaseState.CLOSED, ("close", "{}", *CLOSE)),
    "recontact": (CaseState.RECONTACTED, ("recontact", "{}")),
}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(st.sampled_from(sorted(DEEDS)), max_size=5))
def test_only_legal_moves_come_about(desk: Desk, deeds: list[str]) -> None:
    """Whatever order people work in, the commands agree with the table of moves."""
    with write(desk.engine) as conn:
        conn.execute(sa.delete(survey_case))
    now = desk.house.clock.now()
    with write(desk.engine) as conn:
        row = {"reason": "call_back", "opened_at": now, "due_at": now}
        case = conn.execute(sa.insert(survey_case).values(row).returning(survey_case.c.id)).scalar_one()
    state = CaseState.OPEN
    for deed in deeds:
        target, words = DEEDS[deed]
        answer = desk("surveys", "cases", *(word.format(case) for word in words))
        legal = target in NEXT_CASE_STATE[state]
        assert answer.code == (0 if legal else 1), (state, deed, answer.err)
        state = target if legal else state
        with desk.engine.connect() as conn:
            assert state_of_case(conn.execute(sa.select(survey_case)).one()) == state
