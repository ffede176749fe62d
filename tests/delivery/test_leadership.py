"""The lead on a shared database: of a process that is gone it is free at once, of one that lives it is not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import SystemClock, VirtualClock
from care.base.database import read, write
from care.base.locks import LockTakenError
from care.delivery.leadership import LEASE, LeaseLeadership
from care.delivery.tables import incarnation, leader
from tests.read_only import read_only

LEAD = """
import sys
from pathlib import Path
from care.base.clock import SystemClock
from care.base.database import open_engine
from care.delivery.leadership import LeaseLeadership
leads = LeaseLeadership(open_engine(sys.argv[1]), SystemClock(), Path(sys.argv[2]))
leads.acquire()
print("leads", flush=True)
sys.stdin.read()
"""


@contextmanager
def leading(engine: sa.Engine, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that leads until it is killed."""
    url = engine.url.render_as_string(hide_password=False)
    words = [sys.executable, "-c", LEAD, url, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "leads\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def clock() -> VirtualClock:
    """The clock of whoever comes next, at the moment at which the first one began."""
    return VirtualClock(SystemClock().now())


@pytest.mark.crash
class TestTheLead:
    def test_is_free_when_its_process_is_gone(
        self, postgres_engine: sa.Engine, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Killed: no lease is waited for, and its life is entered as ended."""
        with leading(postgres_engine, tmp_path) as process:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            LeaseLeadership(postgres_engine, clock, tmp_path).acquire()
        with read(postgres_engine) as conn:
            holder = conn.execute(sa.select(leader.c.incarnation)).scalar_one()
            ended = sa.select(incarnation.c.id, incarnation.c.ended_at.is_not(None)).order_by(incarnation.c.id)
            assert [tuple(row) for row in conn.execute(ended)] == [(holder - 1, True), (holder, False)]

    @pytest.mark.parametrize("signal_sent", [None, signal.SIGSTOP])
    def test_is_not_taken_from_one_that_lives(
        self, postgres_engine: sa.Engine, tmp_path: Path, clock: VirtualClock, signal_sent: signal.Signals | None
    ) -> None:
        """Be it frozen: only its lease ends it. Whoever asked in vain leaves no lock behind."""
        with leading(postgres_engine, tmp_path) as process:
            if signal_sent:
                os.kill(process.pid, signal_sent)
            locks = set(tmp_path.iterdir())
            for _ in range(2):
                with pytest.raises(LockTakenError, match=f"process {process.pid}"):
                    LeaseLeadership(postgres_engine, clock, tmp_path).acquire()
            assert set(tmp_path.iterdir()) == locks
            clock.advance(LEASE + timedelta(minutes=1))
            LeaseLeadership(postgres_engine, clock, tmp_path).acquire()

    def test_on_another_machine_ends_with_its_lease(
        self, postgres_engine: sa.Engine, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Its lock is not here, so nothing is proven."""
        with leading(postgres_engine, tmp_path / "there") as process:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            here = LeaseLeadership(postgres_engine, clock, tmp_path / "here")
            with pytest.raises(LockTakenError):
                here.acquire()
            clock.advance(LEASE + timedelta(minutes=1))
            here.acquire()

    def test_is_kept_and_given_back(self, postgres_engine: sa.Engine, tmp_path: Path, clock: VirtualClock) -> None:
        """Kept as long as nobody else has it; given back, the next one has it at once."""
        first, second = (LeaseLeadership(postgres_engine, clock, tmp_path) for _ in range(2))
        first.acquire()
        clock.advance(LEASE - timedelta(seconds=1))
        assert first.keep()
        with pytest.raises(LockTakenError):
            second.acquire()
        first.release()
        assert list(tmp_path.iterdir()) == []
        second.acquire()
        assert not first.keep()
        with write(postgres_engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(leader)).scalar_one() == 1

    def test_is_kept_while_nothing_may_be_written(
        self, postgres_engine: sa.Engine, tmp_path: Path, clock: VirtualClock
    ) -> None:
        """Nobody else can take it either, and there is nothing to end for."""
        leads = LeaseLeadership(postgres_engine, clock, tmp_path)
        leads.acquire()
        with read_only(postgres_engine):
            assert leads.keep()
        assert leads.keep()
        leads.release()
