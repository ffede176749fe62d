"""From a resolved ticket to a question that was asked, through planner, sender and the sandbox's carrier."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.inbound.worker import work_inbox
from care.messages.tables import attempt
from care.surveys.cases import Concern, open_case
from care.surveys.model import AnswerChannel, CaseReason
from tests.factories import THEN, address_hash, make_suppression
from tests.house import ROOT, build_house
from tests.inbound.house import hear
from tests.surveys.conftest import SHIPPED, FollowUps
from tests.surveys.factories_tickets import answer, make_ticket, reopen, resolve

HOUR = timedelta(hours=1)


def _house_of(tmp_path: Path, engine: sa.Engine, clock: VirtualClock, **settings: str) -> FollowUps:
    """Return a house with the shipped campaigns and settings of its own."""
    house = build_house(tmp_path, engine, clock, **settings)
    for name in SHIPPED:
        house.write_campaign((ROOT / f"campaigns/{name}.yaml").read_text(encoding="utf-8"), name)
    return FollowUps(house)


class TestTheWayOfOne:
    def test_is_due_two_hours_later_and_asked(self, follow_ups: FollowUps) -> None:
        """The message names the ticket; the follow-up moves with what the carrier says."""
        ref = follow_ups.resolved(follow_ups.customer())
        follow_ups.tick()

        one = follow_ups.one(ref)
        assert one.state == "due"
        assert 2 * HOUR <= one.due_at - follow_ups.now < 2.5 * HOUR

        follow_ups.advance(4 * HOUR)

        one = follow_ups.one(ref)
        (sent,) = follow_ups.house.messages(leg="main")
        assert (sent.occasion, sent.subject, sent.status) == (f"ticket:{ref}", ref, "delivered")
        assert (one.state, one.covered_at, one.is_late) == ("delivered", sent.sent_at, False)
        assert one.invited_at == sent.sent_at

    @pytest.mark.parametrize("channel", [AnswerChannel.SMS, AnswerChannel.WEB, AnswerChannel.PAPER])
    def test_is_answered_before_anybody_has_seen_it_leave(self, follow_ups: FollowUps, channel: AnswerChannel) -> None:
        """What is answered was sent and has arrived; a letter says nothing of a message."""
        ref = follow_ups.resolved(follow_ups.customer())
        follow_ups.tick()
        follow_ups.house.clock.advance(3 * HOUR)
        follow_ups.house.dispatch()
        assert follow_ups.one(ref).state == "due"
        with write(follow_ups.house.engine) as conn:
            answer(conn, follow_ups.one(ref), follow_ups.now, channel=channel)

        one = follow_ups.one(ref)
        (sent,) = follow_ups.house.messages(leg="main")
        known = (one.invite_message_id, one.invited_at, one.covered_at, one.delivered_at)
        assert one.state == "answered"
        arrived_at = None if channel is AnswerChannel.PAPER else follow_ups.now
        assert known == (sent.id, sent.sent_at, sent.sent_at, arrived_at)

    def test_is_withdrawn_when_the_ticket_is_opened_again(self, follow_ups: FollowUps) -> None:
        """Nobody is asked how it went while it goes on; the next resolution is asked about."""
        who = follow_ups.customer()
        with write(follow_ups.house.engine) as conn:
            ticket_id = make_ticket(conn, customer_id=who, at=follow_ups.now)
            first = resolve(conn, ticket_id, at=follow_ups.now)
        follow_ups.tick()
        with write(follow_ups.house.engine) as conn:
            reopen(conn, ticket_id, at=follow_ups.now)
        follow_ups.advance(3 * HOUR)
        with write(follow_ups.house.engine) as conn:
            second = resolve(conn, ticket_id, at=follow_ups.now)
        follow_ups.advance(3 * HOUR)

        assert (follow_ups.one(first).state, follow_ups.one(first).reason) == ("exempt", "reopened")
        assert follow_ups.one(second).state in ("invited", "delivered")

    def test_is_not_sent_when_it_was_opened_again_at_the_last_moment(self, follow_ups: FollowUps) -> None:
        """The sender looks itself, on the rows as they are when the message would leave."""
        who = follow_ups.customer()
        with write(follow_ups.house.engine) as conn:
            ticket_id = make_ticket(conn, customer_id=who, at=follow_ups.now)
            resolve(conn, ticket_id, at=follow_ups.now)
        follow_ups.tick()
        follow_ups.house.clock.advance(3 * HOUR)
        with write(follow_ups.house.engine) as conn:
            reopen(conn, ticket_id, at=follow_ups.now)

        assert follow_ups.house.dispatch() == 0
        assert follow_ups.house.statuses() == {"cancelled: no longer owed": 1}

    def test_goes_to_the_number_that_reported_it(self, follow_ups: FollowUps) -> None:
        """Also where the customer has another number first, and where the number is nobody's."""
        mine = follow_ups.resolved(follow_ups.customer(), contact_phone="+8613911110000")
        nobody = follow_ups.resolved(follow_ups.customer(phone=None), contact_phone="+8613911110001")
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)

        assert self.hashes(follow_ups) == {address_hash("sms", f"+861391111000{n}") for n in (0, 1)}
        assert {follow_ups.one(ref).state for ref in (mine, nobody)} == {"delivered"}

    def test_keeps_the_word_of_that_number_too(self, follow_ups: FollowUps) -> None:
        """Whoever said STOP with it gets nothing; the customer's own number is asked then."""
        with write(follow_ups.house.engine) as conn:
            make_suppression(conn, address="+8613911110000", scope="survey")
        follow_ups.resolved(follow_ups.customer(phone="+8613922220000"), contact_phone="+8613911110000")
        alone = follow_ups.resolved(follow_ups.customer(phone=None), contact_phone="+8613911110000")
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)

        assert self.hashes(follow_ups) == {address_hash("sms", "+8613922220000")}
        assert follow_ups.one(alone).state == "phone_task"

    @staticmethod
    def hashes(follow_ups: FollowUps) -> set[str]:
        """Return the hashes of the numbers that were written to."""
        with read(follow_ups.house.engine) as conn:
            return set(conn.execute(sa.select(attempt.c.address_hash)).scalars())


