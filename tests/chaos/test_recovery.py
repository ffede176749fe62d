"""How soon there is sending again after kill -9: within no lease and no rest, which a long run judges by the clock."""

import random
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import Stage
from tests.stories.operator import Running, kill, wait_until

SLOW = {"create_rates": {"slow-reply": 0.4}, "hang_seconds": 0.05}
NEW = "SELECT 1 FROM attempt WHERE incarnation > :old AND outcome = 'accepted'"
NEWEST = "SELECT coalesce(max(incarnation), 0) FROM attempt"
PATIENCE_SECONDS = 150
"""No guarantee is judged by it: only that there is an end."""

MEANT_SECONDS, LOAD = 5, 5
"""A single one may take five times as long on a machine where others work: still less than a leader's lease (30 s)."""

BOUND = f"at the median, {MEANT_SECONDS * LOAD} s at most"
BY_LEASE = "SELECT count(*) FROM attempt WHERE error_code = 'lease-lost'"

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(1800)]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def where(request: pytest.FixtureRequest) -> str:
    """URL of an empty PostgreSQL database, or '' for SQLite."""
    return str(request.getfixturevalue("empty_postgres")) if request.param == "PostgreSQL" else ""


def seconds_until_sending(stood: Stage, kill: Callable[[], None], look_after: Callable[[], None]) -> float:
    """Kill, and return how long it takes until the provider has taken a message of a later life."""
    ((old,),) = stood.ask(NEWEST)
    begun = time.monotonic()
    kill()
    wait_until("a later life has sent", lambda: look_after() or stood.ask(NEW, old=old), PATIENCE_SECONDS)
    return time.monotonic() - begun


class House:
    """A daemon that runs, and whoever starts it again."""

    def __init__(self, stood: Stage, stack: ExitStack) -> None:
        self._stood, self._stack = stood, stack
        self.daemon = self._begin()

    def _begin(self) -> Running:
        return self._stack.enter_context(self._stood.made.running("run", "--no-web"))

    def kill_sender(self) -> None:
        kill(self.daemon.child("dispatch"))

    def kill_all_and_begin_again(self) -> None:
        self.daemon.kill()
        self.daemon = self._begin()

    def look_after(self) -> None:
        """Start it again where it has ended, as whoever looks after services does."""
        if self.daemon.process.poll() is not None:
            self.daemon = self._begin()


def told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} s at the median, {max(seconds):.1f} s at most"


class TestASenderThatIsKilled:
    def test_is_followed_by_one_that_sends(
        self, stage: SetStage, scale: Scale, figures: Figures, dice: random.Random, where: str
    ):
        """The dispatcher alone, then the whole daemon, started again by whoever looks after it."""
        people, times, pace = scale.of((160, 1, "20"), (4_000, 6, "40"))
        senders, daemons = list[float](), list[float]()
        with stage(people, SLOW, url=where, SMS__RATE_PER_SECOND=pace) as stood, ExitStack() as stack:
            house = House(stood, stack)
            for _ in range(times):
                stood.go_on(dice.randint(1, 10))
                senders.append(seconds_until_sending(stood, house.kill_sender, house.look_after))
                stood.go_on(dice.randint(1, 10))
                daemons.append(seconds_until_sending(stood, house.kill_all_and_begin_again, house.look_after))
            assert house.daemon.end() == 0
            found, by_lease = stood.check(), stood.ask(BY_LEASE)
        database = "PostgreSQL" if where else "SQLite"
        for who, seconds in (("sender", senders), ("daemon", daemons)):
            played = f"{times} kills of the {who}, {database}"
            figures.show(
                1,
                played,
                f"sending again within {MEANT_SECONDS} s (judged: {scale.of('by no lease', BOUND)})",
                told(seconds),
            )
        assert found.lost == 0
        assert by_lease == [(0,)]  # a lock proved each death at once
        if scale.is_long:
            assert max(statistics.median(senders), statistics.median(daemons)) <= MEANT_SECONDS
            assert max(senders + daemons) <= MEANT_SECONDS * LOAD
