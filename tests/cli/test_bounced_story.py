"""What came back is told in words: where it stands, why, and what to do, by every command that tells of a message."""

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Purpose
from care.delivery.receipts import Receipt, apply_receipts
from care.inbound.bounces.take_back import COMPLAINED, UNSUBSCRIBED
from care.messages.tables import attempt, message, receipt
from tests.cli.desk import Desk
from tests.house import BIRTHDAY
from tests.inbound.bounces.dialects import feedback, report
from tests.inbound.bounces.post import ADDRESS, ingest

FULL = "the mailbox is full or cannot be reached"
SPAM = "the receiver took the mail for spam or has a rule against it"
GONE = "the mailbox or its domain does not exist or takes no mail"
FIX_SENDER = "check its wording and the sender's SPF, DKIM and DMARC, then care retry"
FIX_ADDRESS = "correct the address, then care retry"


def greet_by(desk: Desk, channel: str, **contact: str) -> sa.Row:
    """Send a greeting by this channel alone to somebody whom another would reach; return its attempt."""
    desk.house.write_campaign(BIRTHDAY.replace("[sms, email]", f"[{channel}]"))
    desk.customer("C1", **{"phone": "+8613800001001", "email": ADDRESS, **contact})
    desk.house.plan()
    desk.house.dispatch()
    with read(desk.engine) as conn:
        return conn.execute(sa.select(attempt)).one()


def settle(desk: Desk) -> None:
    """Let the sender look for another way."""
    desk.house.clock.advance(timedelta(minutes=1))
    desk.house.dispatch()


def return_path(desk: Desk, made: sa.Row) -> str:
    return desk.house.services.mail_ids.return_path(made.id, made.token, "bounce.example.com")


class TestAMailThatCameBack:
    @pytest.mark.parametrize(
        ("answer", "why", "advice"),
        [
            ("452 4.2.2 mailbox full", FULL, "care retry while there is time"),
            ("550 5.7.1 message rejected as spam", SPAM, FIX_SENDER),
            ("550 5.1.1 user unknown", GONE, FIX_ADDRESS),
        ],
        ids=["full", "spam", "gone"],
    )
    def test_is_told_with_its_reason(self, desk: Desk, answer: str, why: str, advice: str) -> None:
        """The same in the story, the log and the answer to why."""
        made = greet_by(desk, "email")
        ingest(
            desk.house.services, report(ADDRESS, diagnosis=answer, status=answer.split()[1], to=return_path(desk, made))
        )
        settle(desk)

        told = f"the mail could not be delivered: {why}"
        story = desk("message", "show", str(made.message_id)).out
        assert story.startswith(f"message {made.message_id}: undelivered - {told}\n")
        assert f"  next       {advice}\n" in story
        assert f": {why})" in story, "the receipt"
        assert not any(word in story for word in ("next channel", "phone", "carrier", "the text"))
        assert "another channel is looked for" not in story, "the campaign has none"

        assert told in desk("log", "--state", "undelivered").out
        assert desk("log", "--state", "failed").code == 1
        assert told in desk("why", "C1").out
        in_full = desk("why", "C1", "birthday").out
        assert told in in_full
        assert advice in in_full


class TestATextThatCameBack:
    def test_is_told_with_its_reason(self, desk: Desk) -> None:
        """A landline, though a mailbox is known: words of a phone, and the number is what to correct."""
        made = greet_by(desk, "sms")
        with write(desk.engine) as conn:
            one = Receipt(
                provider="twilio",
                provider_ref=made.provider_ref,
                status="undelivered",
                error_code="30006",
                token=made.token,
                at=desk.house.clock.now(),
            )
            apply_receipts(conn, [one], now=desk.house.clock.now(), dice=random.Random(1))
        settle(desk)

        told = "the carrier could not deliver it: the number does not exist or takes no text messages, and no other"
        story = desk("message", "show", str(made.message_id)).out
        assert story.startswith(f"message {made.message_id}: undelivered - {told} channel reaches\n")
        assert f"  next       {FIX_ADDRESS}\n" in story
        assert told in desk("log", "--state", "undelivered").out
        assert told in desk("why", "C1").out


class TestAComplaint:
    def told(self, desk: Desk, made: sa.Row) -> str:
        """Return what the story says of the receipt."""
        story = desk("message", "show", str(made.message_id)).out
        (line,) = [line.split("CST  ")[1] for line in story.splitlines() if "receipt for try 1" in line]
        assert "moves nothing" not in story
        return line

    def test_says_what_is_stopped(self, desk: Desk) -> None:
        """A feedback report about a greeting."""
        made = greet_by(desk, "email")
        ingest(desk.house.services, feedback(recipient=ADDRESS, to=return_path(desk, made)))
        assert self.told(desk, made) == (
            "receipt for try 1: the recipient complained about it: no more greetings and offers to this address"
        )

    @pytest.mark.parametrize(
        ("word", "says"),
        [
            (COMPLAINED, "the recipient complained about it"),
            (UNSUBSCRIBED, "the recipient unsubscribed at the provider"),
        ],
    )
    def test_stops_surveys_after_a_survey(self, desk: Desk, word: str, says: str) -> None:
        """Either word, and more is stopped."""
        made = greet_by(desk, "email")
        with write(desk.engine) as conn:
            conn.execute(sa.update(message).values(purpose="survey", lane=Purpose.SURVEY.lane))
            one = {"provider": "sandbox", "provider_ref": "mail.1", "received_at": desk.house.clock.now()}
            conn.execute(sa.insert(receipt).values(attempt_id=made.id, status=word, error_code="", **one))
        assert self.told(desk, made) == (
            f"receipt for try 1: {says}: no more greetings, offers and surveys to this address"
        )
