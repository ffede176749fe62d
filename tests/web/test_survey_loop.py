"""What follows a bad answer on the page: a case with a deadline, the reason, the ticket reopened, the promise told."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.inbound.events.tables import outgoing_webhook
from care.messages.tables import message
from care.surveys.tables import survey_answer, survey_case
from tests.inbound.house import dispatch, outbox
from tests.surveys.factories_page import make_follow_up
from tests.web.conftest import Site
from tests.web.survey_link import ASKED_IN_ENGLISH, answers, cases, count, invite, one

MONDAY_EVENING = datetime(2026, 9, 28, 9, tzinfo=UTC)
"""17:00 in Shanghai: eight working hours after Mid-Autumn and its weekend, which the clock of tests stands on."""


def told(site: Site) -> list[str]:
    return [row.type for row in site.rows(outgoing_webhook)]


class TestALowScore:
    @pytest.mark.parametrize(("score", "opened"), [("1", ["low_score"]), ("2", ["low_score"]), ("3", [])])
    def test_opens_a_case(self, site: Site, score: str, opened: list[str]) -> None:
        """Up to two; the customer reads by when they are called, and the ticket system hears of it."""
        answer = site.client.post(invite(site), data={"overall": score})

        assert cases(site) == opened
        assert told(site) == ["case.opened"] * len(opened)
        assert ("A person will call you by 28 September 17:00" in answer.text) == bool(opened)
        assert ('name="reason"' in answer.text) == bool(opened)

    def test_has_its_deadline_in_working_hours(self, site: Site) -> None:
        """Nobody calls on a holiday."""
        site.client.post(invite(site), data={"overall": "1"})
        case = one(site, survey_case)
        assert case.due_at == MONDAY_EVENING
        assert (case.customer_id, case.follow_up_id, case.session_id) == (1, 1, 1)

    def test_of_other_surveys_too(self, site: Site) -> None:
        """Whoever would not recommend us at all is called as well."""
        site.client.post(invite(site, campaign_id="survey_nps"), data={"recommend": "0"})
        site.client.post(invite(site, campaign_id="survey_ces", phone="+8613800001111"), data={"effort": "6"})
        assert cases(site) == ["low_score"]

    def test_a_bad_result_is_one_too(self, site: Site) -> None:
        """Polite people say it in the second question."""
        site.client.post(invite(site), data={"overall": "4", "result": "1"})
        assert cases(site) == ["low_score"]


class TestTheReason:
    def test_is_asked_once_without_another_link(self, site: Site) -> None:
        """By digit and in words; a second one finds the page closed."""
        path = invite(site)
        site.client.post(path, data={"overall": "2"})
        given = {"step": "why", "reason": "1", "words": "Three days\nwithout a line"}
        heard = site.client.post(path, data=given)
        again = site.client.post(path, data={**given, "reason": "2"}, headers=ASKED_IN_ENGLISH)

        assert (heard.status_code, again.status_code) == (200, 404)
        kept = [(row.question, row.score, row.comment) for row in site.rows(survey_answer)]
        assert kept == [("overall", 2, None), ("reason", 1, "Three days\nwithout a line")]
        assert cases(site) == ["low_score"]

    @pytest.mark.parametrize("score", ["3", "4", "5"])
    def test_is_not_taken_where_it_was_not_asked(self, site: Site, score: str) -> None:
        """A used link is a used link."""
        path = invite(site)
        site.client.post(path, data={"overall": score})
        assert site.client.post(path, data={"step": "why", "reason": "3"}).status_code == 404
        assert list(answers(site)) == ["overall"]

    def test_is_not_taken_before_the_score(self, site: Site) -> None:
        """The menu alone answers nothing."""
        assert site.client.post(invite(site), data={"step": "why", "reason": "3"}).status_code == 404
        assert answers(site) == {}

    @pytest.mark.parametrize("form", [{}, {"reason": "9"}, {"reason": "x", "words": " "}])
    def test_may_be_left_out(self, site: Site, form: dict[str, str]) -> None:
        """Nobody is scolded, and it may still be said."""
        path = invite(site)
        site.client.post(path, data={"overall": "1"})
        assert site.client.post(path, data={"step": "why", **form}).status_code == 200
        assert site.client.post(path, data={"step": "why", "reason": "4"}).status_code == 200
        assert answers(site)["reason"] == 4


class TestNotSolved:
    def test_reopens_the_ticket_and_says_when_we_call(self, site: Site) -> None:
        """The low score's case becomes it: nobody is called twice. The customer reads it here and by SMS."""
        path = invite(site)
        site.client.post(path, data={"overall": "1"})
        heard = site.client.post(path, data={"step": "why", "reason": "3"})

        assert "We have reopened T-" in heard.text
        assert "by 28 September 17:00" in heard.text
        assert cases(site) == ["not_solved"]
        assert told(site) == ["case.opened", "ticket.reopen"]
        reopen = site.rows(outgoing_webhook)[1].payload
        assert reopen["data"]["ticket"].startswith("T-")
        assert reopen["data"]["call_back_by"] == MONDAY_EVENING.isoformat()
        assert dispatch(site.services) == 1
        (sent,) = outbox(site.services)
        assert sent["to"] == "+8613800009999"
        assert "We have reopened T-" in sent["body"]
        assert "call you by 28 September 17:00" in sent["body"]

    @pytest.mark.parametrize("words", ["Still not fixed, no signal since yesterday", "还没修好"])
    def test_is_heard_in_words(self, site: Site, words: str) -> None:
        """The comment says it as well as the menu does."""
        site.client.post(invite(site), data={"overall": "2", "comment": words})
        assert cases(site) == ["not_solved"]
        assert told(site) == ["case.opened", "ticket.reopen"]

    def test_tells_the_ticket_system_nothing_of_the_person(self, site: Site) -> None:
        """Ids and times; the words stay here."""
        path = invite(site)
        site.client.post(path, data={"overall": "1", "comment": "Call me on 13912345678, Li Wei"})
        site.client.post(path, data={"step": "why", "reason": "3", "words": "secret words"})
        payloads = str([row.payload for row in site.rows(outgoing_webhook)])
        for secret in ("139", "138", "Li Wei", "secret", "王"):
            assert secret not in payloads


