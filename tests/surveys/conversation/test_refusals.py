"""Refusals by text message: how far they reach, and the way back."""

from datetime import timedelta

import pytest

from care.bootstrap import Services
from care.customers.tables import suppression
from care.inbound.worker import work_inbox
from care.surveys.tables import survey_answer
from tests.inbound.house import hear
from tests.surveys.conversation.factories_talk import PHONE, answers, ask, cases, rows, say, stage, state


class TestARefusal:
    @pytest.mark.parametrize(
        "text",
        [
            "退订",
            "别再给我发短信了",
            "please stop texting me",
            "TD",
        ],
    )
    def test_in_any_wording_counts(self, services: Services, text: str) -> None:
        """A keyword or a sentence: banned, confirmed, and the conversation is over."""
        ask(services)

        assert say(services, text) == "optout_confirm"
        assert stage(services) == "opted_out"
        assert [row.reason for row in rows(services, suppression)] == ["opt_out"]

    @pytest.mark.parametrize("text", ["NO SURVEYS", "不要再問", "4 but no more surveys please"])
    def test_of_surveys_silences_nothing_else(self, services: Services, text: str) -> None:
        """As the same wish on the page does; the confirmation says so, and a score beside it is kept."""
        ask(services)

        assert say(services, text) == "optout_confirm_survey"
        assert [(row.scope, row.reason) for row in rows(services, suppression)] == [("survey", "opt_out")]
        assert (stage(services), len(answers(services))) == ("opted_out", int(text[0] == "4"))
        assert (say(services, "退订"), len(rows(services, suppression))) == ("", 2)  # one automatic answer an hour

    def test_keeps_the_score_beside_it(self, services: Services) -> None:
        """Both were said, both count."""
        ask(services)
        say(services, "5 and please stop texting me")

        assert answers(services) == [("overall", 5)]
        assert stage(services) == "opted_out"

    def test_after_an_answer_is_still_confirmed(self, services: Services) -> None:
        """Our next question, minutes before, is no reason to be silent."""
        ask(services)
        say(services, "5")

        assert say(services, "退订") == "optout_confirm"

    def test_can_be_taken_back(self, services: Services) -> None:
        """The word of return lifts the ban; nothing is asked anew."""
        ask(services)
        say(services, "退订")
        services.clock.advance(timedelta(hours=2))  # type: ignore[attr-defined]

        assert say(services, "恢复") == "optin_confirm"
        assert stage(services) == "closed"

    @pytest.mark.parametrize("back", [{}, {"OptOutType": "START"}])
    def test_a_score_after_the_way_back_counts(self, services: Services, back: dict[str, str]) -> None:
        """As one that comes late does, but within the time it is not late; a bad one is a case."""
        mine = ask(services)
        say(services, "退订")
        hear(services, PHONE, "START", **back)
        work_inbox(services.engine, services.inbound_rules, now=services.clock.now())

        assert say(services, "5") == "survey_thanks"
        assert say(services, "A12 2") == "survey_low_reason_thanks"
        assert (answers(services), cases(services)) == ([("overall", 2)], ["low_score"])
        assert (state(services, mine), stage(services)) == ("answered", "closed")
        assert [row.is_late for row in rows(services, survey_answer)] == [False, False]
