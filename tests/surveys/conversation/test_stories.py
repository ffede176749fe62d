"""Conversations read aloud, from the text that comes in to the text that goes out."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import write
from care.bootstrap import Services
from care.customers.tables import suppression
from care.customers.tickets.tables import ticket
from care.inbound.events.tables import outgoing_webhook
from care.surveys.closing_loop import WANTS_A_CALL
from care.surveys.tables import survey_answer, survey_case, survey_session
from tests.factories import make_customer
from tests.inbound.house import dispatch, make_attempt, make_message, outbox
from tests.surveys.conversation.factories_talk import (
    PHONE,
    answers,
    ask,
    cases,
    handled,
    make_invitation,
    rows,
    say,
    stage,
    state,
)


class TestASatisfiedCustomer:
    def test_is_asked_one_thing_after_the_other(self, services: Services) -> None:
        """Overall first, then result, timeliness, attitude; thanks at the end, and the follow-up is answered."""
        mine = ask(services)

        assert [say(services, "5 谢谢师傅"), say(services, "４"), say(services, "满意")] == [
            "survey_result",
            "survey_timeliness",
            "survey_attitude",
        ]
        assert state(services, mine) == "answered"
        assert say(services, "⑤") == "survey_thanks"

        assert answers(services) == [("overall", 5), ("result", 4), ("timeliness", 4), ("attitude", 5)]
        kept = rows(services, survey_answer)
        assert [(one.raw, one.derived) for one in kept] == [(5, False), (4, False), (None, True), (5, False)]
        assert kept[0].comment == "谢谢师傅"
        assert (stage(services), cases(services)) == ("done", [])
        assert set(handled(services)) == {"reply"}

    def test_may_answer_all_four_at_once(self, services: Services) -> None:
        """The digits are overall, result, timeliness, attitude, in the order in which we would ask."""
        ask(services)

        assert say(services, "5454") == "survey_thanks"
        assert answers(services) == [("overall", 5), ("result", 4), ("timeliness", 5), ("attitude", 4)]

    def test_hears_the_next_question_at_night(self, services: Services, clock: VirtualClock) -> None:
        """It answers what the customer wrote just now, so no quiet hour holds it."""
        clock.advance(timedelta(hours=15))  # 01:00 in Shanghai
        ask(services)
        say(services, "5")

        assert dispatch(services) == 1
        assert "处理结果满意吗" in outbox(services)[0]["body"]

    def test_stays_thanked(self, services: Services) -> None:
        """Thanks for our thanks get no answer, and no person has to read them."""
        ask(services)
        say(services, "5555")

        assert [say(services, text) for text in ("谢谢", "👌", "好的")] == ["", "", ""]
        assert set(handled(services)) == {"reply"}


class TestAnUnhappyCustomer:
    def test_is_asked_why_and_told_when_somebody_calls(self, services: Services) -> None:
        """Friday 10:00 and eight working hours: by 18:00; the apology names the moment, the case keeps it."""
        ask(services)

        assert say(services, "2 等了三天") == "survey_low_apology"
        dispatch(services)
        body = outbox(services)[-1]["body"]
        assert "1等太久 2态度 3没解决 4其他" in body
        (case,) = rows(services, survey_case)
        assert case.reason == "low_score"
        assert case.due_at > services.clock.now()
        assert say(services, "1") == "survey_low_reason_thanks"
        dispatch(services)
        assert "A12" in outbox(services)[-1]["body"]
        assert answers(services) == [("overall", 2), ("reason", 1)]
        assert (stage(services), cases(services)) == ("done", ["low_score"])

    @pytest.mark.parametrize("reason", ["3", "还是不能上网", "not fixed"])
    def test_whose_trouble_is_not_over_is_told_that_it_is_open_again(self, services: Services, reason: str) -> None:
        """A digit of the menu or own words: the ticket is named and opened, and one call settles the one case."""
        ask(services)
        say(services, "1")

        assert say(services, reason) == "not_resolved_reopened"
        assert cases(services) == ["not_solved"]
        (opened,) = rows(services, ticket)
        assert (opened.resolved_at, opened.reopened_at) == (None, services.clock.now())
        assert [told.type for told in rows(services, outgoing_webhook)] == ["case.opened", "ticket.reopen"]
        dispatch(services)
        body = outbox(services)[-1]["body"]
        assert "A12" in body
        assert "前联系您" in body

    def test_may_say_in_own_words_or_nothing(self, services: Services) -> None:
        """Words instead of a digit of the menu are kept as they were written."""
        ask(services)
        say(services, "2")

        assert say(services, "师傅没穿鞋套") == "survey_low_reason_thanks"
        assert [row.comment for row in rows(services, survey_answer)] == [None, "师傅没穿鞋套"]

    def test_may_have_mistyped(self, services: Services) -> None:
        """The correction replaces the score, the first row is kept, and the questions go on."""
        ask(services)
        say(services, "1")

        assert say(services, "打错了 是5") == "survey_result"
        assert answers(services) == [("overall", 5)]
        assert [row.score for row in rows(services, survey_answer) if row.superseded_at] == [1]

    def test_corrects_downwards_later(self, services: Services) -> None:
        """In the middle of the questions a correction speaks of the answer before."""
        ask(services)
        say(services, "5")

        assert say(services, "sorry I meant 2") == "survey_low_apology"
        assert answers(services) == [("overall", 2)]
        assert cases(services) == ["low_score"]


class TestSomebodyInDanger:
    @pytest.mark.parametrize("text", ["插座漏电了", "1分，插座冒烟", "smell of gas since the engineer left"])
    def test_is_heard_at_once(self, services: Services, text: str) -> None:
        """In any language, with a score or without: a case within half an hour, and the hotline in the answer."""
        ask(services)

        assert say(services, text) == "danger_ack"
        (case,) = rows(services, survey_case)
        assert case.reason == "danger"
        assert case.due_at - services.clock.now() <= timedelta(minutes=30)
        dispatch(services)
        assert services.settings.operator.hotline in outbox(services)[-1]["body"]

    def test_is_heard_without_any_survey(self, services: Services) -> None:
        """Danger needs no question of ours, and no customer that we know."""
        assert say(services, "电线掉下来有火花") == ""  # nobody we know has the number
        assert cases(services) == ["danger"]

    def test_keeps_the_score_beside_it(self, services: Services) -> None:
        """The score counts, and nobody is asked further questions."""
        ask(services)
        say(services, "1 漏电了")

        assert answers(services) == [("overall", 1)]
        assert stage(services) == "done"


class TestOtherWays:
    @pytest.mark.parametrize(
        ("text", "said", "case"),
        [
            ("发错人了，我没有报修", "wrong_number_ack", "wrong_number"),
            ("请删除我的个人信息", "data_request_ack", "data_request"),
            ("我要退订宽带", "cancel_service_ack", "cancellation"),
            ("please call me back", "call_back_ack", "call_back"),
            ("还是不能上网", "not_resolved_reopened", "not_solved"),
        ],
    )
    def test_each_have_words_and_a_case(self, services: Services, text: str, said: str, case: str) -> None:
        """One acknowledgement, one case, and no answer to the survey."""
        ask(services)

        assert say(services, text) == said
        assert cases(services) == [case]
        assert dispatch(services) == 1
        assert answers(services) == []

    @pytest.mark.parametrize("words", [["1 please call me back"], ["please call me back", "1"]])
    def test_a_low_score_and_a_wish_to_be_called_are_one_case(self, services: Services, words: list[str]) -> None:
        """In one reply or in two: one call, and whoever makes it knows of both."""
        ask(services)
        for text in words:
            say(services, text)

        assert [(case.reason, case.note) for case in rows(services, survey_case)] == [("low_score", WANTS_A_CALL)]
        assert answers(services)[0] == ("overall", 1)

    def test_to_end_a_contract_is_no_refusal_even_where_nothing_was_asked(self, services: Services) -> None:
        """A case for the people who keep customers, and not a single ban."""
        with write(services.engine) as conn:
            make_customer(conn, phone=PHONE)

        assert say(services, "退订宽带要去哪") == "cancel_service_ack"
        assert (cases(services), rows(services, suppression)) == (["cancellation"], [])

    def test_wrong_numbers_are_not_asked_again(self, services: Services) -> None:
        """Greetings, offers and surveys end there; service notices wait for the case."""
        ask(services)
        say(services, "wrong number")

        (ban,) = rows(services, suppression)
        assert (ban.scope, ban.reason) == ("marketing_and_survey", "wrong_number")

    def test_help_explains(self, services: Services) -> None:
        """A question about the scale gets the explanation, and the question stays open."""
        ask(services)

        assert say(services, "5是最好的吗") == "help_reply"
        assert stage(services) == "invited"

    @pytest.mark.parametrize(
        "text",
        ["收到", "好的", "Liked “请回复5到1”", "[Auto-Reply] Out of office until 5 March", "我正在开车，稍后回复您"],
    )
    def test_what_is_no_answer_gets_none(self, services: Services, text: str) -> None:
        """Courtesies and machines move nothing, and no person has to read them."""
        ask(services)

        assert say(services, text) == ""
        assert (stage(services), answers(services)) == ("invited", [])
        assert handled(services) == ["reply"]


class TestNotUnderstood:
    def test_is_asked_once_more_then_a_person_reads_it(self, services: Services) -> None:
        """The second time nothing is said: it waits in the inbox."""
        ask(services)

        assert say(services, "师傅三点来的") == "survey_reprompt"
        assert say(services, "我家住5楼") == ""
        assert handled(services) == ["reply", "inbox"]
        assert stage(services) == "person"
        assert say(services, "还行吗") in ("", "help_reply")

    def test_a_score_still_counts_later(self, services: Services) -> None:
        """A digit after all, and the questions go on."""
        ask(services)
        say(services, "师傅三点来的")
        say(services, "我家住5楼")

        assert say(services, "5") == "survey_result"
        assert stage(services) == "asking"

    def test_each_question_has_its_own_second_try(self, services: Services) -> None:
        """What was used up for one question is not missing for the next."""
        ask(services)
        say(services, "师傅三点来的")
        say(services, "5")

        assert say(services, "师傅三点来的") == "survey_reprompt"


class TestLateAnswers:
    def test_count_and_are_marked(self, services: Services, clock: VirtualClock) -> None:
        """After seven days the answer is kept, and told apart."""
        mine = ask(services)
        clock.advance(timedelta(days=8))

        assert say(services, "4") == "survey_thanks"
        assert [(row.score, row.is_late) for row in rows(services, survey_answer)] == [(4, True)]
        assert state(services, mine) == "answered"

    def test_open_a_case_all_the_same(self, services: Services, clock: VirtualClock) -> None:
        """A late complaint is a complaint, with the same promise of a call."""
        ask(services)
        clock.advance(timedelta(days=8))

        assert say(services, "1") == "survey_low_reason_thanks"
        assert cases(services) == ["low_score"]

    def test_wait_for_a_person_after_two_weeks(self, services: Services, clock: VirtualClock) -> None:
        """A digit that belongs to nothing any more is written nowhere."""
        ask(services)
        clock.advance(timedelta(days=14, minutes=1))

        assert say(services, "4") == ""
        assert (answers(services), handled(services)) == ([], ["inbox"])

    def test_find_their_ticket_by_its_reference(self, services: Services, clock: VirtualClock) -> None:
        """The named ticket first; a lone digit goes to the question asked last."""
        first = ask(services, ref="A12")
        clock.advance(timedelta(days=3))
        with write(services.engine) as conn:
            who = conn.execute(sa.text("SELECT id FROM customer")).scalar_one()
        second = ask(services, ref="B77", customer=who)

        say(services, "A12 4")

        assert (state(services, first), state(services, second)) == ("answered", "invited")
        say(services, "1")
        assert state(services, second) == "answered"


class TestOtherMessages:
    def send(self, services: Services, purpose: str) -> None:
        with write(services.engine) as conn:
            who = conn.execute(sa.text("SELECT id FROM customer")).scalar_one()
            now = services.clock.now()
            made = make_message(conn, customer_id=who, now=now, purpose=purpose, status="accepted")
            make_attempt(conn, message_id=made, phone=PHONE, now=now)

    def test_get_the_words_that_answer_them(self, services: Services, clock: VirtualClock) -> None:
        """A question after an outage notice is about the outage."""
        ask(services)
        clock.advance(timedelta(hours=1))
        self.send(services, "service")

        assert say(services, "几点恢复") == ""
        assert (handled(services), stage(services)) == (["inbox"], "invited")

    def test_leave_a_lone_digit_to_the_survey(self, services: Services, clock: VirtualClock) -> None:
        """A notice asks for no digit, so a digit answers the survey."""
        ask(services)
        clock.advance(timedelta(hours=1))
        self.send(services, "service")

        assert say(services, "5") == "survey_result"

    def test_that_ask_for_a_digit_make_it_doubtful(self, services: Services, clock: VirtualClock) -> None:
        """After an offer a digit may be a yes: a person decides."""
        ask(services)
        clock.advance(timedelta(hours=1))
        self.send(services, "offer")

        assert say(services, "1") == ""
        assert (answers(services), handled(services)) == ([], ["inbox"])


class TestReminders:
    def test_ask_the_same_question_again(self, services: Services, clock: VirtualClock) -> None:
        """One conversation, whichever of the two messages the customer answers."""
        mine = ask(services)
        clock.advance(timedelta(hours=36))
        with write(services.engine) as conn:
            now = services.clock.now()
            who = conn.execute(sa.text("SELECT id FROM customer")).scalar_one()
            again = make_invitation(conn, customer_id=who, subject="A12:r1", now=now, leg="reminder")
            make_attempt(conn, message_id=again, phone=PHONE, now=now)

        say(services, "4")

        assert state(services, mine) == "answered"
        assert len(rows(services, survey_session)) == 1
