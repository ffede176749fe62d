"""Receipts applied together mean what they mean one after the other."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.database import write
from care.delivery.receipts import Receipt, apply_receipts
from care.messages.tables import attempt, message, receipt
from tests.factories import make_customer
from tests.inbound.house import make_attempt, make_message

NOW = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
WORDS = [
    ("queued", ""),
    ("sent", ""),
    ("delivered", ""),
    ("undelivered", "30008"),
    ("undelivered", "30005"),
    ("failed", "30007"),
    ("sent", "30001"),
    ("a new word", ""),
]
STATUSES = ["sending", "accepted", "sent", "unknown", "planned", "held", "undelivered", "unconfirmed", "delivered"]

saying = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(WORDS), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12
)


def fill(conn: sa.Connection, statuses: list[str]) -> list[str]:
    """Three messages at these statuses, each with an attempt; return the attempts' tokens."""
    tokens = []
    for number, status in enumerate(statuses):
        phone = f"+86138000000{number:02d}"
        customer_id = make_customer(conn, phone=phone, email=f"c{number}@example.com")
        more: dict[str, Any] = {
            "sending": {"lease_owner": 1, "lease_until": NOW, "sent_at": None},
            "held": {"reason": "quiet_hours"},
            "delivered": {"delivered_at": NOW},
        }.get(status, {})
        more.setdefault("sent_at", NOW)  # whatever was tried has been handed over
        made = make_message(conn, customer_id=customer_id, now=NOW, status=status, attempts=1, channel="sms", **more)
        known = {"outcome": "unknown"} if status == "unknown" else {"provider_ref": f"SM{number}"}
        tokens.append(make_attempt(conn, message_id=made, phone=phone, now=NOW, **known))
    return tokens


def outcome_of(conn: sa.Connection, said: list[Receipt], *, together: bool) -> list[Any]:
    """Apply receipts inside a savepoint, return what the tables say, and take everything back."""
    with conn.begin_nested() as point:
        dice = random.Random(1)
        if together:
            news = apply_receipts(conn, said, now=NOW, dice=dice)
        else:
            news = sum(apply_receipts(conn, [one], now=NOW, dice=dice) for one in said)
        columns = ("status", "reason", "sent_at", "delivered_at", "lease_owner", "wake_at")
        found = [
            conn.execute(sa.select(*(message.c[name] for name in columns)).order_by(message.c.id)).all(),
            conn.execute(
                sa.select(attempt.c.outcome, attempt.c.provider_ref, attempt.c.error_code).order_by(attempt.c.id)
            ).all(),
            sorted(
                conn.execute(
                    sa.select(receipt.c.provider_ref, receipt.c.status, receipt.c.error_code, receipt.c.attempt_id)
                ).all()
            ),
            news,
        ]
        point.rollback()
    return found


class TestTogether:
    @settings(
        max_examples=300,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(statuses=st.lists(st.sampled_from(STATUSES), min_size=3, max_size=3), words=saying)
    def test_is_as_one_after_the_other(
        self, sqlite_engine: sa.Engine, statuses: list[str], words: list[tuple[int, tuple[str, str], bool, int]]
    ) -> None:
        """Whatever is said of three messages, in whatever order: the same rows."""
        with write(sqlite_engine) as conn, conn.begin_nested() as everything:
            tokens = fill(conn, statuses)
            said = [
                Receipt(
                    provider="twilio",
                    provider_ref=f"SM{which}",
                    status=word,
                    error_code=code,
                    token=tokens[which] if by_token or statuses[which] == "unknown" else "",
                    at=NOW + timedelta(seconds=later),
                )
                for which, (word, code), by_token, later in words
            ]
            assert outcome_of(conn, said, together=True) == outcome_of(conn, said, together=False)
            everything.rollback()

    def test_takes_few_statements(self, engine: sa.Engine) -> None:
        """A hundred good words for a hundred messages cost no more round trips than for ten."""

        def statements(count: int) -> int:
            seen: list[str] = []
            with write(engine) as conn:
                made = [fill(conn, ["accepted"])[0] for _ in range(count)]
                said = [
                    Receipt(provider="twilio", provider_ref=token, status="delivered", token=token, at=NOW)
                    for token in made
                ]
                sa.event.listen(conn, "before_cursor_execute", lambda *event: seen.append(str(event[2])))
                apply_receipts(conn, said, now=NOW, dice=random.Random(1))
            return len(seen)

        assert statements(100) == statements(10)


def test_the_same_word_twice_in_one_batch_is_one(sqlite_engine: sa.Engine) -> None:
    """Doubled callbacks may be stored before the first is worked on."""
    with write(sqlite_engine) as conn:
        (token, *_) = fill(conn, ["accepted"])
        one = Receipt(provider="twilio", provider_ref="SM1", status="sent", token=token, at=NOW)
        assert apply_receipts(conn, [one, one, one], now=NOW, dice=random.Random(1)) == 1


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_nothing(sqlite_engine: sa.Engine, count: int) -> None:
    """An empty batch, or one of strangers, changes nothing."""
    stranger = Receipt(provider="twilio", provider_ref="SM9", status="sent", token="nobody", at=NOW)
    with write(sqlite_engine) as conn:
        assert apply_receipts(conn, [stranger] * count, now=NOW, dice=random.Random(1)) == 0