class TestTheReminder:
    def test_comes_once_at_another_hour_and_then_it_is_over(self, follow_ups: FollowUps) -> None:
        """36 hours after the question; after seven days nobody is asked any more."""
        ref = follow_ups.resolved(follow_ups.customer())
        follow_ups.tick()
        follow_ups.advance(timedelta(days=3), step=timedelta(hours=6))

        one = follow_ups.one(ref)
        assert one.state == "reminded"
        assert one.reminded_at - one.invited_at >= timedelta(hours=36)
        assert one.reminded_at.hour != one.invited_at.hour
        assert {(m.leg, m.status) for m in follow_ups.house.messages()} == {
            ("main", "delivered"),
            ("reminder", "delivered"),
        }

        follow_ups.advance(timedelta(days=5), step=timedelta(hours=24))

        assert follow_ups.one(ref).state == "closed_unanswered"
        assert len(follow_ups.house.messages()) == 2

    @pytest.mark.parametrize("word", ["answer", "comment", "case"])
    def test_is_cancelled_by_any_answer_and_by_a_case(self, follow_ups: FollowUps, word: str) -> None:
        """Whoever spoke is not asked again."""
        ref = follow_ups.resolved(who := follow_ups.customer())
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)
        one = follow_ups.one(ref)
        with write(follow_ups.house.engine) as conn:
            if word == "case":
                concern = Concern(
                    reason=CaseReason.CALL_BACK, customer_id=who, due_at=follow_ups.now, follow_up_id=one.id
                )
                open_case(conn, concern, now=follow_ups.now)
            else:
                answer(conn, one, follow_ups.now, overall=4 if word == "answer" else None)
        follow_ups.advance(timedelta(days=3), step=timedelta(hours=6))

        assert [m.status for m in follow_ups.house.messages(leg="reminder")] == ["cancelled"]
        assert follow_ups.one(ref).state == ("answered" if word == "answer" else "delivered")

    def test_goes_to_nobody_who_wrote_back(self, follow_ups: FollowUps) -> None:
        """Understood or not, waiting for a person or not, refused and taken back; a phone's own reply is no word."""
        said = [
            ("purple monkey", "banana"),
            ("10",),
            ("thanks",),
            ("退订", "恢复"),
            ("STOP", "START"),
            ("[Auto-Reply] Out of office until 5 March",),
        ]
        phones = [f"+86139{n}5500900" for n in range(len(said))]  # whom the sandbox never makes write
        refs = [follow_ups.resolved(follow_ups.customer(phone=phone)) for phone in phones]
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)
        services = follow_ups.house.services
        for phone, texts in zip(phones, said, strict=True):
            for text in texts:
                hear(services, phone, text, **({"OptOutType": text} if text in ("STOP", "START") else {}))
        work_inbox(services.engine, services.inbound_rules, now=follow_ups.now)
        follow_ups.advance(timedelta(days=3), step=timedelta(hours=6))

        assert [follow_ups.one(ref).state for ref in refs] == ["delivered"] * 5 + ["reminded"]


