"""A request that was in doubt turns out to have been taken, or to have failed, while a further one waits or has ended."""

import itertools
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery.receipts import Receipt, apply_receipts
from care.messages import store as ledger
from care.messages.model import MessageStatus
from care.messages.tables import attempt, message
from tests.delivery.test_dispatcher import Postbox
from tests.delivery.test_last_words import last_move, sent_again
from tests.delivery.test_receipts import hear, sent_one, word
from tests.house import House

DOUBT = {"outcome": "unknown", "provider_ref": None}


def stands(house: House, status: str, reason: str | None = None, **changes: Any) -> None:
    with write(house.engine) as conn:
        conn.execute(sa.update(message).values(status=status, reason=reason, **changes))


def tries(house: House) -> int:
    with read(house.engine) as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(attempt)).scalar_one())


def goes_again(house: House) -> int:
    house.clock.advance(timedelta(minutes=5))
    return house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)})


def of_the_first(made: sa.Row[Any], status: str, code: str = "") -> Receipt:
    """Return a word about the first of two tries, which was in doubt."""
    return replace(word(made, status, code), provider_ref="SMearlier", token="earlier")


class TestAFurtherTry:
    @pytest.mark.parametrize("waits", ["planned", "held"])
    @pytest.mark.parametrize(("said", "status"), [("queued", "accepted"), ("sent", "sent"), ("delivered", "delivered")])
    def test_is_taken_back_when_the_doubtful_one_was_taken(
        self, house: House, waits: str, said: str, status: str
    ) -> None:
        """It was to go again out of doubt, and waits; the callback of the first is late, and names no delivery."""
        made = sent_one(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).values(DOUBT))
        stands(house, waits, "sent again: nobody can tell, and it must arrive")
        hear(house, word(made, said))
        assert house.statuses() == {status: 1}
        assert (goes_again(house), tries(house)) == (0, 1)

    def test_is_taken_back_when_the_provider_has_it_twice(self, house: House) -> None:
        """The first reference failed, and the second is named in a later batch: it is on its way."""
        made = sent_one(house)
        hear(house, word(made, "failed", "20429"))
        hear(house, replace(word(made, "sent"), provider_ref="SMsecond"))
        assert house.statuses() == {"sent": 1}
        assert (goes_again(house), tries(house)) == (0, 1)

    @pytest.mark.parametrize("late", ["queued", "sent", "undelivered"])
    @pytest.mark.parametrize("is_claimed", [True, False])
    def test_is_not_taken_back_by_other_words_of_what_failed(self, house: House, late: str, is_claimed: bool) -> None:
        """They were true before it failed, or say it again; also while a sender has claimed the message and not begun."""
        made = sent_one(house)
        hear(house, word(made, "failed", "20429"))
        if is_claimed:
            stands(house, "sending", lease_owner=99, lease_until=house.clock.now())
        before = house.statuses()
        hear(house, word(made, late))
        assert house.statuses() == before

    @pytest.mark.parametrize("is_claimed", [True, False])
    def test_of_a_person_is_not_taken_back_by_what_was_known(self, house: House, *, is_claimed: bool) -> None:
        """Never confirmed, and somebody sends it again: that it was handed to the carrier says no more than before."""
        made = sent_one(house)
        if is_claimed:
            stands(house, "sending", lease_owner=99, lease_until=house.clock.now())
        else:
            stands(house, "planned", "retried")
        before = house.statuses()
        hear(house, word(made, "sent"))
        assert house.statuses() == before


