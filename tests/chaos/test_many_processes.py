"""Rows 6, 7, 10 and 24: too many at once, one that freezes, a database that crashes, an end under load."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from care.base.database import write
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.law import Tally
from tests.chaos.stage import NO_DISPATCHER, Stage
from tests.postgres_server import running_postgres
from tests.stories.operator import Running, is_alive, wait_until

SLOW = {"create_rates": {"slow-reply": 0.4, "late": 0.4}, "hang_seconds": 0.2}
REFUSED, FENCED = 2, 1
BACK_SECONDS, LOAD = 10, 3
"""Three times as long on a machine where others work: no lease of a leader (30 s) or a sender (60 s) is waited for."""

DELAY_SECONDS = 30
DELAYED = """SELECT count(*) FROM message WHERE status = 'planned' AND (wake_at > status_at OR strikes > 0)
    AND id IN (SELECT message_id FROM move WHERE status = 'planned' AND "by" = 'dispatcher')"""
"""What a sender gave back at its end and the next one may not take at once, or would render apart."""

LIVES = "SELECT count(*) FROM incarnation WHERE role = 'dispatch'"
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(1800)]


def plan_only(stood: Stage) -> None:
    """Plan everybody on a database where nobody is planned yet."""
    with stood.made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
        wait_until("everybody is planned", lambda: stood.made.statuses().get("planned") == stood.people)
        assert daemon.end() == 0


class TestSeveralAtOnce:
    def test_have_one_leader_on_sqlite(self, stage: SetStage, scale: Scale, figures: Figures):
        """All start in the same moment: one leads, the others say so and end; another dispatcher is refused."""
        people, leaders = scale.of((60, 3), (600, 4))
        with stage(people, SLOW, SMS__RATE_PER_SECOND="100") as stood, ExitStack() as stack:
            started = [stack.enter_context(stood.made.running("run")) for _ in range(leaders)]
            wait_until("all but one have ended", lambda: len(living(started)) == 1)
            (leader,) = living(started)
            leader.child("dispatch")
            stood.go_on(1)
            late = stood.made.care("dispatch")
            stood.go_on(people)
            stood.hear()
            assert leader.end() == 0
            found = stood.check()
        codes = sorted(running.process.returncode for running in started)
        figures.show(6, f"{leaders} leaders at once, SQLite", "one leads, 0 copies", f"exit codes {codes}, {found}")
        assert codes == [0, *[REFUSED] * (leaders - 1)]
        assert late.code == REFUSED
        assert found.accepted == people

    def test_share_the_work_on_postgresql(self, stage: SetStage, scale: Scale, figures: Figures, empty_postgres: str):
        """Two leaders and more dispatchers at once: one leads, all send, nobody is told twice."""
        people, others, pace = scale.of((150, 1, "25"), (2_000, 3, "100"))
        with stage(people, SLOW, url=empty_postgres, SMS__RATE_PER_SECOND=pace) as stood, ExitStack() as stack:
            leaders = [stack.enter_context(stood.made.running("run", "--no-web")) for _ in range(2)]
            more = [stack.enter_context(stood.made.running("dispatch")) for _ in range(others)]
            wait_until("one leader has ended", lambda: len(living(leaders)) == 1)
            (leader,) = living(leaders)
            wait_until("all are planned", lambda: sum(stood.made.statuses().values()) == people)
            stood.go_on(people, 300)
            for running in more:
                running.process.terminate()
                assert running.process.wait(15) == 0
            assert leader.end() == 0
            found = stood.check()
            senders = stood.ask("SELECT count(DISTINCT incarnation) FROM attempt")[0][0]
            settled = settle_by_the_list(stood) if found.doubt else found
        figures.show(6, f"2 leaders, {others + 1} dispatchers, PostgreSQL", "0 copies", f"{senders} sent, {found}")
        assert found.accepted == people
        assert senders > 1
        assert (settled.doubt, settled.accepted) == (
            0,
            people,
        )  # an answer too late for a busy machine is only in doubt


def settle_by_the_list(stood: Stage) -> Tally:
    """Ask the provider about what is in doubt, some at a time; it has all of it, so nothing stays so."""
    for _ in range(stood.people // 100):
        if not stood.resolve():
            break
    return stood.check()


def living(started: list[Running]) -> list[Running]:
    return [running for running in started if running.process.poll() is None]


class TestAFrozenSender:
    """A hundred freezes in a long run, ten a night: whoever was in hand at two of them waits longer each time."""

    @pytest.mark.parametrize("night", range(10 if Scale.is_long else 1))
    def test_sends_no_second_copy_when_its_lease_is_lost(
        self, stage: SetStage, scale: Scale, night: int, figures: Figures, empty_postgres: str
    ):
        """It stops between intent and call; another takes over; then it wakes and goes on as if nothing had been."""
        people, trials = scale.of((80, 1), (600, 10))
        with stage(people, url=empty_postgres, SMS__RATE_PER_SECOND="10") as stood:
            plan_only(stood)
            for _ in range(trials):
                freeze_and_wake(stood, lambda: take_leases(stood))
            found = stood.check()
        figures.show(7, f"{trials} freezes, leases lost, night {night + 1}", "0 copies", str(found))

    @pytest.mark.parametrize("night", range(3 if Scale.is_long else 1))
    def test_sends_no_second_copy_when_its_lock_is_lost(
        self, stage: SetStage, scale: Scale, night: int, figures: Figures
    ):
        """The same beside SQLite, where somebody removes the lock file."""
        people, trials = scale.of((80, 1), (600, 10))
        with stage(people, SMS__RATE_PER_SECOND="10") as stood:

            def lose_the_lock() -> None:
                if scale.is_long:
                    assert stood.made.care("dispatch").code == REFUSED  # it is kept by who stands still, too
                (stood.made.folder / "care.dispatch.lock").unlink()

            for _ in range(trials):
                freeze_and_wake(stood, lose_the_lock)
            found = stood.check()
        figures.show(7, f"{trials} freezes, lock lost, night {night + 1}", "0 copies", str(found))


def take_leases(stood: Stage) -> None:
    """Let every lease be over."""
    with write(stood.made.engine) as conn:
        conn.execute(sa.text("UPDATE message SET lease_until = 0 WHERE status = 'sending'"))


def freeze_and_wake(stood: Stage, lose_the_right: Callable[[], None]) -> None:
    """Freeze a sender after its intents, let another take over and work, wake the first and see it end."""
    reached = stood.reached()["intent.committed"]
    with stood.made.running("dispatch", **stood.arm("intent.committed", 1, "freeze")) as frozen:
        wait_until("it is frozen", lambda: stood.reached()["intent.committed"] > reached)
        before = stood.ask("SELECT count(*) FROM attempt WHERE outcome = 'intent'")[0][0]
        assert before > 0
        lose_the_right()
        with stood.made.running("dispatch") as other:
            stood.go_on(12)
            assert (
                stood.ask("SELECT count(*) FROM attempt WHERE error_code IN ('process-ended', 'lease-lost')")[0][0]
                >= before
            )
            os.kill(frozen.process.pid, signal.SIGCONT)
            assert frozen.process.wait(20) == FENCED
            assert frozen.events("dispatch.fenced")
            stood.go_on(before)
            other.process.terminate()
            assert other.process.wait(20) == 0


def seconds_until_the_next_intent(stood: Stage) -> float:
    """Return how long it took until sending went on, or until all was sent that a slow machine had left."""
    newest, begun = "SELECT coalesce(max(id), 0) FROM attempt", time.monotonic()
    left = "SELECT 1 FROM message WHERE status IN ('planned', 'held', 'sending') LIMIT 1"
    last = stood.ask(newest)
    wait_until("sending goes on", lambda: stood.ask(newest) > last or not stood.ask(left))
    return time.monotonic() - begun


class TestADatabaseServer:
    def test_may_crash_under_load(self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures):
        """It is stopped without a word and started again, in the midst of claims, commits and records."""
        people, times = scale.of((160, 2), (2_000, 20))
        longest = 0.0
        with running_postgres() as server, stage(people, SLOW, url=server.url, SMS__RATE_PER_SECOND="50") as stood:
            with stood.made.running("run") as daemon:
                for _ in range(times):
                    stood.go_on(dice.randint(5, people // times // 2))
                    server.crash_and_restart()
                    stood.made.engine.dispose()
                    longest = max(longest, seconds_until_the_next_intent(stood))
                stood.go_on(people, 120)
                stood.hear()
                assert daemon.end() == 0
                assert "Traceback" not in daemon.said()
            found, lives = stood.check(), stood.ask(LIVES)
        seen = f"{found}, back after {longest:.1f} s at most"
        judged = scale.of("by the same sender", f"{BACK_SECONDS * LOAD} s")
        expected = f"0 lost, 0 copies, back within {BACK_SECONDS} s (judged: {judged})"
        figures.show(10, f"PostgreSQL crashed {times} times", expected, seen)
        assert (found.accepted, found.open, found.doubt) == (people, 0, 0)
        assert lives == [(1,)]  # it sat every crash out, and never had to be started again
        if scale.is_long:
            assert longest <= BACK_SECONDS * LOAD


class TestAnEndUnderLoad:
    def test_leaves_nothing_in_doubt(self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures):
        """SIGTERM at full pace: it drains in time, and the next version goes on at once with what was given back."""
        people, times, pace = scale.of((60, 1, "20"), (3_000, 12, "100"))  # more than an end lets land
        drains = list[float]()
        with stage(people, SLOW, SMS__RATE_PER_SECOND=pace) as stood:
            for _ in range(times):
                with stood.made.running("run") as daemon:
                    stood.go_on(dice.randint(5, people // times // 4))
                    begun = time.monotonic()
                    assert daemon.end(15) == 0
                    drains.append(time.monotonic() - begun)
                    assert not any(is_alive(pid) for _, pid in daemon.started())
                assert {"sending", "unknown"} & set(stood.made.statuses()) == set()
                assert stood.ask("SELECT count(*) FROM attempt WHERE outcome IN ('intent', 'unknown')") == [(0,)]
                assert stood.ask(DELAYED) == [(0,)]
            with stood.made.running("run") as daemon:
                stood.go_on(people)
                stood.hear()
                assert daemon.end() == 0
            found, pause = stood.check(), longest_pause(stood)
        seen = f"{found}, drained in {max(drains):.1f} s, sending again after {pause:.1f} s at most"
        judged = scale.of("what is given back is due at once", f"{DELAY_SECONDS} s")
        expected = f"0 in doubt, drained within 15 s, none delayed by more than {DELAY_SECONDS} s (judged: {judged})"
        figures.show(24, f"{times} ends at {pace}/s", expected, seen)
        assert (found.accepted, found.doubt, found.open) == (people, 0, 0)
        if scale.is_long:
            assert pause <= DELAY_SECONDS


def longest_pause(stood: Stage) -> float:
    """Return the longest time in seconds between two groups of intents: an end, a start, and all in between."""
    moments = [at for (at,) in stood.ask("SELECT DISTINCT intent_at FROM attempt ORDER BY intent_at")]
    return max(b - a for a, b in itertools.pairwise(moments)) / 1e6