class TestWhoIsNotAsked:
    @pytest.mark.parametrize(
        ("about_them", "about_it", "state", "reason"),
        [
            ({}, {"is_test": True}, "exempt", "test_ticket"),
            ({"customer_type": "staff"}, {}, "exempt", "staff"),
            ({"deceased": True}, {}, "exempt", "deceased"),
            ({"status": "left"}, {}, "exempt", "left"),
            ({"erased_at": THEN}, {}, "exempt", "erased"),
            ({"attributes": {"legal_hold": "yes"}}, {}, "exempt", "legal_hold"),
            ({}, {"kind": "inquiry"}, "exempt", "no_campaign"),
            ({"phone": None}, {}, "phone_task", "no_contact"),
        ],
    )
    def test_has_a_reason(self, follow_ups: FollowUps, about_them, about_it, state, reason) -> None:
        """Exempt, or called by a person; nothing is planned, nobody is forgotten."""
        ref = follow_ups.resolved(follow_ups.customer(**about_them), **about_it)
        follow_ups.tick()

        one = follow_ups.one(ref)
        assert (one.state, one.reason) == (state, reason)
        assert one.covered_at == (follow_ups.now if state == "exempt" else None)
        assert follow_ups.house.messages() == []

    @pytest.mark.parametrize(("reason", "state"), [("opt_out", "exempt"), ("bad_number", "phone_task")])
    def test_an_opt_out_is_a_word_and_a_dead_number_is_not(self, follow_ups: FollowUps, reason, state) -> None:
        """Whoever said no is left in peace; whoever cannot be reached is called."""
        with write(follow_ups.house.engine) as conn:
            make_suppression(conn, address="+8613933330000", scope="all", reason=reason)
        ref = follow_ups.resolved(follow_ups.customer(phone="+8613933330000"))
        follow_ups.tick()

        assert follow_ups.one(ref).state == state

    def test_what_is_heard_of_very_late_is_not_asked_about(self, follow_ups: FollowUps) -> None:
        """A year of old tickets may be imported without a year of questions; the flag tells the truth."""
        ref = follow_ups.resolved(follow_ups.customer(), at=follow_ups.now - timedelta(days=20))
        follow_ups.tick()

        one = follow_ups.one(ref)
        assert (one.state, one.reason, one.is_late) == ("exempt", "too_old", True)

    def test_whoever_the_carrier_does_not_reach_is_called(self, follow_ups: FollowUps) -> None:
        """Undelivered on the only channel: a person calls, in time."""
        ref = follow_ups.resolved(follow_ups.customer(phone="+8613805530006"))
        follow_ups.tick()
        follow_ups.advance(6 * HOUR)

        one = follow_ups.one(ref)
        assert (one.state, one.reason, one.is_late) == ("phone_task", "undelivered", False)

    def test_whoever_no_campaign_reaches_is_called(self, follow_ups: FollowUps) -> None:
        """A narrower audience forgets nobody."""
        text = (ROOT / "campaigns/repair_followup.yaml").read_text(encoding="utf-8")
        narrow = text.replace("audience: everyone", "audience: {area: {equals: nowhere}}")
        follow_ups.house.write_campaign(narrow, "repair_followup")
        ref = follow_ups.resolved(follow_ups.customer())
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)

        assert (follow_ups.one(ref).state, follow_ups.one(ref).reason) == ("phone_task", "not_in_audience")

    def test_where_nobody_can_answer_an_sms_it_goes_by_mail_or_a_person_calls(self, tmp_path, engine, clock) -> None:
        """China takes no replies to a gateway abroad, and no links from it."""
        abroad = {"SMS__PROVIDER": "twilio", "TWILIO__ACCOUNT_SID": "AC1", "TWILIO__AUTH_TOKEN": "t"}
        abroad |= {"TWILIO__FROM_NUMBER": "+12025550123", "OPERATOR__PUBLIC_URL": "https://care.example.com"}
        follow_ups = _house_of(tmp_path, engine, clock, **abroad)
        alone = follow_ups.resolved(follow_ups.customer())
        mail = follow_ups.resolved(follow_ups.customer(email="a@example.com"))
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)

        assert (follow_ups.one(alone).state, follow_ups.one(alone).reason) == ("phone_task", "no_inbound_sms")
        assert {(m.channel, m.status) for m in follow_ups.house.messages(leg="main")} == {("email", "delivered")}
        assert follow_ups.one(mail).state == "delivered"

    def test_where_links_pass_an_sms_carries_one(self, tmp_path, engine, clock) -> None:
        """A sender that is a name takes no replies, but the page does."""
        follow_ups = _house_of(tmp_path, engine, clock, SENDERS__SURVEY="Hailan")
        alone = follow_ups.resolved(follow_ups.customer())
        follow_ups.tick()
        follow_ups.advance(4 * HOUR)

        assert follow_ups.one(alone).state == "delivered"
        assert [m.channel for m in follow_ups.house.messages(leg="main")] == ["sms"]
