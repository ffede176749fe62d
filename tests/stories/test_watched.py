"""The house is watched: real daemon, real posts, kill -9."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from tests.stories.operator import Operator, operator, wait_until
from tests.watch.receiver import Receiver, receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def ear() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


def forget(made: Operator, *jobs: str) -> None:
    """Let periodic jobs be due at once, as they are a minute later."""
    with write(made.engine) as conn:
        for job in jobs:
            conn.execute(sa.text("DELETE FROM job_run WHERE name = :job"), {"job": job})


class TestHeartbeat:
    def test_stops_when_the_daemon_is_killed(self, tmp_path: Path, ear: Receiver) -> None:
        """It beats again and again; after kill -9 never more, though its jobs would be due."""
        address = f"http://127.0.0.1:{ear.port}/beat"
        with operator(tmp_path, ALERTS__HEARTBEAT_URL=address) as made:
            with made.running("run") as daemon:
                for count in (1, 2, 3):
                    wait_until(f"beat {count}", lambda wanted=count: len(ear.gets) >= wanted)
                    forget(made, "beat")
                os.kill(daemon.process.pid, signal.SIGKILL)
                daemon.process.wait()
                wait_until("its children follow", lambda: not daemon.living())
            heard = len(ear.gets)
            forget(made, "beat")
            threading.Event().wait(1)  # five ticks of a daemon that lived
            assert len(ear.gets) == heard
            with made.running("run") as daemon:
                wait_until("it beats again", lambda: len(ear.gets) > heard)
                assert daemon.end() == 0
                assert address not in daemon.said()


class TestAlerts:
    def test_are_told_once_across_restarts(self, tmp_path: Path, ear: Receiver) -> None:
        """Opened by one daemon, kept up by the next, over with an all-clear; two posts in all."""
        with operator(tmp_path, ALERTS__URLS=ear.url) as made:
            with write(made.engine) as conn:
                conn.execute(
                    sa.text(
                        "INSERT INTO ledger_book (day, balance, words, checked_at) VALUES (:day, :balance, 'x', 0)"
                    ),
                    {"day": made.ask("SELECT date('now')")[0][0], "balance": False},
                )
                done = "INSERT INTO job_run (name, last_at) VALUES ('books', strftime('%s', 'now') * 1000000)"
                conn.execute(sa.text(done))  # it would find at once that nothing is wrong
            with made.running("run") as daemon:
                wait_until("somebody is told", lambda: ear.posts)
                forget(made, "alarms")
                os.kill(daemon.process.pid, signal.SIGKILL)
                daemon.process.wait()
            assert made.care("incidents").code == 1
            forget(made, "alarms")
            with made.running("run") as daemon:
                wait_until("it has looked again", lambda: made.ask("SELECT 1 FROM job_run WHERE name = 'alarms'"))
                with write(made.engine) as conn:
                    conn.execute(sa.text("UPDATE ledger_book SET balance = true"))
                    conn.execute(sa.text("UPDATE incident SET seen_at = seen_at - 240000000"))
                forget(made, "alarms")
                wait_until("the all-clear", lambda: len(ear.posts) > 1)
                assert daemon.end() == 0
            assert made.care("incidents").code == 0
        assert ear.titles == ["The books do not balance (open)", "The books do not balance (over)"]
