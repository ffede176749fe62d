"""What a customer's text leads to, from the inbox table to the ledger."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.bootstrap import Services
from care.campaigns.builtin import START_WORD
from care.customers.tables import suppression
from care.inbound.model import HandledAs, Inbound
from care.inbound.tables import inbound_message, webhook
from care.inbound.twilio import ANSWERED_WORDS
from care.inbound.worker import work_inbox
from care.messages.tables import message
from care.policy.keywords import Keyword, classify
from tests.factories import address_hash, make_customer, make_suppression
from tests.inbound.house import dispatch, hear, make_attempt, make_message, outbox

PHONE = "+8613800001111"
US_PHONE = "+14155552671"


def work(services: Services, **changes: Any) -> int:
    return work_inbox(services.engine, replace(services.inbound_rules, **changes), now=services.clock.now())


def add_customer(services: Services, **fields: Any) -> int:
    with write(services.engine) as conn:
        return make_customer(conn, **{"phone": PHONE, "consents": ("greeting",), **fields})


def rows(services: Services, table: sa.Table) -> list[Any]:
    with read(services.engine) as conn:
        return list(conn.execute(sa.select(table).order_by(table.c.id)))


def standing(services: Services) -> list[tuple[str, str]]:
    return [(r.scope, r.reason) for r in rows(services, suppression) if r.lifted_at is None]


class TestOptOut:
    @pytest.mark.parametrize("word", ["TD", "退订", "ＴＤ", " 退订。 ", "Stop", "R", "拒收!"])
    def test_silences_in_the_scope_of_the_country(self, services: Services, word: str) -> None:
        """In China a refusal ends marketing and surveys; service notices go on."""
        add_customer(services)
        hear(services, PHONE, word)

        assert work(services) == 1

        assert standing(services) == [("marketing_and_survey", "opt_out")]
        (kept,) = rows(services, inbound_message)
        assert (kept.handled_as, kept.text, kept.address_hash) == ("opt_out", word, address_hash("sms", PHONE))

    def test_silences_everything_in_the_united_states(self, services: Services) -> None:
        """STOP means all messages there, and the confirmation says so."""
        add_customer(services, phone=US_PHONE, country="US", timezone="America/New_York", locale="en")
        hear(services, US_PHONE, "STOP")
        work(services)

        assert standing(services) == [("all", "opt_out")]
        assert [r.campaign_id for r in rows(services, message)] == ["reply:optout_confirm_all"]

    def test_holds_for_numbers_that_nobody_has(self, services: Services) -> None:
        """The number's own country decides; a later import finds the ban standing. Nothing is sent to strangers."""
        hear(services, US_PHONE, "unsubscribe")
        work(services)

        assert standing(services) == [("all", "opt_out")]
        assert rows(services, message) == []

    def test_is_confirmed_once(self, services: Services) -> None:
        """A second word of refusal changes nothing and gets no second answer."""
        add_customer(services)
        for _ in range(2):
            hear(services, PHONE, "退订")
            work(services)

        assert dispatch(services) == 1
        (sent,) = outbox(services)
        assert sent["to"] == PHONE
        assert sent["template"] == "optout_confirm"
        assert START_WORD in sent["body"]
        assert len(standing(services)) == 1

    def test_leaves_the_confirmation_to_the_provider_that_gives_one(self, services: Services) -> None:
        """Twilio answers STOP by itself and refuses ours; it knows nothing of 退订, so that one is ours."""
        add_customer(services)
        add_customer(services, phone="+8613800002222")
        hear(services, PHONE, "stop")
        hear(services, "+8613800002222", "退订")
        work(services, answered_by_provider=ANSWERED_WORDS)

        assert len(standing(services)) == 2
        (reply,) = rows(services, message)
        assert reply.occasion == "inbound:2"

    def test_heeds_what_the_provider_has_done_already(self, services: Services) -> None:
        """Advanced Opt-Out may know words we do not; its verdict is carried over, and confirmed by it."""
        add_customer(services)
        hear(services, PHONE, "basta", OptOutType="STOP")
        work(services, answered_by_provider=ANSWERED_WORDS)

        assert standing(services) == [("marketing_and_survey", "opt_out")]
        assert rows(services, message) == []

    @pytest.mark.parametrize("text", ["Very helpful staff", "nonstop service", "please don't stop", "别停机", ""])
    def test_hears_whole_messages_only(self, services: Services, text: str) -> None:
        """A word inside a sentence silences nobody; a person reads it."""
        add_customer(services)
        hear(services, PHONE, text)
        work(services)

        assert standing(services) == []
        assert [r.handled_as for r in rows(services, inbound_message)] == ["inbox"]


class TestOptIn:
    def test_has_one_word_that_every_country_hears(self, services: Services) -> None:
        """Our texts name this way back wherever they go."""
        policies = services.policies
        for policy in (*policies.countries.values(), policies.elsewhere):
            assert classify(START_WORD, policy) is Keyword.OPT_IN

    def test_lifts_the_opt_out_only(self, services: Services) -> None:
        """A dead number does not come to life by its owner's START."""
        add_customer(services)
        with write(services.engine) as conn:
            make_suppression(conn, address=PHONE, reason="bad_number")
            make_suppression(conn, address=PHONE, reason="complaint")
        hear(services, PHONE, "退订")
        work(services)
        hear(services, PHONE, "START")
        work(services)

        assert standing(services) == [("all", "bad_number"), ("all", "complaint")]

    def test_is_not_confirmed_where_nothing_stood(self, services: Services) -> None:
        """START out of the blue gets no answer."""
        add_customer(services)
        hear(services, PHONE, "恢复")
        work(services)

        assert rows(services, message) == []


