"""The survey of complaints that stay open, and that of effort, from ticket to answer, on each database."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tickets.tables import ticket
from care.inbound.worker import work_inbox
from care.surveys.tables import survey_answer, survey_case, survey_session
from tests.inbound.house import hear
from tests.surveys.conftest import FollowUps
from tests.surveys.factories_tickets import make_ticket, reopen, resolve
from tests.surveys.further.conftest import Turn

DAY = timedelta(days=1)
PHONE = "+8613911110000"


def say(desk: FollowUps, text: str) -> None:
    services = desk.house.services
    hear(services, PHONE, text)
    work_inbox(desk.house.engine, services.inbound_rules, now=desk.now)


def rows(desk: FollowUps, table: sa.Table) -> list[sa.Row[object]]:
    with read(desk.house.engine) as conn:
        return list(conn.execute(sa.select(table)).all())


def complaint(desk: FollowUps, **fields: object) -> int:
    who = desk.customer(phone=PHONE)
    with write(desk.house.engine) as conn:
        given = {"kind": "complaint", "external_id": "K-7", "at": desk.now - 5 * DAY, **fields}
        return make_ticket(conn, customer_id=who, **given)


class TestOpenComplaint:
    def test_is_asked_about_once(self, turned_on: Turn) -> None:
        """Five days after it was opened; whoever is asked reads its number."""
        desk = turned_on("open_complaints")
        complaint(desk, at=desk.now - 4 * DAY)
        desk.tick()
        assert desk.house.messages(status="accepted") == []

        desk.advance(2 * DAY, step=DAY)

        (sent,) = desk.house.messages()
        assert (sent.occasion, sent.subject, sent.status) == ("in_process:K-7:0", "K-7", "accepted")

    @pytest.mark.parametrize("fields", [{"kind": "repair"}, {"is_test": True}])
    def test_others_are_not(self, turned_on: Turn, fields: dict[str, object]) -> None:
        """Other kinds, and tries."""
        desk = turned_on("open_complaints")
        complaint(desk, **fields)
        desk.tick()
        assert desk.house.messages() == []

    def test_is_cancelled_when_it_is_settled_first(self, turned_on: Turn) -> None:
        """Also in the last moment; opened again, it counts anew."""
        desk = turned_on("open_complaints")
        mine = complaint(desk, at=desk.now - 5 * DAY + timedelta(hours=8))
        desk.tick()
        desk.house.clock.advance(DAY)
        with write(desk.house.engine) as conn:
            resolve(conn, mine, at=desk.now)
        assert desk.house.dispatch() == 0
        assert desk.house.statuses() == {"cancelled: no longer owed": 1}

        with write(desk.house.engine) as conn:
            reopen(conn, mine, at=desk.now)
        desk.advance(6 * DAY, step=2 * DAY)
        assert [row.occasion for row in desk.house.messages(status="accepted")] == ["in_process:K-7:1"]

    def test_a_low_score_is_a_case_that_names_the_ticket(self, turned_on: Turn) -> None:
        """The reason is asked in words; the follow-up of the complaint is not touched by it."""
        desk = turned_on("open_complaints")
        complaint(desk)
        desk.tick()
        say(desk, "K-7 2")
        say(desk, "没人告诉我进展")

        (session,) = rows(desk, survey_session)
        assert (session.survey, session.stage, session.scale) == ("in_process", "done", "csat5")
        kept = [(row.question, row.score, row.comment) for row in rows(desk, survey_answer)]
        assert kept == [("overall", 2, None), ("reason", None, "没人告诉我进展")]
        assert [row.reason for row in rows(desk, survey_case)] == ["low_score"]
        said = [row.campaign_id for row in desk.house.messages(purpose="reply")]
        assert said == ["reply:survey_low_why", "reply:survey_low_reason_thanks"]
        desk.house.dispatch()
        assert {row.status for row in desk.house.messages(purpose="reply")} <= {"accepted", "sent", "delivered"}
        assert desk.all() == []

    def test_still_not_solved_is_a_wish_to_be_called(self, turned_on: Turn) -> None:
        """It is open: there is nothing to open again."""
        desk = turned_on("open_complaints")
        complaint(desk)
        desk.tick()
        say(desk, "问题还没解决")
        assert [row.reason for row in rows(desk, survey_case)] == ["call_back"]
        assert [row.reopened_at for row in rows(desk, ticket)] == [None]


class TestEffort:
    def test_is_asked_instead_of_satisfaction(self, turned_on: Turn) -> None:
        """After the kinds named; the follow-up is answered by a score of 1 to 7."""
        desk = turned_on("effort_followup")
        ref = desk.resolved(desk.customer(phone=PHONE), kind="relocation")
        desk.tick()
        desk.advance(timedelta(hours=4), step=timedelta(hours=2))
        assert [row.occasion for row in desk.house.messages()] == [f"ticket:{ref}"]
        assert (desk.one(ref).survey, desk.one(ref).state) == ("ces", "invited")

        say(desk, "9")
        assert rows(desk, survey_answer) == []
        say(desk, "6")

        assert [(row.survey, row.question, row.score, row.scale) for row in rows(desk, survey_answer)] == [
            ("ces", "effort", 6, "ces7")
        ]
        assert desk.one(ref).state == "answered"
        assert [row.campaign_id for row in desk.house.messages(purpose="reply")] == [
            "reply:survey_ces",
            "reply:survey_thanks",
        ]
        desk.house.dispatch()
        assert not desk.house.messages(status="skipped")

    def test_words_of_a_renamed_campaign_change_nothing(self, turned_on: Turn) -> None:
        """What was asked stays with the follow-up, whatever becomes of the file."""
        desk = turned_on("effort_followup")
        ref = desk.resolved(desk.customer(phone=PHONE), kind="relocation")
        desk.tick()
        desk.advance(timedelta(hours=4), step=timedelta(hours=2))
        desk.house.remove_campaign("effort_followup")
        say(desk, "3")

        assert [(row.question, row.score) for row in rows(desk, survey_answer)] == [("effort", 3)]
        assert [row.reason for row in rows(desk, survey_case)] == ["low_score"]
        assert desk.one(ref).state == "answered"
