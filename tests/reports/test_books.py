"""The books: what balances, and that whatever was broken by hand is found."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.messages.model import MessageStatus
from care.messages.tables import attempt, message, pause
from care.policy.load import load_policies
from care.reports.books import Books, books_for, open_books
from tests.reports.index_use import steps_of, whole_tables
from tests.reports.ledger import AT, DAY, make_attempt, make_message, make_sent

S = MessageStatus


@pytest.fixture
def policies():
    return load_policies()


@pytest.fixture
def books(engine: sa.Engine, policies):
    """Open the books of the day."""

    def opening(**more: object) -> Books:
        with read(engine) as conn:
            return open_books(conn, **{"first": DAY, "last": DAY, "policies": policies, "now": AT, **more})

    return opening


class TestAPage:
    def test_says_where_everyone_intended_stands(self, engine: sa.Engine) -> None:
        """Final and open together are what was intended."""
        with write(engine) as conn:
            make_sent(conn)
            make_sent(conn, status="sent")
            make_message(conn, status="skipped")
            make_message(conn)
        with read(engine) as conn:
            (page,) = books_for(conn, first=DAY, last=DAY)
        assert (page.campaign_id, page.occasion_on, page.leg) == ("birthday", DAY, "main")
        assert page.by_status == {S.DELIVERED: 1, S.SENT: 1, S.SKIPPED: 1, S.PLANNED: 1}
        assert (page.intended, page.final, page.open, page.difference) == (4, 2, 2, 0)

    def test_is_one_per_campaign_day_and_leg(self, engine: sa.Engine) -> None:
        """Days outside the question are left out."""
        with write(engine) as conn:
            make_message(conn, campaign_id="b")
            make_message(conn, campaign_id="a", leg="sms")
            make_message(conn, campaign_id="a", leg="email")
            make_message(conn, campaign_id="a", leg="email", occasion_on=DAY + timedelta(days=1))
            make_message(conn, campaign_id="a", leg="email", occasion_on=DAY + timedelta(days=2))
        with read(engine) as conn:
            pages = books_for(conn, first=DAY, last=DAY + timedelta(days=1))
        assert [(page.campaign_id, page.leg, page.occasion_on.day) for page in pages] == [
            ("a", "email", 25),
            ("a", "sms", 25),
            ("a", "email", 26),
            ("b", "main", 25),
        ]


class TestBooks:
    def test_are_empty_on_a_new_database(self, books) -> None:
        """Nothing intended, nothing wrong."""
        assert books().balance
        assert books().verdict == "The books are empty for these days."

    def test_balance_where_every_status_has_its_evidence(self, engine: sa.Engine, books) -> None:
        """One line says so."""
        with write(engine) as conn:
            make_sent(conn)
            make_message(conn)
            failed = make_message(conn, status="failed")
            make_attempt(conn, failed, outcome="refused")
        assert books().verdict == "The books balance: 3 intended = 2 final + 1 open, on 1 page."

    def test_miss_a_row_that_was_deleted(self, engine: sa.Engine, books) -> None:
        """The independent count does not shrink with the ledger."""
        with write(engine) as conn:
            make_message(conn)
            gone = make_message(conn)
            conn.execute(sa.delete(message).where(message.c.id == gone))
        found = books()
        assert [page.difference for page in found.unbalanced] == [1]
        assert found.verdict == "The books do NOT balance: 1 of 1 page does not balance."

    def test_notice_a_page_of_which_every_row_is_gone(self, engine: sa.Engine, books) -> None:
        """No row is left that could point to it."""
        with write(engine) as conn:
            make_message(conn)
            conn.execute(sa.delete(message))
        assert [page.difference for page in books().unbalanced] == [1]

    def test_notice_a_row_nobody_intended(self, engine: sa.Engine, books) -> None:
        """A message that no planner counted is too many."""
        with write(engine) as conn:
            make_message(conn, intended=False)
        assert [page.difference for page in books().unbalanced] == [-1]

    @pytest.mark.parametrize("forged", ["accepted", "sent", "delivered", "undelivered", "unknown", "unconfirmed"])
    def test_notice_a_message_said_to_be_sent_that_never_left(self, engine: sa.Engine, books, forged) -> None:
        """No attempt stands behind it."""
        with write(engine) as conn:
            made = make_message(conn)
            values = {"status": forged, "delivered_at": AT if forged == "delivered" else None}
            conn.execute(sa.update(message).where(message.c.id == made).values(values))
        (finding,) = books().broken
        assert (finding.name, finding.count, list(finding.message_ids)) == ("unproven", 1, [made])

    @pytest.mark.parametrize("forged", ["planned", "held", "skipped", "expired", "cancelled", "failed"])
    def test_notice_a_message_that_arrived_and_is_said_not_to_have(self, engine: sa.Engine, books, forged) -> None:
        """It might be sent again, or be missing from the figures."""
        with write(engine) as conn:
            made = make_sent(conn)
            conn.execute(sa.update(message).where(message.c.id == made).values(status=forged, reason="x"))
        assert {finding.name: finding.count for finding in books().broken} == {"unproven": 1}

    def test_accept_a_second_try_after_a_bad_receipt(self, engine: sa.Engine, books) -> None:
        """The first attempt was accepted and came to nothing; the next channel waits."""
        with write(engine) as conn:
            make_attempt(conn, make_message(conn), says="undelivered")
        assert books().balance

    def test_list_what_is_uncertain(self, engine: sa.Engine, books) -> None:
        """By id, and it does not unbalance them."""
        with write(engine) as conn:
            doubtful = make_message(conn, status="unknown")
            make_attempt(conn, doubtful, outcome="unknown")
        assert list(books().unknown) == [doubtful]
        assert books().balance

    def test_tell_when_nobody_sends(self, engine: sa.Engine, books) -> None:
        """Due for a quarter of an hour, not paused, not taken."""
        with write(engine) as conn:
            make_message(conn)
            make_message(conn, campaign_id="paused")
            conn.execute(sa.insert(pause).values(scope="campaign:paused", by="ops", at=AT))
        assert books(now=AT + timedelta(minutes=15)).stalled == 0
        assert books(now=AT + timedelta(minutes=16)).stalled == 1

    def test_cost_follows_the_pages_asked_for(self, sqlite_engine: sa.Engine) -> None:
        """Every statement looks into an index; none reads the whole ledger."""
        with write(sqlite_engine) as conn:
            make_message(conn)
        steps = steps_of(sqlite_engine, lambda conn: books_for(conn, first=DAY, last=DAY))
        assert not whole_tables(steps)


def test_a_receipt_for_another_status_keeps_its_message_in_the_books(engine: sa.Engine, books) -> None:
    """An attempt given up before its first byte is no evidence of sending."""
    with write(engine) as conn:
        made = make_message(conn)
        make_attempt(conn, made, outcome="abandoned")
        assert conn.execute(sa.select(sa.func.count()).select_from(attempt)).scalar() == 1
    assert books().balance
