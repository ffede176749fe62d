"""What providers say later, in whatever order they say it."""

import itertools
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.database import metadata, open_engine, read, write
from care.base.vocabulary import Channel
from care.customers.tables import suppression
from care.delivery.receipts import Receipt, apply_receipts, give_up_waiting
from care.messages.model import RANK, MessageStatus
from care.messages.tables import attempt, message, receipt
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House

DICE = random.Random(1)


def sent_one(house: House, **fields: object) -> sa.Row:
    """Send one greeting and return its attempt."""
    greet(house, **fields)
    house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)})
    with read(house.engine) as conn:
        return conn.execute(sa.select(attempt)).one()


def word(made: sa.Row, status: str, code: str = "") -> Receipt:
    return Receipt(
        provider="twilio",
        provider_ref=made.provider_ref or "SM1",
        status=status,
        error_code=code,
        token=made.token,
        at=made.intent_at + timedelta(seconds=5),
    )


def hear(house: House, *receipts: Receipt) -> int:
    with write(house.engine) as conn:
        return apply_receipts(conn, receipts, now=house.clock.now(), dice=DICE)


class TestReceipts:
    @pytest.mark.parametrize(
        ("words", "status"),
        [
            (["queued", "sending", "sent", "delivered"], "delivered"),
            (["delivered", "sent", "queued"], "delivered"),
            (["sent", "sent", "sent"], "sent"),
            (["delivered", "read"], "delivered"),
            (["sent", "undelivered", "sent"], "undelivered"),
            (["undelivered", "delivered"], "delivered"),
            (["a word nobody knows"], "accepted"),
        ],
    )
    def test_lift_a_message_and_never_lower_it(self, house: House, words: list[str], status: str) -> None:
        """Doubled, late and shuffled receipts are harmless; better news wins."""
        made = sent_one(house)
        hear(house, *(word(made, w, "30007" if w == "undelivered" else "") for w in words))
        assert [row.status for row in house.messages()] == [status]

    def test_repeats_are_no_news(self, house: House) -> None:
        """The same word about the same reference counts once."""
        made = sent_one(house)
        assert hear(house, word(made, "sent")) == 1
        assert hear(house, word(made, "sent")) == 0

    def test_a_receipt_that_beats_our_own_record_finds_its_intent(self, house: House) -> None:
        """The token was durable before the first byte; the later answer changes nothing for the worse."""
        made = sent_one(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).values(outcome="intent", provider_ref=None))
            conn.execute(sa.update(message).values(status="sending", lease_owner=1, lease_until=made.intent_at))
        hear(
            house,
            Receipt(provider="twilio", provider_ref="SM9", status="delivered", token=made.token, at=made.intent_at),
        )
        with read(house.engine) as conn:
            settled = conn.execute(sa.select(attempt)).one()
        assert (settled.outcome, settled.provider_ref) == ("accepted", "SM9")
        assert [row.status for row in house.messages()] == ["delivered"]

    def test_a_lost_answer_is_settled_by_the_callback(self, house: House) -> None:
        """Unknown becomes delivered when the carrier says so."""
        made = sent_one(house)
        with write(house.engine) as conn:
            conn.execute(sa.update(attempt).values(outcome="unknown", provider_ref=None))
            conn.execute(sa.update(message).values(status="unknown", reason="no certain answer"))
        hear(house, word(made, "delivered"))
        (row,) = house.messages()
        assert (row.status, row.reason) == ("delivered", None)
        assert row.delivered_at is not None

    def test_a_dead_number_is_suppressed_and_the_next_channel_tried(self, house: House) -> None:
        """The carrier says landline: the e-mail goes, as a new attempt of the same message."""
        mail = Postbox(Channel.EMAIL)
        made = sent_one(house, email="wang@example.com")
        hear(house, word(made, "undelivered", "30006"))
        with read(house.engine) as conn:
            assert conn.execute(sa.select(suppression.c.reason)).scalars().all() == ["bad_number"]
        assert house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: mail}) == 1
        assert [row.status for row in house.messages()] == ["accepted"]
        assert len(mail.taken) == 1

    def test_a_late_delivered_stops_the_second_try(self, house: House) -> None:
        """It had arrived after all: the planned second attempt is not made."""
        made = sent_one(house, email="wang@example.com")
        hear(house, word(made, "undelivered", "30003"))
        hear(house, word(made, "delivered"))
        assert [row.status for row in house.messages()] == ["delivered"]
        house.clock.advance(timedelta(hours=2))
        assert house.dispatch({Channel.SMS: Postbox(), Channel.EMAIL: Postbox(Channel.EMAIL)}) == 0

    def test_an_opt_out_only_the_provider_knew_is_recorded(self, house: House) -> None:
        """21610 means that they told Twilio: it becomes our suppression too."""
        made = sent_one(house)
        hear(house, word(made, "failed", "21610"))
        with read(house.engine) as conn:
            assert conn.execute(sa.select(suppression.c.reason, suppression.c.source)).all() == [
                ("opt_out", "provider")
            ]

    def test_a_stranger_s_receipt_is_kept_and_moves_nothing(self, house: House) -> None:
        """Facts are kept, also those we cannot place."""
        made = sent_one(house)
        odd = Receipt(provider="twilio", provider_ref="SMother", status="delivered", token="", at=made.intent_at)
        hear(house, odd)
        with read(house.engine) as conn:
            assert conn.execute(sa.select(receipt.c.attempt_id)).scalars().all() == [None]
        assert [row.status for row in house.messages()] == ["accepted"]

    def test_silence_for_three_days_is_named(self, house: House) -> None:
        """`unconfirmed` is not `undelivered`; a later receipt still wins."""
        made = sent_one(house)
        house.clock.advance(timedelta(hours=73))
        with write(house.engine) as conn:
            now = house.clock.now()
            assert give_up_waiting(conn, now=now, older_than=now - timedelta(hours=72)) == 1
        hear(house, word(made, "delivered"))
        assert [row.status for row in house.messages()] == ["delivered"]


@pytest.fixture(scope="module")
def one_row(tmp_path_factory: pytest.TempPathFactory):
    """An SQLite ledger with one accepted message, reset for each example."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('receipts') / 'care.db'}")
    with write(engine) as conn:
        metadata.create_all(conn)
    yield engine
    engine.dispose()


def final_status(engine: sa.Engine, receipts: list[Receipt]) -> str:
    from tests.delivery.ledger_rows import reset_to_one_accepted

    with write(engine) as conn:
        reset_to_one_accepted(conn)
        apply_receipts(conn, receipts, now=receipts[0].at, dice=random.Random(3))
        return conn.execute(sa.select(message.c.status)).scalar_one()


WORDS = st.sampled_from(["queued", "sending", "sent", "delivered", "undelivered", "failed", "read"])


class TestAnyOrder:
    @given(words=st.lists(WORDS, min_size=1, max_size=5, unique=True))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_gives_one_state(self, one_row: sa.Engine, words: list[str]) -> None:
        """All permutations of a set of receipts, some of them doubled, end in the same status."""
        from tests.delivery.ledger_rows import receipt_of

        ends = set()
        for order in itertools.islice(itertools.permutations(words), 24):
            ends.add(final_status(one_row, [receipt_of(w) for w in (*order, order[0])]))
        best = max((RANK[MessageStatus(_OURS[w])] for w in words), default=0)
        assert {RANK[MessageStatus(end)] for end in ends} == {best}


_OURS = {
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
}