class TestTheLaterOne:
    @pytest.mark.parametrize("end", [MessageStatus.FAILED, MessageStatus.EXPIRED])
    def test_does_not_deny_that_the_first_was_taken(self, house: House, end: MessageStatus) -> None:
        """It was refused, or ran out of time: the first is on its way, and nobody else is told instead."""
        made = sent_again(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).where(attempt.c.n == 2).values(outcome="refused", error_class="filtered"))
        stands(house, "sending", lease_owner=99, lease_until=house.clock.now())
        hear(house, of_the_first(made, "sent"))
        with write(house.engine) as conn:
            ids = [row.id for row in house.messages()]
            moved = ledger.move_messages(conn, ids, end, now=house.clock.now(), by="dispatcher", reason="filtered")
        assert (moved, house.statuses()) == ([], {"sent": 1})
        assert last_move(house) == ("sent", f"{ledger.TAKEN_STILL}filtered", "dispatcher")
        hear(house, of_the_first(made, "delivered"))
        assert house.statuses() == {"delivered": 1}

    def test_that_failed_leaves_the_first_on_its_way(self, house: House) -> None:
        """Both words by receipt, the good one first."""
        made = sent_again(house)
        hear(house, of_the_first(made, "queued"), word(made, "undelivered", "30007"))
        assert house.statuses() == {"accepted": 1}
        hear(house, of_the_first(made, "sending"), of_the_first(made, "sent"))
        assert house.statuses() == {"sent": 1}
        hear(house, of_the_first(made, "undelivered", "30007"))
        assert house.statuses() == {"undelivered: filtered": 1}

    @pytest.mark.parametrize("said", ["sent", "failed"])
    def test_is_left_alone_by_the_first_while_a_sender_has_the_message(self, house: House, said: str) -> None:
        """It may be writing the next intent: what the first came to decides nothing now."""
        made = sent_again(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).where(attempt.c.n == 2).values(outcome="refused", error_class="capacity"))
        stands(house, "sending", lease_owner=99, lease_until=house.clock.now())
        hear(house, of_the_first(made, said))
        assert house.statuses() == {"sending": 1}

    def test_that_failed_first_leaves_it_so_too(self, house: House) -> None:
        """In doubt until the first is heard of, and then no longer."""
        made = sent_again(house)
        hear(house, word(made, "undelivered", "30007"))
        assert house.statuses() == {f"unknown: {ledger.IN_DOUBT_STILL}filtered": 1}
        hear(house, of_the_first(made, "sent"))
        assert house.statuses() == {"sent": 1}


class TestBothFailed:
    @pytest.mark.parametrize("code", ["30007", ""])
    @pytest.mark.parametrize("first", ["failed", "undelivered"])
    def test_is_known_at_once(self, house: House, first: str, code: str) -> None:
        """The later one first; the end has the reason for which it went no further."""
        made = sent_again(house)
        hear(house, word(made, "undelivered", "30007"))
        hear(house, of_the_first(made, first, code))
        assert house.statuses() == {f"{first}: filtered": 1}
        assert last_move(house) == (first, "filtered", "receipt")
        assert (goes_again(house), tries(house)) == (0, 2)

    def test_is_not_known_while_a_third_is_in_doubt(self, house: House) -> None:
        """Of three tries."""
        made = sent_again(house)
        with write(house.engine) as conn:
            row = conn.execute(sa.select(attempt).where(attempt.c.n == 1)).mappings().one()
            conn.execute(sa.update(attempt).where(attempt.c.n == 2).values(n=3))
            conn.execute(sa.insert(attempt).values({**row, "id": 101, "n": 2, "token": "middle"}))
            conn.execute(sa.update(message).values(attempts=3))
        hear(house, word(made, "undelivered", "30007"))
        hear(house, replace(word(made, "undelivered"), provider_ref="SMmiddle", token="middle"))
        assert house.statuses() == {f"unknown: {ledger.IN_DOUBT_STILL}filtered": 1}

    def test_leaves_one_that_is_on_its_way_alone(self, house: House) -> None:
        """The first failed; the second was taken."""
        made = sent_again(house)
        hear(house, of_the_first(made, "failed", "30007"))
        assert house.statuses() == {"accepted": 1}


class TestAnyOrder:
    @pytest.mark.parametrize(
        ("first", "second", "end"),
        [
            (["queued", "sent"], ["undelivered"], "sent"),
            (["queued"], ["sent", "undelivered"], "accepted"),
            (["sent", "failed"], ["undelivered"], None),
            (["delivered"], ["sent", "undelivered"], "delivered"),
        ],
    )
    def test_of_words_about_both_gives_one_state(
        self, house: House, first: list[str], second: list[str], end: str | None
    ) -> None:
        """One by one, in every order: as good as the better of the two, and failed only if both are."""
        made = sent_again(house)
        said = [of_the_first(made, each, code_of(each)) for each in first]
        said += [word(made, each, code_of(each)) for each in second]
        ends = set()
        for order in itertools.permutations(said):
            with house.engine.begin() as conn:
                for one in order:
                    apply_receipts(conn, [one], now=house.clock.now(), dice=random.Random(1))
                ends.add(conn.execute(sa.select(message.c.status)).scalar())
                conn.rollback()
        assert ends == ({end} if end else {"failed", "undelivered"})


def code_of(status: str) -> str:
    return "30007" if status in ("failed", "undelivered") else ""
