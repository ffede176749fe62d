"""A provider that speaks of one request under two references has it twice, and nobody passes over that."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from care.base.database import read, write
from care.delivery.copies import is_another
from care.delivery.receipts import Receipt
from care.messages.tables import attempt, message, receipt
from care.policy.load import load_policies
from care.reports.promises import broken_promises
from care.reports.story import tell_story
from tests.delivery.test_receipts import hear, sent_one, word
from tests.house import House

SECOND = "SMsecond"
POLICIES = load_policies()


def copies(house: House) -> int:
    """Return how many messages the books count that reached somebody twice."""
    with read(house.engine) as conn:
        pages = [(m.campaign_id, m.occasion_on, m.occasion_on) for m in conn.execute(sa.select(message))]
        found = {each.name: each.count for each in broken_promises(conn, pages, policies=POLICIES)}
    return found["duplicates"]


def second(made: sa.Row, status: str, code: str = "", *, ref: str = SECOND) -> Receipt:
    return replace(word(made, status, code), provider_ref=ref)


def read_words(made: sa.Row, words: str) -> Receipt:
    """Return the receipt of "first sent" or "second failed"."""
    which, status = words.split()
    return (second if which == "second" else word)(made, status, "20429" if status == "failed" else "")


class TestASecondReference:
    def test_is_named_counted_and_logged_once(self, house: House) -> None:
        """Both were taken; the callback is doubled, and the log has ids only."""
        made = sent_one(house)
        hear(house, word(made, "sent"))
        assert copies(house) == 0
        with capture_logs() as said:
            assert hear(house, second(made, "sent"), second(made, "sent")) == 1
        about = {"message_id": made.message_id, "attempt_id": made.id}
        assert said == [{"event": "receipts.second_reference", "log_level": "warning", **about}]
        assert copies(house) == 1
        with read(house.engine) as conn:
            story = tell_story(conn, made.message_id)
            assert conn.execute(sa.select(attempt.c.provider_ref)).scalar() == made.provider_ref
        assert story is not None
        told = "\n".join(event.text for event in story.events)
        assert f"reference {made.provider_ref}" in told
        assert f"sent, under a second reference {SECOND}" in told

    @pytest.mark.parametrize("ref", ["", "  ", "mail.1", "{own}", " {own} "])
    def test_is_no_other_spelling_and_no_word_of_a_mail(self, house: House, ref: str) -> None:
        """Nor is one that we made ourselves."""
        made = sent_one(house)
        assert made.provider_ref
        with capture_logs() as said:
            hear(house, second(made, "delivered", ref=ref.format(own=made.provider_ref.swapcase())))
        assert (said, copies(house)) == ([], 0)

    @pytest.mark.parametrize("first_fails", [True, False])
    def test_beside_one_that_failed_is_no_copy(self, house: House, *, first_fails: bool) -> None:
        """Only one of the two arrived."""
        made = sent_one(house)
        failed, good = (word, second) if first_fails else (second, word)
        hear(house, failed(made, "sent"), failed(made, "failed", "30007"), good(made, "delivered"))
        assert copies(house) == 0

    @pytest.mark.parametrize("words", [["first sent", "second failed"], ["second sent", "first failed"]])
    @pytest.mark.parametrize("at_once", [True, False])
    def test_that_may_still_arrive_keeps_from_another_try(
        self, house: House, words: list[str], *, at_once: bool
    ) -> None:
        """One of the two failed, in a way after which it would be tried again; the other is on its way."""
        made = sent_one(house, email="wang@example.com")
        said = [read_words(made, each) for each in words]
        for some in [said] if at_once else [[one] for one in said]:
            hear(house, *some)
        assert house.statuses() == {"sent": 1}
        with read(house.engine) as conn:
            assert conn.execute(sa.select(attempt.c.error_class)).scalar() is None, "the message did not fail"
        hear(house, read_words(made, f"{words[0].split()[0]} failed"))
        assert house.statuses() == {"planned: capacity: again later": 1}, "now both did"

    def test_that_was_named_after_the_first_failed_in_the_same_batch_keeps_from_it(self, house: House) -> None:
        """Whatever the order within the batch."""
        made = sent_one(house)
        hear(house, word(made, "failed", "20429"), second(made, "sent"))
        assert house.statuses() == {"sent": 1}

    def test_that_arrived_ends_it(self, house: House) -> None:
        """The one failed before, the other after."""
        made = sent_one(house)
        hear(house, second(made, "sent"))
        hear(house, word(made, "failed", "20429"))
        hear(house, second(made, "delivered"))
        hear(house, word(made, "undelivered", "30003"))
        assert house.statuses() == {"delivered": 1}

    def test_of_a_mail_is_no_second_request(self, house: House) -> None:
        """A mail that came back has a reference of ours; it is the request itself that failed."""
        made = sent_one(house)
        hear(house, second(made, "undelivered", "20429", ref="mail.1"))
        assert house.statuses() == {"planned: capacity: again later": 1}

    def test_of_which_one_arrived_after_all_is_a_copy(self, house: House) -> None:
        """Undelivered at first, delivered then."""
        made = sent_one(house)
        hear(house, second(made, "undelivered"), word(made, "delivered"), second(made, "delivered"))
        assert copies(house) == 1

    def test_of_a_request_whose_answer_was_lost_is_one_of_two(self, house: House) -> None:
        """The first callback names it, in one batch with the second or before it."""
        made = sent_one(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).values(provider_ref=None, outcome="unknown"))
        with capture_logs() as said:
            hear(house, second(made, "sent", ref="SMfirst"), second(made, "sent"))
        assert [entry["event"] for entry in said] == ["receipts.second_reference"]
        assert copies(house) == 1

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(data=st.data())
    def test_counts_in_any_order(self, house: House, data: st.DataObject) -> None:
        """The first, the second, doubled, in one batch or one by one: a copy as soon as both were taken."""
        with write(house.engine) as conn:
            known = conn.execute(sa.select(attempt)).first()
        made = known or sent_one(house)
        words = st.tuples(st.booleans(), st.sampled_from(["queued", "sent", "delivered"]))
        said = data.draw(st.lists(words, max_size=6))
        batches = data.draw(st.booleans())
        has_answer = data.draw(st.booleans())
        with write(house.engine) as conn:
            conn.execute(sa.delete(receipt))
            fresh = {"provider_ref": "SMfirst"} if has_answer else {"provider_ref": None, "outcome": "unknown"}
            conn.execute(sa.update(attempt).values({"outcome": "accepted", **fresh}))
        receipts = [second(made, status, ref=SECOND if is_copy else "SMfirst") for is_copy, status in said]
        for some in [receipts] if batches else [[one] for one in receipts]:
            hear(house, *some)
        named = {is_copy for is_copy, _ in said} | ({False} if has_answer else set())
        assert copies(house) == (len(named) == 2)


class TestIsAnother:
    @pytest.mark.parametrize(
        ("first", "other", "told"),
        [
            (None, "A", False),
            ("", "A", False),
            ("A", "", False),
            ("A", " a", False),
            ("A", "mail.7", False),
            ("A", "B", True),
        ],
    )
    def test_compares_what_both_name(self, first: str | None, other: str, *, told: bool) -> None:
        """Nothing is another than nothing."""
        assert is_another(first, other) is told
