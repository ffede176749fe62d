"""Two to four dispatchers on one PostgreSQL: nobody is told twice, and limits are everyone's together."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import incarnation
from care.delivery.channels.base import Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.routes import Routes
from care.messages import store
from care.messages.intents import write_intents
from care.messages.tables import attempt, contact_claim
from tests.delivery.crew import Crew, RunningClock
from tests.delivery.test_dispatcher import Postbox
from tests.factories import make_customer
from tests.house import BIRTHDAY, House, build_house

TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)  # ten o'clock in Shanghai
OTHER = BIRTHDAY.replace("id: birthday", "id: other").replace("name: birthday", "name: other")


class Ledge:
    """What all postboxes of a crew took together, with the moment."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, Outgoing]] = []
        self._lock = threading.Lock()

    def box(self, channel: Channel) -> Postbox:
        ledge = self

        class Shared(Postbox):
            async def send(self, outgoing: Outgoing) -> Result:
                with ledge._lock:
                    ledge.taken.append((time.monotonic(), outgoing))
                return await super().send(outgoing)

        return Shared(channel)

    @property
    def addresses(self) -> Counter[str]:
        return Counter(outgoing.to for _, outgoing in self.taken)

    def seconds(self) -> float:
        """Return how long it took from the first to the last."""
        times = sorted(at for at, _ in self.taken)
        return times[-1] - times[0]


@pytest.fixture
def ledge() -> Ledge:
    return Ledge()


@pytest.fixture
def crew(tmp_path: Path, postgres_engine: sa.Engine, request: pytest.FixtureRequest) -> Iterator[Crew]:
    url = postgres_engine.url.render_as_string(hide_password=False)
    made = Crew(tmp_path, url, RunningClock(TEN), 4, **getattr(request, "param", {}))
    yield made
    made.close()


def born_today(crew: Crew, count: int, **fields: object) -> list[int]:
    with write(crew.engines[0]) as conn:
        return [make_customer(conn, **{"consents": ("greeting",), "birth_mmdd": 925, **fields}) for _ in range(count)]


class TestSeveralDispatchers:
    def test_send_each_message_once_and_each_household_once(self, crew: Crew, ledge: Ledge) -> None:
        """Four at once over two hundred accounts, of which every third shares a phone with the next ones."""
        house = crew.houses[0]
        house.write_campaign()
        born_today(crew, 100)
        with write(house.engine) as conn:
            for n in range(100):
                make_customer(conn, phone=f"+861391000{n // 4:04d}", consents=("greeting",), birth_mmdd=925)
        house.plan()

        crew.dispatch(ledge.box)

        assert set(ledge.addresses.values()) == {1}
        assert len(ledge.addresses) == 125
        told = {row.id for row in house.messages(status="accepted")}
        assert len(told) == 125
        assert {row.reason for row in house.messages(status="skipped")} <= {f"told_via:{i}" for i in told}
        assert not house.messages(status="sending")
        with read(house.engine) as conn:
            assert set(conn.execute(sa.select(contact_claim.c.message_id)).scalars()) == told
            assert set(conn.execute(sa.select(attempt.c.outcome)).scalars()) == {"accepted"}

    def test_keep_the_cap_of_a_customer_whom_two_campaigns_mean(self, crew: Crew, ledge: Ledge) -> None:
        """One marketing message in seven days, also when the two go by different channels at the same moment."""
        house = crew.houses[0]
        house.write_campaign(BIRTHDAY.replace("[sms, email]", "[sms]"))
        house.write_campaign(OTHER.replace("[sms, email]", "[email]"), "other")
        with write(house.engine) as conn:
            for n in range(60):
                make_customer(conn, email=f"c{n}@example.com", consents=("greeting",), birth_mmdd=925)
        house.plan()

        crew.dispatch(ledge.box)

        sent = Counter(row.customer_id for row in house.messages(status="accepted"))
        assert set(sent.values()) == {1}
        assert len(sent) == 60

    @pytest.mark.parametrize("crew", [{"SMS__RATE_PER_SECOND": "40"}], indirect=True)
    def test_share_one_pace(self, crew: Crew, ledge: Ledge) -> None:
        """Forty parts a second is what they send together: a hundred take two and a half seconds, not a quarter of it."""
        house = crew.houses[0]
        house.write_campaign()
        born_today(crew, 100)
        house.plan()

        crew.dispatch(ledge.box)

        with read(house.engine) as conn:
            parts = conn.execute(sa.select(attempt.c.parts)).scalars().all()
        assert len(parts) == 100
        assert max(parts) == 1
        assert ledge.seconds() > 1.5  # who is held up for a moment catches up with its slots

    @pytest.mark.parametrize("crew", [{"SMS__RATE_PER_SECOND": "4"}], indirect=True)
    def test_keep_what_they_hold_however_long_they_wait_for_the_pace(
        self, crew: Crew, ledge: Ledge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Waiting is progress: no living sender loses its claims to another, even when leases are very short."""
        monkeypatch.setattr(incarnation, "LEASE", timedelta(seconds=1.5))
        house = crew.houses[0]
        house.write_campaign()
        born_today(crew, 24)
        house.plan()

        crew.dispatch(ledge.box)

        assert {(row.status, row.strikes, row.attempts) for row in house.messages()} == {("accepted", 0, 1)}
        assert set(ledge.addresses.values()) == {1}


class TestADispatcher:
    def test_takes_over_what_another_left_while_it_runs(self, crew: Crew, ledge: Ledge) -> None:
        """Nobody has to start anew for it: the lease runs out, and whoever lives goes on."""
        clock = VirtualClock(TEN)
        house = build_house(crew.houses[0].folder, crew.engines[0], clock)
        house.write_campaign()
        (begun, waiting) = born_today(crew, 2)
        house.plan()
        claimed_by_the_dead(house, begun)

        async def live() -> None:
            stop = asyncio.Event()
            work = house.services.work(Routes(tuple(ledge.box(channel) for channel in Channel)), sole=False)
            work.tick_seconds = 0.05
            running = asyncio.create_task(Dispatcher(work).run(stop))
            await asyncio.sleep(0.3)
            assert ledge.taken == []
            clock.advance(timedelta(minutes=2))
            for _ in range(100):
                if not house.messages(status="sending"):
                    break
                await asyncio.sleep(0.05)
            stop.set()
            await running

        asyncio.run(live())

        assert {row.customer_id: row.status for row in house.messages()} == {begun: "unknown", waiting: "accepted"}


def claimed_by_the_dead(house: House, begun: int) -> None:
    """Claim everything under a life that has ended, with an intent for one customer's message."""
    now = house.clock.now()
    with write(house.engine) as conn:
        number = incarnation.begin_incarnation(conn, "dispatch", now)
        store.claim_due(conn, owner=number, lane=5, now=now, lease_until=now + incarnation.LEASE, limit=500)
        (row,) = house.messages(customer_id=begun)
        made = [(row.id, 1, "t", "h", 1, "d")]
        write_intents(conn, made, channel="sms", provider="postbox", incarnation=number, now=now)
