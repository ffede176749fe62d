"""The machine's clock is set back or forward by hand: nothing stands still for it, nothing goes twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery.breaker import State
from care.delivery.channels.base import Capabilities, Outgoing, Result
from care.delivery.dispatcher import Dispatcher
from care.delivery.pace import seconds_until_free, take_slice
from care.delivery.routes import Routes
from care.delivery.wall_clock import WallClock
from care.schedule import Job, run_due_jobs
from tests.delivery.crew import RunningClock
from tests.delivery.test_dispatcher import Postbox, greet
from tests.delivery.test_switchboard import FIRST, Board
from tests.house import BIRTHDAY, House, build_house

HOUR = timedelta(hours=1)


def send_all(house: House) -> int:
    return house.dispatch({channel: Postbox(channel) for channel in Channel})


class OneAtATime(Postbox):
    """A provider that takes one call at a time; after the fifth the clock on the wall is set back."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(two_way=True, callback_per_message=True, max_in_flight=1)

    async def send(self, outgoing: Outgoing) -> Result:
        if len(self.taken) == 5:
            self._clock.set(self._clock.now() - HOUR)
        return await super().send(outgoing)


class TestAClockSetBack:
    def test_does_not_stop_the_pace(self, house: House) -> None:
        """The next free moment lies an hour ahead then: that is no slice anyone has taken."""
        with write(house.engine) as conn:
            take_slice(conn, sender="sms", parts=40, rate_per_second=20, now=house.clock.now())
        house.clock.set(house.clock.now() - HOUR)
        now = house.clock.now()
        with read(house.engine) as conn:
            assert seconds_until_free(conn, "sms", now, rate_per_second=20) == 0
        with write(house.engine) as conn:
            assert take_slice(conn, sender="sms", parts=40, rate_per_second=20, now=now) == now
        with read(house.engine) as conn:
            assert seconds_until_free(conn, "sms", now, rate_per_second=20) == 2

    def test_leaves_a_slow_pace_as_it_is(self, house: House) -> None:
        """Ten parts at one in five seconds are fifty seconds ahead, for good reason."""
        with write(house.engine) as conn:
            take_slice(conn, sender="sms", parts=10, rate_per_second=0.2, now=house.clock.now())
        with read(house.engine) as conn:
            assert seconds_until_free(conn, "sms", house.clock.now(), rate_per_second=0.2) == 50

    def test_sends_on(self, house: House) -> None:
        """What is due by the new time goes at once, and what went stays gone."""
        early = BIRTHDAY.replace("10:00", "09:30")
        greet(house, 5, campaign=early)
        assert send_all(house) == 5
        house.clock.set(house.clock.now() - timedelta(minutes=20))
        greet(house, 3, campaign=early)
        assert send_all(house) == 3

    def test_keeps_every_job_running(self, house: House) -> None:
        """A job that ended in what is now the future is due, not asleep until then."""
        ran: list[str] = []
        jobs = tuple(
            Job(name=name, every=every, run=lambda *_, name=name: ran.append(name), about="")
            for name, every in (("always", timedelta(0)), ("minutely", timedelta(minutes=1)))
        )
        run_due_jobs(house.services, jobs)
        house.clock.set(house.clock.now() - HOUR)
        run_due_jobs(house.services, jobs)
        house.clock.advance(timedelta(seconds=30))
        run_due_jobs(house.services, jobs)
        assert ran == ["always", "minutely", "always", "minutely", "always"]

    def test_lets_nothing_wait_that_has_its_slot(
        self, tmp_path: Path, sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What has an intent leaves within its seconds, however far back the clock on the wall is set meanwhile."""
        clock = RunningClock(datetime(2026, 9, 25, 4, 0, tzinfo=UTC))
        house = build_house(tmp_path, sqlite_engine, clock, SMS__RATE_PER_SECOND="20", DAEMON__TICK_SECONDS="0.2")
        greet(house, 30)
        sms = OneAtATime(clock)
        work = house.services.work(Routes((sms, Postbox(Channel.EMAIL))))

        async def all_within(seconds: float) -> int:
            return await asyncio.wait_for(Dispatcher(work).run(asyncio.Event(), until_idle=True), seconds)

        said = mock.Mock()
        monkeypatch.setattr("care.delivery.dispatcher.log", said)
        assert asyncio.run(all_within(20)) == 30
        ((event,), told) = said.warning.call_args_list[0]
        assert (event, said.warning.call_count) == ("dispatch.clock_was_set", 1)
        assert -3600 <= told["seconds"] <= -3570  # this clock's own time goes on while it is set


class TestTheWallClock:
    @pytest.mark.parametrize(("minutes", "is_step"), [(4.9, False), (5, True), (-4.9, False), (-5, True), (1440, True)])
    def test_is_noticed_when_it_is_set(self, minutes: float, is_step: bool) -> None:
        """By five minutes and more, once; time that passes is no step."""
        clock = VirtualClock(datetime(2026, 9, 25, 4, 0, tzinfo=UTC))
        wall = WallClock(clock)
        clock.advance(HOUR)
        assert not wall.step()
        clock.set(clock.now() + timedelta(minutes=minutes))
        assert bool(wall.step()) is is_step
        assert not wall.step()


class TestWhatAProviderAnswered:
    @pytest.mark.parametrize("trouble", [{"errors": 15, "accepted": 5, "in_row": 1}, {"no_room": 20}])
    def test_is_judged_by_the_clock_as_it_stands(self, engine: sa.Engine, trouble: dict[str, int]) -> None:
        """What it took before the clock was set back lies ahead, and hides nothing of what it refuses now."""
        made = Board(engine, FIRST.provider)
        made.see(answers=500, accepted=500)
        made.now -= timedelta(minutes=50)
        for _ in range(6):
            made.see(answers=20, **trouble)
            made.now += timedelta(seconds=5)
        assert made.stands().state is State.CLOSED