class TestHelp:
    def test_is_answered_within_half_an_hour(self, services: Services, clock: VirtualClock) -> None:
        """The answer is a row of the ledger: purpose reply, due now, useless after 30 minutes, in the books."""
        add_customer(services)
        hear(services, PHONE, "帮助")
        work(services)

        (reply,) = rows(services, message)
        assert (reply.campaign_id, reply.purpose, reply.due_at) == ("reply:help_reply", "reply", clock.now())
        assert reply.use_by - reply.due_at == timedelta(minutes=30)
        assert dispatch(services) == 1


class TestAutomaticAnswers:
    def test_stop_after_one_an_hour(self, services: Services, clock: VirtualClock) -> None:
        """Another robot that answers ours gets one answer per number and hour, however much it writes."""
        add_customer(services)
        for _ in range(200):
            hear(services, PHONE, "HELP")
            clock.advance(timedelta(seconds=1))
        work(services)
        assert len(rows(services, message)) == 1

        clock.advance(timedelta(hours=1))
        hear(services, PHONE, "HELP")
        work(services)
        assert len(rows(services, message)) == 2

    def test_go_to_the_number_that_wrote(self, services: Services) -> None:
        """A customer with two phones is answered on the one in their hand."""
        second = "+8613800003333"
        customer_id = add_customer(services)
        with write(services.engine) as conn:
            conn.execute(
                sa.text(
                    "INSERT INTO contact_point (customer_id, channel, position, address, address_hash, updated_at) "
                    "VALUES (:c, 'sms', 1, :a, :h, 0)"
                ),
                {"c": customer_id, "a": second, "h": address_hash("sms", second)},
            )
        hear(services, second, "HELP")
        work(services)
        dispatch(services)

        assert [sent["to"] for sent in outbox(services)] == [second]


class _YesOrNo:
    """An open yes/no question, as a survey would have it."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def take(self, conn: sa.Connection, inbound: Inbound, *, now: datetime) -> HandledAs | None:
        if inbound.text in ("N", "no"):
            self.heard.append(inbound.text)
            return HandledAs.REPLY
        return HandledAs.OPT_OUT if inbound.text == "别烦我" else None


class TestAnOpenQuestion:
    def test_goes_before_keywords(self, services: Services) -> None:
        """N is a word of refusal in China, and an answer while a yes/no question is open."""
        add_customer(services)
        question = _YesOrNo()
        hear(services, PHONE, "N")
        work(services, handlers=(question,))

        assert question.heard == ["N"]
        assert standing(services) == []
        assert [r.handled_as for r in rows(services, inbound_message)] == ["reply"]

    def test_leaves_what_is_no_answer(self, services: Services) -> None:
        """退订 during a question is still a refusal; without a question N is one as well."""
        add_customer(services)
        hear(services, PHONE, "退订")
        work(services, handlers=(_YesOrNo(),))
        assert len(standing(services)) == 1

        hear(services, "+8613800009999", "N")
        work(services)
        assert len(standing(services)) == 2

    def test_may_find_a_refusal_in_the_answer(self, services: Services) -> None:
        """Whoever reads the answer may say that it is a refusal; it is then carried out here."""
        add_customer(services)
        hear(services, PHONE, "别烦我")
        work(services, handlers=(_YesOrNo(),))

        assert standing(services) == [("marketing_and_survey", "opt_out")]


class TestTheStoredMessage:
    def test_names_customer_and_latest_message(self, services: Services, clock: VirtualClock) -> None:
        """Of several customers on one phone it is the one written to last."""
        add_customer(services)
        other = add_customer(services, phone="+8613800004444")
        with write(services.engine) as conn:
            conn.execute(
                sa.text("UPDATE contact_point SET address_hash = :h, address = :a WHERE customer_id = :c"),
                {"h": address_hash("sms", PHONE), "a": PHONE, "c": other},
            )
            made = make_message(conn, customer_id=other, now=clock.now())
            make_attempt(conn, message_id=made, phone=PHONE, now=clock.now())
        hear(services, PHONE, "谢谢，你们也是")
        work(services)

        (kept,) = rows(services, inbound_message)
        assert (kept.customer_id, kept.about_message_id) == (other, made)

    def test_is_the_only_place_of_the_words(self, services: Services) -> None:
        """Once stored, text and number leave the webhook's payload."""
        add_customer(services)
        hear(services, PHONE, "上门的师傅很好")
        work(services)

        (hook,) = rows(services, webhook)
        assert hook.done_at is not None
        assert not {"Body", "From"} & set(hook.payload)

    @pytest.mark.parametrize("sender", ["10086", "CARE-INFO", "+999", "' OR 1=1 --", "\x00+86\x00"])
    def test_bears_any_sender(self, services: Services, sender: str) -> None:
        """Short codes, names and nonsense are kept and answered by nobody."""
        hear(services, sender, "HELP")
        assert work(services) == 1

        assert [r.problem for r in rows(services, webhook)] == [None]
        assert rows(services, message) == []
