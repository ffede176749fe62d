"""Whatever happens in whatever order, the ledger stays sound: legal moves only, no second hand-over from doubt."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.clock import VirtualClock
from care.base.database import metadata, open_engine, read, write
from care.base.vocabulary import Channel
from care.customers.tables import customer
from care.delivery.channels.base import Outgoing, Result
from care.delivery.incarnation import begin_incarnation, recover
from care.delivery.receipts import Receipt, apply_receipts, give_up_waiting
from care.messages import stops, store
from care.messages.expiring import expire_overdue
from care.messages.intents import count_attempts, write_intents
from care.messages.model import NEXT, MessageStatus
from care.messages.tables import attempt, message
from tests.conftest import lay_tables
from tests.delivery.test_dispatcher import Postbox
from tests.factories import make_customer, make_suppression
from tests.house import BIRTHDAY, House, build_house

TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
PHONES = ("+8613912345678", "+8613912345679")
WORDS = ("queued", "sent", "delivered", "undelivered", "failed", "read")
CODES = {"undelivered": ("30003", "30006", "30007"), "failed": ("30007", "21610")}


class Fickle(Postbox):
    """A provider that answers as the dice say."""

    def __init__(self, channel: Channel, dice: random.Random) -> None:
        super().__init__(channel)
        self._dice = dice

    async def send(self, outgoing: Outgoing) -> Result:
        self.answers[outgoing.to] = [self._dice.choice(["ok", "ok", "refused", "crash", "400/21614", "503/20500"])]
        return await super().send(outgoing)


class World:
    """One small ledger and everything that may happen to it."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.dice = house, random.Random(seed)
        self.sent: list[tuple[int, int]] = []

    def begin(self) -> None:
        self.house.clock.set(TEN)
        with write(self.house.engine) as conn:
            conn.exec_driver_sql("DELETE FROM status_step")
            for table in reversed(metadata.sorted_tables):
                conn.execute(sa.delete(table))
            for n in range(5):
                phone = PHONES[n % 2] if n < 4 else None
                make_customer(conn, phone=phone, email=f"c{n}@example.com", consents=("greeting",), birth_mmdd=925)
        self.house.write_campaign()
        self.house.plan()

    def dispatch(self) -> None:
        boxes = {channel: Fickle(channel, self.dice) for channel in Channel}
        self.house.dispatch(boxes)  # type: ignore[arg-type]

    def die_claiming(self) -> None:
        self._claim_and_die(with_intents=False)

    def die_sending(self) -> None:
        self._claim_and_die(with_intents=True)

    def _claim_and_die(self, *, with_intents: bool) -> None:
        now = self.house.clock.now()
        with write(self.house.engine) as conn:
            number = begin_incarnation(conn, "dispatch", now)
            rows = store.claim_due(conn, owner=number, lane=5, now=now, lease_until=now, limit=2)
            if not with_intents or not rows:
                return
            made = [(row.id, row.attempts + 1, f"{number}.{row.id}", "h", 1, "d") for row in rows]
            write_intents(conn, made, channel="sms", provider="postbox", incarnation=number, now=now)
            count_attempts(conn, [row.id for row in rows], channel="sms")

    def recover(self) -> None:
        with write(self.house.engine) as conn:
            recover(conn, 0, dead=None, now=self.house.clock.now() + timedelta(seconds=1))

    def hear(self) -> None:
        with write(self.house.engine) as conn:
            made = conn.execute(sa.select(attempt).where(attempt.c.outcome != "refused")).all()
            if not made:
                return
            one, word = self.dice.choice(made), self.dice.choice(WORDS)
            code, now = self.dice.choice(CODES.get(word, ("",))), self.house.clock.now()
            heard = Receipt(
                provider="postbox", provider_ref=f"P{one.id}", status=word, error_code=code, token=one.token, at=now
            )
            apply_receipts(conn, [heard], now=now, dice=self.dice)

    def wait(self) -> None:
        self.house.clock.advance(self.dice.choice([timedelta(minutes=3), timedelta(hours=1), timedelta(hours=5)]))

    def watch(self) -> None:
        now = self.house.clock.now()
        with write(self.house.engine) as conn:
            expire_overdue(conn, now=now)
            give_up_waiting(conn, now=now, older_than=now - timedelta(hours=4))

    def cancel(self) -> None:
        stops.cancel_campaign(self.house.engine, "birthday", by="ops:ann", now=self.house.clock.now())

    def retry(self) -> None:
        status = self.dice.choice(stops.RETRYABLE)
        stops.retry_campaign(self.house.engine, "birthday", status, by="ops:ann", now=self.house.clock.now())

    def opt_out(self) -> None:
        with write(self.house.engine) as conn:
            make_suppression(conn, address=self.dice.choice(PHONES), scope="marketing_and_survey")

    def lose(self) -> None:
        with write(self.house.engine) as conn:
            conn.execute(sa.update(customer).where(customer.c.birth_mmdd == 925).values(minor=True))

    def edit(self) -> None:
        self.house.write_campaign(BIRTHDAY.replace("8h", self.dice.choice(["6h", "8h", "10h"])))
        self.house.plan()

    def withdraw(self) -> None:
        self.house.remove_campaign()
        self.house.plan()
        self.house.write_campaign()
        self.house.plan()

    def check(self) -> None:
        """What must hold after every step."""
        with read(self.house.engine) as conn:
            tries = sa.select(attempt.c.message_id, sa.func.count()).group_by(attempt.c.message_id)
            written = {row[0]: row[1] for row in conn.execute(tries)}
            in_doubt = conn.execute(
                sa.select(attempt.c.message_id)
                .join(message, message.c.id == attempt.c.message_id)
                .where(attempt.c.outcome == "intent", message.c.status.not_in(["sending", "delivered", "unknown"]))
            ).all()
            taken = {tuple(row) for row in conn.exec_driver_sql("SELECT old, new FROM status_step")}
        assert {(old, new) for old, new in taken if new not in NEXT[MessageStatus(old)]} == set()
        for row in self.house.messages():
            assert row.attempts == written.get(row.id, 0)
            if row.status == "held":
                assert row.wake_at < row.use_by
        assert in_doubt == []


STEPS = ["dispatch", "dispatch", "die_claiming", "die_sending", "recover", "hear", "hear", "hear", "wait", "wait"]
STEPS += ["watch", "cancel", "retry", "opt_out", "lose", "edit", "withdraw"]


@pytest.fixture(scope="module")
def small_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("world")
    engine = open_engine(f"sqlite:///{folder / 'care.db'}")
    lay_tables(engine)
    with write(engine) as conn:
        conn.exec_driver_sql("CREATE TABLE status_step (message_id INTEGER, old TEXT, new TEXT)")
        conn.exec_driver_sql(
            "CREATE TRIGGER step AFTER UPDATE OF status ON message WHEN old.status <> new.status "
            "BEGIN INSERT INTO status_step VALUES (new.id, old.status, new.status); END"
        )
    yield build_house(folder, engine, VirtualClock(TEN))
    engine.dispose()


class TestTheLedger:
    @given(seed=st.integers(0, 10_000), steps=st.lists(st.sampled_from(STEPS), min_size=3, max_size=10))
    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def test_stays_sound_whatever_happens(self, small_house: House, seed: int, steps: list[str]) -> None:
        """Every CHECK holds, every move is legal, every attempt is counted, nothing is held past its time."""
        world = World(small_house, seed)
        world.begin()
        for step in steps:
            getattr(world, step)()
            world.check()
