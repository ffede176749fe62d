"""The database gives trouble while a dispatcher works: it waits, says so, and goes on without a copy or a loss."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import sit_out
from care.delivery.channels.base import Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.incarnation import begin_incarnation, give_back
from care.delivery.routes import Routes
from care.messages.store import claim_due
from care.messages.tables import attempt
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_recovery import claimed, intent
from tests.house import House
from tests.read_only import read_only


class Weather:
    """Fails statements and commits of an engine by seeded chance while it is bad."""

    def __init__(self, engine: sa.Engine, seed: int) -> None:
        self.is_bad, self.dice, self.failed = False, random.Random(seed), 0
        sa.event.listen(engine, "before_cursor_execute", self.strike)
        sa.event.listen(engine, "commit", self.strike)

    def strike(self, *_: Any) -> None:
        if self.is_bad and self.dice.random() < 0.05:
            self.failed += 1
            raise sa.exc.OperationalError("statement", {}, Exception("database or disk is full"))


async def run_through(dispatcher: Dispatcher, weather: Weather, done: Callable[[], bool]) -> None:
    """Let a dispatcher work in bad weather, then in good weather until all is done."""
    stop = asyncio.Event()
    working = asyncio.create_task(dispatcher.run(stop))
    while not dispatcher._life.number:  # noqa: ASYNC110 - it has begun
        await asyncio.sleep(0.001)
    weather.is_bad = True
    await asyncio.sleep(0.5)
    weather.is_bad = False
    async with asyncio.timeout(60):
        while not (done() or working.done()):  # noqa: ASYNC110 - the ledger tells, not an event
            await asyncio.sleep(0.05)
    stop.set()
    await working


class TestDispatcherInTrouble:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_sends_everything_once(self, house: House, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Failing claims, intents and records at random: no copy, no loss, no message used up, one line each time."""
        monkeypatch.setattr(sit_out, "AGAIN_SECONDS", 0.01)
        greet(house, 60)
        sms = Postbox()
        work = house.services.work(Routes((sms, Postbox(Channel.EMAIL))))
        work.tick_seconds = 0.01
        weather = Weather(house.engine, seed)

        def all_accepted() -> bool:
            return Counter(row.status for row in house.messages()) == {"accepted": 60}

        with capture_logs() as said:
            asyncio.run(run_through(Dispatcher(work), weather, all_accepted))

        assert weather.failed
        assert len(sms.taken) == len({out.to for out in sms.taken}) == 60
        assert {row.strikes for row in house.messages()} == {0}
        troubles = [line for line in said if line["event"] == "dispatch.database_trouble"]
        assert {line["problem"] for line in troubles} <= {
            "the database the disk is full. Free space and run the command again; nothing half-done was kept"
        }

    def test_keeps_its_answers_while_nothing_may_be_written(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The database turns read-only while messages are on their way, and is written again: nobody is in doubt."""
        monkeypatch.setattr(sit_out, "AGAIN_SECONDS", 0.01)
        greet(house, 60)
        sms = Waiting()
        work = house.services.work(Routes((sms, Postbox(Channel.EMAIL))))
        work.tick_seconds = 0.01

        async def through() -> None:
            stop = asyncio.Event()
            dispatcher = Dispatcher(work)
            working = asyncio.create_task(dispatcher.run(stop))
            await sms.has_some.wait()
            with read_only(house.engine), capture_logs() as said:
                sms.may_answer.set()
                dispatcher._renew_at = 0.0  # its lease is due
                while not {"dispatch.record_failed", "dispatch.database_trouble"} <= {line["event"] for line in said}:
                    assert not working.done()
                    await asyncio.sleep(0.01)
            async with asyncio.timeout(60):
                while Counter(row.status for row in house.messages()) != {"accepted": 60}:
                    assert not working.done()
                    await asyncio.sleep(0.05)
            stop.set()
            await working

        asyncio.run(through())
        assert len(sms.taken) == len({out.to for out in sms.taken}) == 60


class Waiting(Postbox):
    """A provider that answers nobody before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.has_some, self.may_answer = asyncio.Event(), asyncio.Event()

    async def send(self, outgoing: Outgoing) -> Result:
        self.has_some.set()
        await self.may_answer.wait()
        return await super().send(outgoing)


class TestGiveBack:
    def test_abandons_an_intent_whose_commit_had_an_unclear_end(self, house: House) -> None:
        """Nobody made the call: the message waits again, without a strike, and goes once."""
        greet(house, 3)
        number = claimed(house)
        intent(house, number)
        with write(house.engine) as conn:
            assert give_back(conn, number, kept=[], now=house.clock.now()) == 3
        assert {(row.status, row.strikes) for row in house.messages()} == {("planned", 0)}
        with read(house.engine) as conn:
            assert set(conn.execute(sa.select(attempt.c.outcome)).scalars()) == {"abandoned"}

    def test_keeps_what_is_on_its_way(self, house: House) -> None:
        """And what another sender has claimed."""
        greet(house, 3)
        number = claimed(house)
        first = house.messages()[0].id
        with write(house.engine) as conn:
            give_back(conn, number, kept=[first], now=house.clock.now())
            other = begin_incarnation(conn, "dispatch", house.clock.now())
            now = house.clock.now()
            claim_due(conn, owner=other, lane=5, now=now, lease_until=now, limit=1)
            assert give_back(conn, number, kept=[first], now=now) == 0
        assert Counter(row.lease_owner for row in house.messages()) == {number: 1, other: 1, None: 1}
