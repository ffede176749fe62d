"""Row 1: kill -9 at every point a message passes, for all classes. Nobody is lost in silence, nor told twice against
what the class allows.
"""

import random
from contextlib import ExitStack

import pytest

from care.base.failpoints import POINTS
from care.base.vocabulary import Delivery
from care.delivery.pace import group_size
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import KILLED, Stage, kill_and_wait
from tests.stories.operator import Running

STEPS = {"recover", "claim", "intent", "call", "outcome", "resolve"}
SENDING = tuple(name for name in POINTS if name.split(".")[0] in STEPS)
LATEST = {"recover": 1, "claim": 1, "intent": 2, "call": 4, "outcome": 2, "resolve": 1}
"""A point is met at a random pass up to this one; in a long run calls are met far later."""

FAULTS = {  # few enough that the provider is not closed for them: row 19 plays that
    "create_rates": {"429": 0.02, "503": 0.01, "503-after": 0.01, "cut": 0.01, "lost-reply": 0.02, "slow-reply": 0.3},
    "hang_seconds": 0.05,
    "callbacks": {"lose": 0.05, "duplicate": 0.15, "shuffle": 0.2, "delay_seconds": [0, 0.5]},
}
MUTE = {
    **FAULTS,
    "create_rates": {"429": 0.02, "503": 0.02, "lost-reply": 0.2, "slow-reply": 0.3},
    "callbacks": {"lose": 1.0},
}
"""A bad hour in which many answers and all callbacks get lost: only the list could tell what was taken."""

OPEN = {"planned", "held", "sending", "unknown"}
BAD_HOUR = 150
"""So few messages, a fifth of them unanswered, do not close the provider: it lets fifty errors a minute pass."""
MOST_TURNS = 12
NOBODY = "http://127.0.0.1:9"
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


class Resolver:
    """Settles doubts between two deaths; now and then the provider does not answer what it has."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        self._stage, self._dice = stage, dice

    def look(self, *, deaf: float = 0.5) -> None:
        """Settle what can be settled; `deaf` is how probably the list does not answer."""
        is_deaf = self._dice.random() < deaf
        self._stage.resolve(**({"CARE_TWILIO__BASE_URL": NOBODY} if is_deaf else {}))

    def look_to_the_end(self) -> None:
        """Go on until nothing changes: what is sent again may be in doubt again."""
        for _ in range(MOST_TURNS):
            self._stage.drain(600)
            self._stage.hear(120)
            if not OPEN & set(self._stage.made.statuses()):
                return
            self._stage.resolve()


def send_in_a_bad_hour(stood: Stage) -> None:
    """Let a sender work for a while, so that many answers get lost, and then die."""
    with stood.made.running("dispatch") as running:
        stood.go_on(min(stood.people // 6, BAD_HOUR))
        kill_and_wait(running)


class TestAKillAtEveryPoint:
    def test_loses_nothing_and_doubles_nothing_against_its_class(
        self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures
    ):
        """A sender and a resolver that die at each point in turn, a web process too, and a provider full of faults."""
        people, cycles, pace = scale.of((660, 24, "40"), (12_000, 200, "60"))
        most_open = 0
        with stage(people, is_mixed=True, SMS__RATE_PER_SECOND=pace) as stood, ExitStack() as stack:
            stood.trust_the_list()
            web, resolver = Web(stood, stack), Resolver(stood, dice)
            for number, point in enumerate(plan_of(dice, cycles)):
                step = point.split(".")[0]
                if number == 0:
                    stood.twilio.script({**MUTE, "seed": dice.randrange(1_000_000)})
                elif number == cycles // 3:
                    send_in_a_bad_hour(stood)
                    resolver.look(deaf=1)  # nobody can tell: what must arrive is sent once more, though it was taken
                    stood.twilio.script({**FAULTS, "seed": dice.randrange(1_000_000)})
                most = scale.of(1, 8 if step == "call" else 1) * LATEST[step]
                if step == "resolve":
                    stood.settle()
                    stood.die(point, 1, "resolve")
                else:
                    stood.die(point, dice.randint(1, most), "dispatch", "--until-idle")
                most_open = max(most_open, stood.left_in_work())
                if dice.random() < 0.1:
                    web.kill()
                if dice.random() < 0.3:
                    resolver.look()
            resolver.look_to_the_end()
            found, reached = stood.check(), stood.reached()
            by_class = {delivery: stood.tally(delivery) for delivery in Delivery}
            listed = stood.listed("unknown")
            ((ended,),) = stood.ask("SELECT count(*) FROM attempt WHERE error_code = 'process-ended'")
            ((again,),) = stood.ask("SELECT count(*) FROM move WHERE reason LIKE 'sent again%'")
            ((waiting,),) = stood.ask("SELECT count(*) FROM message WHERE reason = 'capacity: again later'")

        kills, group = stood.ended[KILLED], group_size(float(pace))
        played = f"{cycles} cycles, {kills} kills, {web.kills} of the web"
        figures.show(1, played, "0 lost, 0 copies but those declared", f"{found}, {again} sent again")
        for delivery, told in by_class.items():
            copies = "1 copy at most of what was in doubt" if delivery is Delivery.AT_LEAST_ONCE else "0 copies"
            figures.show(1, f"  {delivery}", f"0 lost, {copies}", str(told))
        figures.show(1, "  in doubt by one death", f"{group} at most", f"{most_open} at most, {ended} in all")
        assert found.planned == people
        assert kills >= cycles * 0.95
        assert {point for point in SENDING if reached[point] < 2} == set()
        assert found.open == waiting
        assert sum(found.named.values()) <= kills
        assert most_open <= group
        assert again > 0
        assert by_class[Delivery.AT_LEAST_ONCE].copies > 0
        assert by_class[Delivery.ONCE].copies == by_class[Delivery.RECONCILED].copies == 0
        assert listed == found.doubt
