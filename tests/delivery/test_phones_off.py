"""A phone that is off, a mailbox that is full: asked seldom, and no reason to write to it never again."""

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.customers.tables import suppression
from care.delivery.retry import KEPT, MAX_ATTEMPTS
from care.messages.model import MessageStatus
from care.messages.stops import retry_campaign
from care.messages.tables import attempt
from tests.delivery.ledger_rows import add_failure
from tests.delivery.test_dispatcher import Postbox
from tests.delivery.test_receipts import hear, sent_one, word
from tests.factories import address_hash
from tests.house import BIRTHDAY, House

UNKNOWN_OR_OFF, OFF = "30005", "30003"
NUMBER = "+8613800001234"


def attempts(house: House) -> list[sa.Row]:
    with read(house.engine) as conn:
        return list(conn.execute(sa.select(attempt).order_by(attempt.c.id)).all())


def bans(house: House) -> list[str]:
    with read(house.engine) as conn:
        return list(conn.execute(sa.select(suppression.c.reason)).scalars())


def try_until_the_end(house: House, code: str) -> None:
    """Let every try end as undelivered until none follows."""
    for _ in range(20):
        hear(house, word(attempts(house)[-1], "undelivered", code))
        (row,) = house.messages()
        if row.status != "planned":
            return
        house.clock.advance(row.wake_at - house.clock.now())
        house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)})
        if attempts(house)[-1].channel != attempts(house)[0].channel:
            return
    raise AssertionError("it never ends")


def waits(house: House) -> list[timedelta]:
    return [after.intent_at - before.intent_at for before, after in itertools.pairwise(attempts(house))]


class TestUnknownOrOff:
    def test_bans_nobody_by_one_message(self, house: House) -> None:
        """One further try, hours later; then it ends by name, and the number is written to again."""
        sent_one(house)
        try_until_the_end(house, UNKNOWN_OR_OFF)
        (wait,) = waits(house)
        assert timedelta(hours=2) <= wait <= timedelta(hours=4, minutes=1)
        assert bans(house) == []

    def test_bans_after_the_third_message_in_a_row(self, house: House) -> None:
        """Nothing waits then for a try that cannot come."""
        made = sent_one(house, phone=NUMBER)
        customer_id = house.messages()[0].customer_id
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).where(attempt.c.id == made.id).values(id=100))
            for _ in range(2):
                add_failure(
                    conn,
                    customer_id=customer_id,
                    address_hash=address_hash("sms", NUMBER),
                    error_class="number-soft-permanent",
                    at=made.intent_at,
                )
        hear(house, word(made, "undelivered", UNKNOWN_OR_OFF))
        assert bans(house) == ["bad_number"]
        assert house.messages()[0].status == "undelivered"

    def test_goes_by_mail_after_its_last_try(self, house: House) -> None:
        """The other channel is better than the same phone once more."""
        sent_one(house, email="wang@example.com")
        try_until_the_end(house, UNKNOWN_OR_OFF)
        assert [row.channel for row in attempts(house)] == ["sms", "sms", "email"]


class TestOff:
    def test_is_asked_a_few_times_far_apart(self, house: House) -> None:
        """Four tries in all: a phone that is off for the night is not asked eight times in an hour."""
        sent_one(house)
        try_until_the_end(house, OFF)
        first, second, *_ = waits(house)
        assert len(attempts(house)) == 4
        assert timedelta(minutes=15) <= first <= timedelta(minutes=31)
        assert timedelta(hours=1) <= second <= timedelta(hours=2, minutes=1)
        assert attempts(house)[-1].intent_at < house.messages()[0].use_by

    def test_is_asked_sooner_where_time_is_short(self, house: House) -> None:
        """No wait takes more than two thirds of what is left."""
        made = sent_one(house)
        left = timedelta(minutes=12)
        house.clock.advance(house.messages()[0].use_by - left - house.clock.now())
        hear(house, word(made, "undelivered", OFF))
        (row,) = house.messages()
        assert row.status == "planned"
        assert left / 3 <= row.wake_at - house.clock.now() <= left * 2 / 3


class TestNoReason:
    def test_goes_by_mail_before_all_tries_are_used_up(self, house: House) -> None:
        """A carrier that says no more than no: the last two tries are the mail's."""
        sent_one(house, email="wang@example.com")
        try_until_the_end(house, "99999")
        assert [row.channel for row in attempts(house)] == ["sms"] * (MAX_ATTEMPTS - KEPT) + ["email"]

    def test_sent_again_by_hand_outlasts_a_want_of_room(self, house: House) -> None:
        """Its tries are used up but for the one by hand, and what was never processed is none."""
        sent_one(house, phone=NUMBER)
        try_until_the_end(house, "99999")
        now, box = house.clock.now(), Postbox()
        done = retry_campaign(house.engine, "birthday", MessageStatus.UNDELIVERED, by="ops:test", now=now)
        assert (done.again, len(attempts(house))) == (1, MAX_ATTEMPTS)
        box.answers[NUMBER] = ["429/20429"]
        for _ in range(2):
            house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})
            house.clock.advance(timedelta(minutes=40))
        assert house.statuses() == {"accepted": 1}


MAIL_ONLY = BIRTHDAY.replace("[sms, email]", "[email]")


class TestAFullMailbox:
    @pytest.mark.parametrize("code", ["4.2.1", "4.2.2"])
    def test_is_asked_a_few_times_far_apart(self, house: House, code: str) -> None:
        """As a phone that is off: four tries in all, the first later than the quarter of an hour that receivers ask."""
        sent_one(house, campaign=MAIL_ONLY, email="wang@example.com")
        try_until_the_end(house, code)
        first, second, third = waits(house)
        assert timedelta(minutes=15) <= first <= timedelta(minutes=31)
        assert timedelta(hours=1) <= second <= timedelta(hours=2, minutes=1)
        assert third > second / 2, "shortened to the time that is left"
        assert attempts(house)[-1].intent_at < house.messages()[0].use_by
        assert bans(house) == [], "one message bans nobody"
