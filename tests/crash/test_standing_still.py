"""A supervised process that was stopped: its lock keeps others out, so it is ended and another begins."""

import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from care.base.processes import is_stopped
from care.daemon import STILL_SECONDS, Child
from tests.stories.operator import wait_until

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes that do nothing, and end them with the test."""
    started = []

    def begin() -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen(["/bin/sleep", "600"], stdin=subprocess.PIPE))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        with process:
            pass


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGSTOP)
    wait_until("it stands still", lambda: is_stopped(process))


class TestAChildThatStandsStill:
    def test_is_ended_and_another_begins(self, start: Start):
        """After a minute, not before."""
        first, second = start(), start()
        child = Child(name="dispatch", process=first, early=second)
        stop(first)
        for seconds in (0, 1, STILL_SECONDS):
            child.watch(seconds)
        assert first.poll() is None
        child.watch(STILL_SECONDS + 1)
        assert first.wait(10) == -signal.SIGKILL
        child.watch(STILL_SECONDS + 2)
        assert child.process is second
        assert second.poll() is None

    def test_may_go_on_within_the_minute(self, start: Start):
        """Whoever stopped it may have looked at something; the minute begins anew each time."""
        process = start()
        child = Child(name="dispatch", process=process)
        stop(process)
        child.watch(0)
        process.send_signal(signal.SIGCONT)
        wait_until("it goes on", lambda: not is_stopped(process))
        child.watch(STILL_SECONDS)
        stop(process)
        child.watch(STILL_SECONDS + 1)
        child.watch(2 * STILL_SECONDS)
        assert process.poll() is None


def test_a_process_that_is_gone_stands_not_still(start: Start):
    """Nor one that works."""
    process = start()
    assert not is_stopped(process)
    process.kill()
    process.wait()
    assert not is_stopped(process)
