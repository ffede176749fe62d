"""Transactions that need the same rows take them in the same order: none waits for another in a circle."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery.receipts import Receipt, apply_receipts
from care.messages.tables import attempt
from tests.delivery.crew import just_before
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House, build_house
from tests.stories.operator import wait_until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
AGAIN_LATER = "30001"
"""What a carrier says of a message that may be tried again."""


@pytest.fixture
def house(tmp_path: Path, postgres_engine: sa.Engine, clock: VirtualClock) -> House:
    """PostgreSQL, where two transactions may write at once."""
    return build_house(tmp_path, postgres_engine, clock)


@contextmanager
def troubles(engine: sa.Engine) -> Iterator[list[str]]:
    """Gather the names of errors that the database raises, whoever catches them."""
    found = list[str]()

    def note(context: sa.engine.ExceptionContext) -> None:
        found.append(type(context.original_exception).__name__)

    sa.event.listen(engine, "handle_error", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "handle_error", note)


def word_on(house: House, message_id: int, status: str, code: str = "") -> Receipt:
    """Return what the provider says of the last try of a message."""
    mine = sa.select(attempt.c.token, attempt.c.provider_ref).where(attempt.c.message_id == message_id)
    with read(house.engine) as conn:
        token, ref = conn.execute(mine.order_by(attempt.c.n.desc())).first() or ("", None)
    ref = ref or f"R{message_id}"
    return Receipt(
        provider="postbox", provider_ref=ref, status=status, error_code=code, token=token, at=house.clock.now()
    )


class TestTheQueueForAnotherTry:
    def test_is_taken_before_messages_by_answers_and_by_receipts(self, house: House) -> None:
        """A receipt puts one message into the queue and speaks of a second, whose answer comes with a refusal."""
        sms, mail = Postbox(), Postbox(Channel.EMAIL)
        greet(house)
        house.dispatch({Channel.SMS: sms, Channel.EMAIL: mail})
        (first,) = (row.id for row in house.messages())
        greet(house, phone="+8613912345671")
        greet(house, phone="+8613912345672")
        sms.answers["+8613912345672"] = ["429/20429"]
        _, second, _ = (row.id for row in house.messages())
        others = list[threading.Thread]()

        def hear() -> None:
            words = [word_on(house, first, "undelivered", AGAIN_LATER), word_on(house, second, "delivered")]
            with write(house.engine) as conn:
                apply_receipts(conn, words, now=house.clock.now(), dice=random.Random(1))

        def hear_beside() -> None:
            other = threading.Thread(target=hear)
            others.append(other)
            other.start()
            wait_until("it waits or is done", lambda: not other.is_alive() or is_anyone_waiting(house))

        with (
            troubles(house.engine) as found,
            just_before(house.engine, "SELECT pace.next_free_at, pace.gap", hear_beside),
        ):
            house.dispatch({Channel.SMS: sms, Channel.EMAIL: mail})
            others[0].join(30)
        assert found == []
        assert [row.status for row in house.messages()] == ["planned", "delivered", "planned"]


def is_anyone_waiting(house: House) -> bool:
    with read(house.engine) as conn:
        return bool(conn.execute(sa.text(WAITING)).scalar_one())
