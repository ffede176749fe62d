"""Conversations about a recommendation: the score, then why, on each database."""

import pytest

from care.base.database import write
from care.bootstrap import Services
from care.surveys.tables import survey_answer, survey_session
from tests.factories import make_customer
from tests.inbound.house import make_attempt
from tests.surveys.conversation.factories_talk import cases, handled, make_invitation, rows, say, stage

PHONE = "+8613800001111"


def ask(services: Services, occasion: str = "nps:2026Q3", campaign: str = "relationship_nps") -> None:
    """Let an invitation to the sample leave now."""
    now = services.clock.now()
    with write(services.engine) as conn:
        who = make_customer(conn, phone=PHONE, locale="zh-CN")
        made = make_invitation(conn, customer_id=who, subject="T-1", now=now, campaign_id=campaign, occasion=occasion)
        make_attempt(conn, message_id=made, phone=PHONE, now=now)


def kept(services: Services) -> list[tuple[str, int | None, str | None]]:
    return [
        (row.question, row.score, row.comment) for row in rows(services, survey_answer) if row.superseded_at is None
    ]


class TestRecommendation:
    @pytest.mark.parametrize(
        ("said", "score"), [("10", 10), ("9分", 9), ("７", 7), ("满分", 10), ("8 网速快", 8), ("10分！", 10)]
    )
    def test_is_followed_by_why_whatever_the_score(self, services: Services, said: str, score: int) -> None:
        """In words, once; digits are no menu there."""
        ask(services)
        assert say(services, said) == "survey_nps_why"
        assert say(services, "师傅很准时") == "survey_thanks"

        answers = [(question, given) for question, given, _ in kept(services)]
        assert answers == [("recommend", score), ("comment", None)]
        assert kept(services)[-1][2] == "师傅很准时"
        assert (stage(services), cases(services)) == ("done", [])
        assert [(row.survey, row.scale) for row in rows(services, survey_session)] == [("nps", "nps")]

    @pytest.mark.parametrize("score", ["0", "3", "6"])
    def test_of_a_detractor_is_a_case_with_the_reason_in_words(self, services: Services, score: str) -> None:
        """One apology, one question, one call."""
        ask(services)
        assert say(services, score) == "survey_low_why"
        assert say(services, "太贵，而且3次都没修好") == "survey_low_reason_thanks"

        assert [question for question, _, _ in kept(services)] == ["recommend", "reason"]
        assert cases(services) == ["low_score"]
        assert stage(services) == "done"

    def test_is_asked_once_more_when_it_is_not_understood(self, services: Services) -> None:
        """Eleven is no score; then a person reads it."""
        ask(services)
        assert say(services, "11") == "survey_nps"
        assert say(services, "13") == ""
        assert (stage(services), handled(services)[-1], kept(services)) == ("person", "inbox", [])

    def test_is_corrected_while_the_reason_is_open(self, services: Services) -> None:
        """A correction replaces the score, downwards with an apology."""
        ask(services)
        say(services, "9")
        assert say(services, "打错了，是2") == "survey_low_why"
        assert [(question, score) for question, score, _ in kept(services)] == [("recommend", 2)]
        assert cases(services) == ["low_score"]

    @pytest.mark.parametrize(
        ("said", "answer", "case"),
        [("请给我回电话", "call_back_ack", ["call_back"]), ("家里漏电了", "danger_ack", ["danger"]), ("好的", "", [])],
    )
    def test_hears_a_wish_where_the_reason_is_open(
        self, services: Services, said: str, answer: str, case: list[str]
    ) -> None:
        """What needs a person goes to one; thanks are no reason."""
        ask(services)
        say(services, "9")
        assert say(services, said) == answer
        assert cases(services) == case

    def test_refusal_ends_it(self, services: Services) -> None:
        """Instead of a reason."""
        ask(services)
        say(services, "9")
        say(services, "别再发短信给我了")
        assert stage(services) == "opted_out"