class TestDanger:
    @pytest.mark.parametrize("score", ["5", "1"])
    @pytest.mark.parametrize("words", ["The socket is sparking and smells of burning", "师傅走了还漏电，很危险"])
    def test_is_called_at_once(self, site: Site, score: str, words: str) -> None:
        """Whatever the score, at any hour; it is due now."""
        answer = site.client.post(invite(site), data={"overall": score, "comment": words})

        assert "danger" in cases(site)
        assert min(row.due_at for row in site.rows(survey_case)) == site.services.clock.now()
        assert "call 96000 now" in answer.text
        assert 'role="alert"' in answer.text


class TestTwice:
    def test_a_second_survey_of_the_same_customer_has_its_own_case(self, site: Site) -> None:
        """Two tickets, two matters."""
        site.client.post(invite(site), data={"overall": "1"})
        with write(site.services.engine) as conn:
            other = make_follow_up(conn, customer_id=1, now=site.services.clock.now())
        site.client.post(invite(site, customer_id=1, follow_up_id=other), data={"overall": "1"})
        assert cases(site) == ["low_score", "low_score"]

    def test_the_promise_is_the_first_cases(self, site: Site) -> None:
        """Whoever says it a day later is not put off by a day."""
        path = invite(site)
        site.client.post(path, data={"overall": "1"})
        site.services.clock.advance(timedelta(days=4))
        heard = site.client.post(path, data={"step": "why", "reason": "3"})
        assert one(site, survey_case).due_at == MONDAY_EVENING
        assert "call you at once" in heard.text
        assert "danger" not in heard.text
        assert count(site, message) == 2


def test_nothing_is_promised_that_was_not_written_down(site: Site) -> None:
    """Answer, case and webhook stand or fall together."""
    path = invite(site)
    with site.services.engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE outgoing_webhook RENAME TO gone"))
    try:
        assert site.client.post(path, data={"overall": "1"}).status_code == 500
    finally:
        with site.services.engine.begin() as conn:
            conn.execute(sa.text("ALTER TABLE gone RENAME TO outgoing_webhook"))
    assert (count(site, survey_answer), count(site, survey_case)) == (0, 0)
