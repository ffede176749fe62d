"""PostgreSQL turns read-only under load, as after a failover to a standby: all wait, and nothing they know is lost."""

import random
import urllib.error
import urllib.request
from functools import partial

import pytest

from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import Stage
from tests.read_only import read_only
from tests.stories.operator import Running, wait_until

SLOW = {"create_rates": {"slow-reply": 0.4, "late": 0.4}, "hang_seconds": 0.2}
TROUBLE, BACK = "dispatch.database_trouble", "dispatch.database_back"
LIVES = "SELECT count(*) FROM incarnation WHERE role = 'dispatch'"
WORDS = "is read-only: a standby, or protected from writing. Point database.url at the primary, or make it writable"
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(900)]


def readiness(stood: Stage) -> tuple[int, str]:
    """Return what `/readyz` answers; nothing while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stood.made.port}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class TestAReadOnlyDatabase:
    def test_is_sat_out_by_all(
        self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures, empty_postgres: str
    ):
        """The answers that senders hold are kept, the leader leads on, and everybody is told once, none in doubt.

        `care doctor` and `/readyz` say what is wrong. Nobody has to end connections when it can be written again.
        """
        people, times = scale.of((160, 1), (2_000, 8))
        with stage(people, SLOW, url=empty_postgres, SMS__RATE_PER_SECOND="50") as stood:
            with stood.made.running("run") as daemon, stood.made.running("dispatch") as other:
                for turn in range(1, times + 1):
                    stood.go_on(dice.randint(20, people // times // 2))
                    for running in (daemon, other):  # a sender that still waits says nothing new of the next time
                        wait_until("a sender goes on", partial(is_back, running))
                    said = [len(running.events(TROUBLE)) for running in (daemon, other)]
                    with read_only(stood.made.engine):
                        for running, before in zip((daemon, other), said, strict=True):
                            wait_until("a sender waits", partial(has_said, running, TROUBLE, before + 1))
                        wait_until("the leader waits", partial(has_put_off, daemon, turn))
                        wait_until("it is not ready", lambda: readiness(stood)[0] == 503)
                        assert WORDS in readiness(stood)[1]
                        asked = stood.made.care("doctor")
                        line = next(line for line in asked.out.splitlines() if line.startswith("✗ database"))
                        assert (asked.code, line.endswith(WORDS)) == (1, True)
                    wait_until("it is ready", lambda: readiness(stood)[0] == 200)
                    wait_until("the leader goes on", partial(has_said, daemon, "jobs.go_on", turn))
                stood.go_on(people, 120)
                stood.hear()
                assert has_put_off(daemon, times)
                assert len(daemon.events("jobs.go_on")) == times
                assert len(daemon.started()) == len(daemon.living()) == 2
                other.process.terminate()
                assert other.process.wait(20) == 0
                assert daemon.end() == 0
                for running in (daemon, other):
                    assert not [event for event in running.events() if "trace" in event]
                    assert "Traceback" not in running.said()
            found, lives = stood.check(), stood.ask(LIVES)
        figures.show(10, f"PostgreSQL read-only {times} times", "0 lost, 0 copies, 0 in doubt", str(found))
        assert (found.accepted, found.open, found.doubt) == (people, 0, 0)
        assert lives == [(2,)]  # nobody had to be started again


def has_said(running: Running, event: str, times: int) -> bool:
    """Tell whether a process and its children have said something so often."""
    return len(running.events(event)) >= times


def is_back(running: Running) -> bool:
    """Tell whether a sender has said of each trouble that it is over."""
    return len(running.events(BACK)) == len(running.events(TROUBLE))


def has_put_off(daemon: Running, times: int) -> bool:
    """Tell whether the leader has said exactly so often that it waits; that it was cut off, before, it may say as well."""
    return len([event for event in daemon.events("jobs.put_off") if WORDS in event["problem"]]) == times
