"""Doubled, shuffled and interrupted: a message counts once, wholly or not at all; a phone has one open question."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.bootstrap import Services
from care.customers.tables import customer
from care.inbound.store import store_webhooks
from care.inbound.tables import inbound_message, webhook
from care.inbound.twilio import fetched_row
from care.inbound.worker import work_inbox
from care.messages.tables import message
from care.surveys.conversation import handler
from care.surveys.conversation.open_questions import has_open_question
from care.surveys.tables import survey_answer, survey_case, survey_reply, survey_session
from tests.factories import address_hash, make_customer
from tests.inbound.house import dispatch, hear_all, inbound_form, make_attempt, make_message
from tests.surveys.conversation.factories_talk import (
    PHONE,
    answers,
    ask,
    handled,
    make_follow_up,
    make_invitation,
    rows,
    say,
    stage,
)


def work(services: Services) -> None:
    work_inbox(services.engine, services.inbound_rules, now=services.clock.now())


class TestTheSameMessageTwice:
    def test_changes_nothing(self, services: Services) -> None:
        """The provider repeats itself, before and after we have worked on it."""
        ask(services)
        form = inbound_form(PHONE, "1")
        hear_all(services, [form, form])
        work(services)
        hear_all(services, [form])
        work(services)

        assert answers(services) == [("overall", 1)]
        assert len(rows(services, survey_case)) == 1
        with read(services.engine) as conn:
            said = conn.execute(sa.select(sa.func.count()).where(message.c.occasion == "inbound:1")).scalar()
        assert said == 1

    def test_sent_twice_by_the_customer_answers_two_questions(self, services: Services) -> None:
        """Two messages are two messages; the second is for the question that came in between."""
        ask(services)
        say(services, "5")
        say(services, "5")

        assert answers(services) == [("overall", 5), ("result", 5)]


class TestAReplyFetchedLate:
    def test_answers_what_had_been_asked_when_it_was_written(self, services: Services, clock: VirtualClock) -> None:
        """Nobody heard it; another survey has been sent since."""
        first, written = ask(services), clock.now() + timedelta(hours=1)
        clock.advance(timedelta(hours=26))
        (who,) = rows(services, customer)
        ask(services, ref="B77", customer=who.id)
        asked, _ = rows(services, message)
        clock.advance(timedelta(minutes=1))
        with write(services.engine) as conn:
            store_webhooks(conn, [fetched_row(inbound_form(PHONE, "1"), clock.now(), written_at=written)])
        work(services)

        assert answers(services) == [("overall", 1)]
        assert [row.follow_up_id for row in rows(services, survey_case)] == [first]
        assert [row.about_message_id for row in rows(services, inbound_message)] == [asked.id]

    @pytest.mark.parametrize(("text", "case"), [("5", 0), ("1", 1)])
    def test_opens_no_question_that_is_not_asked_any_more(
        self, services: Services, clock: VirtualClock, text: str, case: int
    ) -> None:
        """Hours later the next one would come at night; it keeps no other survey waiting either."""
        ask(services)
        clock.advance(timedelta(hours=2))
        with write(services.engine) as conn:
            written = clock.now() - timedelta(hours=1)
            store_webhooks(conn, [fetched_row(inbound_form(PHONE, text), clock.now(), written_at=written)])
        work(services)

        assert answers(services) == [("overall", int(text))]
        assert (len(rows(services, survey_case)), len(rows(services, message))) == (case, 1)
        with read(services.engine) as conn:
            assert not has_open_question(conn, address_hash("sms", PHONE), clock.now())
        assert stage(services) == "done"


class TestAFailureInTheMiddle:
    def test_leaves_nothing_behind_and_is_made_good(
        self, services: Services, monkeypatch: pytest.MonkeyPatch, clock: VirtualClock
    ) -> None:
        """Score, case, answer and the message itself are one transaction."""
        ask(services)

        def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError

        with monkeypatch.context() as patch:
            patch.setattr(handler, "note_reply", fail)
            hear_all(services, [inbound_form(PHONE, "1")])
            work(services)
        for table in (survey_answer, survey_case, survey_reply, inbound_message):
            assert rows(services, table) == []
        clock.advance(timedelta(minutes=1))
        work(services)

        assert answers(services) == [("overall", 1)]
        assert [row.done_at is not None for row in rows(services, webhook)] == [True]


class TestOneOpenQuestion:
    def invite(self, services: Services, ref: str, *, leg: str = "main") -> int:
        """Plan an invitation that is due now, and leave the sending to the dispatcher."""
        now = services.clock.now()
        with write(services.engine) as conn:
            who = conn.execute(sa.text("SELECT id FROM customer")).scalar_one()
            if leg == "main":
                make_follow_up(conn, customer_id=who, ref=ref, now=now, state="due", due_at=now)
            return make_invitation(
                conn,
                customer_id=who,
                subject=f"{ref}:r1",
                now=now,
                campaign_id="greeting",
                status="planned",
                use_by=now + timedelta(days=3),
                leg=leg,
            )

    @pytest.fixture(autouse=True)
    def _without_cap(self, services: Services) -> None:
        """Complaints and installations are asked about whatever was asked before."""
        caps = "countries: {CN: {caps: {survey_invites_per_30d: 9}}}"
        (services.root / "campaigns" / "policy.yaml").write_text(caps, encoding="utf-8")

    def statuses(self, services: Services, *ids: int) -> list[tuple[str, str | None]]:
        with read(services.engine) as conn:
            found = conn.execute(sa.select(message.c.status, message.c.reason).where(message.c.id.in_(ids)))
            return [tuple(row) for row in found]

    def test_keeps_the_next_invitation_waiting(self, services: Services) -> None:
        """Until the first is answered, or a day is over."""
        ask(services, campaign_id="after_repair")
        second = self.invite(services, "B77")

        dispatch(services)

        assert self.statuses(services, second) == [("held", "another question is open")]
        with read(services.engine) as conn:
            assert has_open_question(conn, address_hash("sms", PHONE), services.clock.now())

    def test_lets_it_go_once_the_first_is_answered(self, services: Services) -> None:
        """All four digits end the conversation, and with it the wait."""
        ask(services)
        say(services, "5555")

        with read(services.engine) as conn:
            assert not has_open_question(conn, address_hash("sms", PHONE), services.clock.now())

    def test_gives_the_phone_to_the_newer_one_after_a_day(self, services: Services, clock: VirtualClock) -> None:
        """An unanswered question keeps nobody waiting beyond a working day."""
        ask(services)
        clock.advance(timedelta(hours=24, minutes=1))

        with read(services.engine) as conn:
            assert not has_open_question(conn, address_hash("sms", PHONE), clock.now())

    def test_never_keeps_its_own_reminder_waiting(self, services: Services) -> None:
        """The same question asked again is no second question."""
        ask(services)

        with read(services.engine) as conn:
            mine = ("after_repair", "ticket:A12:r1")
            assert not has_open_question(conn, address_hash("sms", PHONE), services.clock.now(), about=mine)

    def test_is_kept_among_invitations_of_one_moment(self, services: Services) -> None:
        """Two that are due together: one goes, one waits."""
        with write(services.engine) as conn:
            make_customer(conn, phone=PHONE, consents=("survey",))
        first, second = self.invite(services, "A12"), self.invite(services, "B77")

        dispatch(services)

        assert sorted(status for status, _ in self.statuses(services, first, second)) in (
            ["accepted", "held"],
            ["delivered", "held"],
            ["held", "sent"],
        )


class TestTwoRobots:
    def test_stop_talking_to_each_other(self, services: Services, clock: VirtualClock) -> None:
        """A machine that answers everything with the same words gets a handful of answers in all."""
        ask(services)
        for _ in range(30):
            say(services, "please call me back")
            clock.advance(timedelta(seconds=30))

        with read(services.engine) as conn:
            said = conn.execute(sa.select(sa.func.count()).where(message.c.occasion.like("inbound:%"))).scalar_one()
        assert said <= handler.MOST_ANSWERS

    def test_of_two_phones_are_two_conversations(self, services: Services) -> None:
        """What one customer answers moves nothing of the other."""
        ask(services)
        ask(services, ref="B7", phone="+8613800002222")
        say(services, "5")

        assert stage(services) == "asking"
        assert len(handled(services)) == 1


CAMPAIGN = """\
id: by_chance
name: by_chance
title: {{en: x, zh-CN: x, zh-TW: x}}
owner: care
purpose: survey
audience: everyone
occasion: {{kind: date, on: 2027-03-01, at: "10:00"}}
channels: [sms]
template: {template}
use_within: 8h
"""


class TestAChangedCampaign:
    def test_counts_without_a_new_start(self, services: Services) -> None:
        """What the next invitation asks follows the file, in a process that read another one before."""
        file, asked = services.root / "campaigns" / "by_chance.yaml", []
        for n, template in enumerate(("survey_ces", "survey_nps")):
            file.write_text(CAMPAIGN.format(template=template), encoding="utf-8")
            phone, now = f"+861380000333{n}", services.clock.now()
            with write(services.engine) as conn:
                who = make_customer(conn, phone=phone)
                about = {"campaign_id": "by_chance", "occasion": "date:2027-03-01", "purpose": "survey"}
                mine = make_message(conn, customer_id=who, now=now, status="accepted", **about)
                make_attempt(conn, message_id=mine, phone=phone, now=now)
            say(services, "6", phone=phone)
            asked.append(rows(services, survey_session)[-1].survey)
        assert asked == ["ces", "nps"]
