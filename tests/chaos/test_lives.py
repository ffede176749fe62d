"""Row 1 on a shared database: whoever was killed is followed at once, as its lock proves that it is gone."""

import random
import time

import pytest

from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import NO_DISPATCHER, kill_and_wait
from tests.stories.operator import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(600)]
NEWEST = "SELECT coalesce(max(id), 0) FROM attempt"


class TestAKilledDispatcher:
    def test_is_followed_without_waiting_for_its_lease(
        self, stage: SetStage, scale: Scale, dice: random.Random, empty_postgres: str, figures: Figures
    ):
        """All it had in hand is settled as of a process that has ended, and others go on at once.

        There are more people than deaths can strike twice: whoever was in hand at two waits a minute, which is no delay.
        """
        people, kills = scale.of((500, 2), (1_800, 12))
        longest = 0.0
        with stage(people, url=empty_postgres, SMS__RATE_PER_SECOND="30") as stood:
            with stood.made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
                wait_until("everybody is planned", lambda: stood.made.statuses().get("planned") == people)
                assert daemon.end() == 0
            for _ in range(kills):
                with stood.made.running("dispatch") as running:
                    stood.go_on(dice.randint(5, 15))
                    kill_and_wait(running)
                newest, begun = stood.ask(NEWEST), time.monotonic()
                with stood.made.running("dispatch") as running:
                    wait_until("sending goes on", lambda newest=newest: stood.ask(NEWEST) > newest)
                    longest = max(longest, time.monotonic() - begun)
                    codes = {row[0] for row in stood.ask("SELECT error_code FROM attempt WHERE outcome = 'unknown'")}
                    assert codes <= {"process-ended"}
                    kill_and_wait(running)
            stood.drain()
            assert stood.ask("SELECT count(*) FROM message WHERE status = 'sending'") == [(0,)]
            assert list((stood.made.folder / ".care" / "lives").iterdir()) == []
            found = stood.check()
        seen = f"{found}, sending again after {longest:.1f} s at most"
        figures.show(1, f"{2 * kills} kills on PostgreSQL", "the law; again within 5 s", seen)
        assert found.open == 0
