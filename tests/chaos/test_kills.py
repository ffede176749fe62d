"""Row 1: kill -9 at every point a message passes. Nobody is told twice, and nobody is lost in silence."""

import random
from contextlib import ExitStack

import pytest

from care.base.failpoints import POINTS
from care.delivery.pace import group_size
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import KILLED, Stage, kill_and_wait
from tests.stories.operator import Running

SENDING = tuple(name for name in POINTS if name.split(".")[0] in {"recover", "claim", "intent", "call", "outcome"})
LATEST = {"recover": 1, "claim": 1, "intent": 2, "call": 4, "outcome": 2}
"""A point is met at a random pass up to this one; in a long run calls are met far later."""

FAULTS = {  # few enough that the provider is not closed for them: row 19 plays that
    "create_rates": {"429": 0.02, "503": 0.01, "503-after": 0.01, "cut": 0.01, "lost-reply": 0.02, "slow-reply": 0.3},
    "hang_seconds": 0.05,
    "callbacks": {"lose": 0.05, "duplicate": 0.15, "shuffle": 0.2, "delay_seconds": [0, 0.5]},
}
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(1800)]


def plan_of(dice: random.Random, cycles: int) -> list[str]:
    """Return so many points in random order, each about as often as any other."""
    points = [SENDING[n % len(SENDING)] for n in range(cycles)]
    dice.shuffle(points)
    return points


class Web:
    """A web process beside the sender, killed now and then."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage, self._stack = stage, stack
        self.kills = 0
        self._running = self._start()

    def _start(self) -> Running:
        return self._stack.enter_context(self._stage.made.running("web"))

    def kill(self) -> None:
        kill_and_wait(self._running)
        self.kills += 1
        self._running = self._start()


class TestAKillAtEveryPoint:
    def test_loses_and_doubles_nothing(self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures):
        """A sender that dies at each point in turn, a web process that dies in between, a provider full of faults."""
        people, cycles, pace = scale.of((600, 20, "40"), (6_000, 200, "60"))
        with stage(people, FAULTS, SMS__RATE_PER_SECOND=pace) as stood, ExitStack() as stack:
            web = Web(stood, stack)
            for point in plan_of(dice, cycles):
                most = scale.of(1, 8 if point.startswith("call") else 1) * LATEST[point.split(".")[0]]
                stood.die(point, dice.randint(1, most), "dispatch", "--until-idle")
                if dice.random() < 0.1:
                    web.kill()
            stood.drain(600)
            stood.hear(120)
            found, reached = stood.check(), stood.reached()
            ((ended,),) = stood.ask("SELECT count(*) FROM attempt WHERE error_code = 'process-ended'")
            ((waiting,),) = stood.ask("SELECT count(*) FROM message WHERE reason = 'capacity: again later'")

        kills = stood.ended[KILLED]
        figures.show(1, f"{cycles} cycles, {kills} kills, {web.kills} of the web", "0 lost, 0 copies", str(found))
        assert found.planned == people
        assert kills >= cycles * 0.95
        assert {point for point in SENDING if reached[point] < 2} == set()
        assert found.open == waiting
        assert sum(found.named.values()) <= kills
        assert ended <= kills * group_size(float(pace))
