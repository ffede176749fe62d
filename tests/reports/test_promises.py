"""Each promise that the ledger can prove, kept and broken."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.messages.tables import receipt
from care.policy.load import load_policies
from care.reports.promises import broken_promises
from tests.factories import address_hash, make_consent, make_customer, make_suppression
from tests.reports.ledger import AT, DAY, make_attempt, make_message, make_sent

PHONE = "+8613800138000"
BEFORE = AT - timedelta(hours=1)


@pytest.fixture
def broken(engine: sa.Engine):
    """Return the promises that were broken, by name."""
    policies = load_policies()

    def asking() -> dict[str, int]:
        with read(engine) as conn:
            names = {campaign: (campaign, DAY, DAY) for campaign in ("birthday", "other", "reply")}
            found = broken_promises(conn, list(names.values()), policies=policies)
        return {finding.name: finding.count for finding in found if finding.count}

    return asking


def greeted(conn: sa.Connection, **fields: object) -> int:
    """A customer who agreed, and was greeted by SMS; return the message."""
    who = fields.pop("customer_id", None) or make_customer(conn, phone=PHONE, consents=("greeting",))
    return make_sent(conn, customer_id=who, address_hash=address_hash("sms", PHONE), **fields)


class TestNobodyTwice:
    def test_is_kept_by_one_attempt_that_arrived(self, engine: sa.Engine, broken) -> None:
        """Also when an earlier one came back as undelivered."""
        with write(engine) as conn:
            made = greeted(conn)
            make_attempt(conn, made, n=2, says="undelivered")
        assert broken() == {}

    def test_is_broken_by_two_attempts_that_arrived(self, engine: sa.Engine, broken) -> None:
        """Neither was reported as failed."""
        with write(engine) as conn:
            made = greeted(conn)
            make_attempt(conn, made, n=2)
        assert broken() == {"duplicates": 1}

    def test_counts_a_late_delivery_beside_a_second_try(self, engine: sa.Engine, broken) -> None:
        """Undelivered at first, delivered after all: the customer has two."""
        with write(engine) as conn:
            made = greeted(conn)
            second = make_attempt(conn, made, n=2, says="undelivered")
            word = {"attempt_id": second, "provider": "sandbox", "provider_ref": "again", "status": "delivered"}
            conn.execute(sa.insert(receipt).values(**word, received_at=AT))
        assert broken() == {"duplicates": 1}

    def test_is_broken_by_two_accounts_on_one_phone(self, engine: sa.Engine, broken) -> None:
        """One occasion, one address, two messages."""
        with write(engine) as conn:
            greeted(conn)
            other = make_customer(conn, phone=PHONE, consents=("greeting",))
            greeted(conn, customer_id=other)
        assert broken() == {"duplicates": 1}


class TestWhoSaidNo:
    @pytest.mark.parametrize(("scope", "count"), [("all", 1), ("marketing", 1), ("survey", 0)])
    def test_gets_nothing_of_what_the_ban_silences(self, engine: sa.Engine, broken, scope, count) -> None:
        """The ban stood an hour before."""
        with write(engine) as conn:
            greeted(conn)
            make_suppression(conn, address=PHONE, scope=scope, at=BEFORE)
        assert broken() == ({"suppressed": 1} if count else {})

    def test_may_have_said_it_while_the_message_left(self, engine: sa.Engine, broken) -> None:
        """A word within the same minute is no violation; one after it even less."""
        with write(engine) as conn:
            greeted(conn)
            make_suppression(conn, address=PHONE, at=AT - timedelta(seconds=59))
            make_suppression(conn, address=PHONE, scope="marketing", at=AT + timedelta(hours=1))
        assert broken() == {}

    def test_is_told_once_that_it_was_heard(self, engine: sa.Engine, broken) -> None:
        """The answer to an opt-out goes out in spite of it; after a complaint it does not."""
        with write(engine) as conn:
            who = make_customer(conn, phone=PHONE)
            make_suppression(conn, address=PHONE, at=BEFORE)
            greeted(conn, customer_id=who, campaign_id="reply", purpose="reply")
            assert broken() == {}
        with write(engine) as conn:
            make_suppression(conn, address=PHONE, reason="complaint", at=BEFORE)
        assert broken() == {"suppressed": 1}

    def test_may_take_the_withdrawal_back(self, engine: sa.Engine, broken) -> None:
        """The last word before the message counts."""
        with write(engine) as conn:
            who = make_customer(conn, phone=PHONE, consents=("greeting",))
            make_consent(conn, customer_id=who, given=False, at=BEFORE - timedelta(days=1))
            greeted(conn, customer_id=who)
        assert broken() == {"no_consent": 1}
        with write(engine) as conn:
            make_consent(conn, customer_id=who, given=True, at=BEFORE)
        assert broken() == {}

    def test_must_have_said_yes_where_a_yes_is_needed(self, engine: sa.Engine, broken) -> None:
        """A greeting in China without a record; a service notice needs none."""
        with write(engine) as conn:
            who = make_customer(conn, phone=PHONE)
            greeted(conn, customer_id=who)
            greeted(conn, customer_id=who, campaign_id="other", purpose="service")
        assert broken() == {"unasked": 1}


class TestTheHours:
    @pytest.mark.parametrize(
        ("hour", "zone", "kept"),
        [
            (2, "Asia/Shanghai", True),  # 10:00
            (13, "Asia/Shanghai", False),  # 21:00
            (0, "Asia/Shanghai", False),  # 08:00
            (0, None, False),  # the one zone of the country
        ],
    )
    def test_are_those_of_the_customers_clock(self, engine: sa.Engine, broken, hour, zone, kept) -> None:
        """China's are nine to eight in the evening."""
        at = datetime(2026, 9, 25, hour, 30, tzinfo=UTC)
        with write(engine) as conn:
            who = make_customer(conn, phone=PHONE, consents=("greeting",), timezone=zone)
            greeted(conn, customer_id=who, intent_at=at)
        assert broken() == ({} if kept else {"outside_hours": 1})

    def test_do_not_bind_replies(self, engine: sa.Engine, broken) -> None:
        """Who writes at night is answered at night."""
        with write(engine) as conn:
            who = make_customer(conn, phone=PHONE)
            greeted(conn, customer_id=who, campaign_id="reply", purpose="reply", intent_at=AT.replace(hour=18))
        assert broken() == {}


class TestTheCaps:
    def test_are_rolling_days(self, engine: sa.Engine, broken) -> None:
        """One of marketing in seven days, in China; the eighth day is free."""
        with write(engine) as conn:
            who = make_customer(conn, phone=PHONE, consents=("greeting", "offer"))
            greeted(conn, customer_id=who, sent_at=AT - timedelta(days=8), occasion="a", occasion_on=DAY - timedelta(8))
            greeted(conn, customer_id=who, occasion="b")
        assert broken() == {}
        with write(engine) as conn:
            greeted(conn, customer_id=who, campaign_id="other", purpose="offer", sent_at=AT + timedelta(hours=1))
        assert broken()["over_cap"] >= 1


def test_a_planned_message_breaks_no_promise(engine: sa.Engine, broken) -> None:
    """What has not left cannot."""
    with write(engine) as conn:
        make_suppression(conn, address=PHONE, at=BEFORE)
        make_message(conn, customer_id=make_customer(conn, phone=PHONE))
    assert broken() == {}
