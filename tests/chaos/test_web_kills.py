"""Row 2: kill -9 of the web process in the middle of callbacks. What it answered 2xx stays told."""

import random

import pytest

from care.base.failpoints import POINTS
from tests.chaos.callbacks import Caller, callbacks_of, too_high, too_low
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import KILLED

HEARING = tuple(name for name in POINTS if name.split(".")[0] in {"webhook", "receipt"})
MUTE = {"callbacks": {"lose": 1.0}}
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(900)]


class TestAKilledWebProcess:
    def test_keeps_what_it_answered(self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures):
        """It dies before and after each commit; of what it did not answer half is said again, half never."""
        people, rounds, portion = scale.of((80, 2, 12), (600, 6, 40))
        with stage(people, MUTE, SMS__RATE_PER_SECOND="500") as stood:
            stood.drain()
            caller = Caller(auth_token=stood.twilio.auth_token)
            waiting = callbacks_of(stood.twilio.accepted(), dice)
            for point in dice.sample([*HEARING] * rounds, len(HEARING) * rounds):
                batch, waiting = waiting[:portion], waiting[portion:]
                with stood.made.running("web", **stood.arm(point)) as web:
                    left = caller.post_all(batch, is_over=lambda web=web: web.process.poll() is not None)
                    assert web.process.wait(20) == KILLED
                waiting += dice.sample(left, len(left) // 2)
            with stood.made.running("web") as web:
                caller.post_all(waiting, is_over=lambda: False)
                stood.hear()
            reached = stood.reached()
            rows = stood.ask(
                "SELECT a.provider_ref, m.status FROM attempt a JOIN message m ON m.id = a.message_id "
                "WHERE a.provider_ref IS NOT NULL"
            )
            standing = {row[0]: row[1] for row in rows}

        lost, invented = too_low(caller, standing), too_high(caller, standing)
        answered = sum(map(len, caller.answered.values()))
        figures.show(
            2,
            f"{sum(reached.values())} kills of the web, {answered} callbacks answered",
            "0 lost, 0 invented",
            f"{len(lost)} lost, {len(invented)} invented, {caller.refused} refused",
        )
        assert (lost, invented, caller.refused) == ([], [], 0)
        assert len(standing) == people
        assert answered > people
        assert {point for point in HEARING if reached[point] < 2} == set()
