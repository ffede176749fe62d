"""Proof that a sender has ended: the kernel unlocks its file, and only the file itself counts."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from care.base.database import read, write
from care.delivery.incarnation import begin_incarnation
from care.delivery.life_lock import LifeLock, dead_among, remove_locks, sweep
from care.delivery.machine import machine_facts
from care.delivery.tables import incarnation
from care.messages.store import claim_due
from care.messages.tables import attempt
from tests.delivery.test_dispatcher import greet
from tests.delivery.test_recovery import intent
from tests.house import House

HOLD = "import sys; from pathlib import Path; from care.delivery.life_lock import LifeLock; lock = LifeLock(Path(sys.argv[1])); print(lock.begin(), flush=True); sys.stdin.read()"


@contextmanager
def other_life(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds a lock; killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


class TestALifeLock:
    def test_proves_the_end_of_a_killed_process(self, tmp_path: Path) -> None:
        """Not one moment before it."""
        with other_life(tmp_path) as (process, name):
            assert dead_among(tmp_path, [name]) == []
            process.kill()
            process.wait()
            assert dead_among(tmp_path, [name]) == [name]

    def test_proves_nothing_without_its_file(self, tmp_path: Path) -> None:
        """A life on another machine may go on."""
        assert dead_among(tmp_path, ["elsewhere"]) == []

    def test_proves_nothing_by_a_copy(self, tmp_path: Path) -> None:
        """A cloned folder has files that nobody holds, of processes that live."""
        with other_life(tmp_path / "one") as (_, name):
            shutil.copytree(tmp_path / "one", tmp_path / "two")
            assert dead_among(tmp_path / "two", [name]) == []

    def test_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """An end in good order takes the file along; a sweep takes what the dead left, and nothing of the living."""
        lock = LifeLock(tmp_path)
        lock.begin()
        lock.end()
        with other_life(tmp_path) as (process, _):
            sweep(tmp_path, ())
            assert len(list(tmp_path.iterdir())) == 1
            process.kill()
            process.wait()
            sweep(tmp_path, ())
        remove_locks(tmp_path, ["gone"])
        assert list(tmp_path.iterdir()) == []


class TestRecovery:
    def test_needs_no_lease_where_a_lock_proves_the_end(self, house: House) -> None:
        """On a shared database: in doubt at once, as a process that has ended, so it may be sent again by its class."""
        greet(house, 2)
        now, folder = house.clock.now(), house.services.settings.state_dir / "lives"
        with other_life(folder) as (process, name):
            with write(house.engine) as conn:
                number = begin_incarnation(conn, "dispatch", now, lock_name=name)
                claim_due(conn, owner=number, lane=5, now=now, lease_until=now + timedelta(minutes=1), limit=500)
            intent(house, number)
            sentry = house.services.sentry(sole=False)
            with write(house.engine) as conn:
                assert sentry.recover(conn, 0, now)[:2] == (0, 0)
            process.kill()
            process.wait()
            with write(house.engine) as conn:
                assert sentry.recover(conn, 0, now)[:2] == (0, 2)
        with read(house.engine) as conn:
            assert set(conn.execute(sa.select(attempt.c.error_code)).scalars()) == {"process-ended"}
            assert conn.execute(sa.select(incarnation.c.ended_at)).scalar_one() == now
            sentry.recover(conn, 0, now)
        assert list(folder.iterdir()) == []


class TestAMachine:
    def test_is_known_by_its_built_in_cards(self, tmp_path: Path) -> None:
        """A clone has the same id and other cards; bridges and USB come and go."""

        def machine(name: str, address: str) -> str:
            root = tmp_path / name
            (root / "etc").mkdir(parents=True)
            (root / "etc" / "machine-id").write_text("0123456789abcdef\n", encoding="utf-8")
            for card, where, mac in (
                ("eth0", "devices/pci0/card", address),
                ("usb0", "devices/usb1/card", name),
                ("br0", "", name),
            ):
                folder = root / "sys" / "class" / "net" / card
                folder.mkdir(parents=True)
                (folder / "address").write_text(f"{mac}\n", encoding="utf-8")
                (folder / "addr_assign_type").write_text("0\n", encoding="utf-8")
                if where:
                    (root / where).mkdir(parents=True)
                    (folder / "device").symlink_to(root / where)
            return machine_facts("", root)

        original = machine("original", "52:54:00:00:00:01")
        assert machine("again", "52:54:00:00:00:01") == original
        assert machine("clone", "52:54:00:00:00:02") != original
        assert machine_facts("name", tmp_path / "original") == machine_facts("name", tmp_path / "clone")
