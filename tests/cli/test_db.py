"""`care db`: versions, integrity, backup while running, restore that starts paused."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base import database as base_database
from care.base.clock import SystemClock
from care.base.database import open_engine, read, write
from care.delivery.leadership import dispatch_lock, leader_lock
from care.delivery.tables import machine
from care.messages.tables import pause
from tests.cli.conftest import Care
from tests.factories import make_customer
from tests.postgres_server import find_binaries


@pytest.fixture
def database(upgraded: Care, tmp_path: Path) -> Path:
    """A current SQLite database with one customer, in the working folder."""
    _add_customer(tmp_path / "care.db")
    return tmp_path / "care.db"


def _add_customer(path: Path) -> None:
    engine = open_engine(f"sqlite:///{path}")
    with write(engine) as connection:
        make_customer(connection)
    engine.dispose()


def _ask(path: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def _customers(path: Path) -> int:
    return int(str(_ask(path, "SELECT count(*) FROM customer")[0][0]))


def _make_future(path: Path) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


class TestUpgrade:
    def test_sets_up_and_then_says_it_was_current(self, care: Care) -> None:
        """Running it twice is harmless."""
        assert care("db", "upgrade").out.startswith("database at version")
        assert care("db", "upgrade").out.endswith("was current\n")

    def test_says_that_the_database_is_locked(
        self, care: Care, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another program holds it for longer than we wait: exit 2, one line, and no table was made."""
        monkeypatch.setattr(base_database, "BUSY_TIMEOUT_MS", 50)
        other = sqlite3.connect(tmp_path / "care.db", isolation_level=None)
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")

        answer = care("db", "upgrade")

        other.execute("ROLLBACK")
        other.close()
        assert answer.code == 2
        assert answer.err.endswith("is locked by another program. End that program or wait, then try again\n")
        assert _ask(tmp_path / "care.db", "SELECT name FROM sqlite_master") == []

    def test_says_that_the_disk_is_full(self, tmp_path: Path) -> None:
        """Half-way through the steps there is no room left: exit 2, and the database is as empty as before."""
        no_room = (
            "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (98304, 98304)); from care.cli.main import main; main()"
        )
        command = [sys.executable, "-c", no_room, "db", "upgrade"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert done.returncode == 2
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert _ask(tmp_path / "care.db", "SELECT name FROM sqlite_master") == []

    def test_refuses_a_database_from_the_future(self, care: Care, database: Path) -> None:
        """Exit 2, one line, nothing changed."""
        _make_future(database)

        answer = care("db", "upgrade")

        assert answer.code == 2
        assert "care.db: is at version 9999, newer than this program knows" in answer.err
        assert _ask(database, "SELECT version_num FROM alembic_version") == [("9999",)]


class TestCheck:
    def test_says_no_where_there_is_none(self, care: Care, tmp_path: Path) -> None:
        """A question asked in the wrong folder leaves nothing there."""
        for words in (("db", "check"), ("books",), ("customers", "show", "C1"), ("log",)):
            answer = care(*words)

            assert (answer.code, answer.err.count("\n")) == (1 if words == ("db", "check") else 2, 1)
            assert "is not there. Run: care db upgrade, or change to the folder that holds it" in answer.err
        assert list(tmp_path.iterdir()) == []

    def test_says_no_to_an_empty_database(self, care: Care, tmp_path: Path) -> None:
        """The line names the command that helps."""
        (tmp_path / "care.db").touch()

        answer = care("db", "check")

        assert (answer.code, answer.err) == (1, "care: database has no tables yet. Run: care db upgrade\n")

    def test_finds_a_sound_one(self, care: Care, database: Path) -> None:
        """Version and integrity are told, to programs too."""
        answer = care("db", "check", "--json")

        assert answer.code == 0
        assert json.loads(answer.out)["problems"] == []

    def test_finds_a_table_that_is_gone(self, care: Care, database: Path) -> None:
        """A dropped table is named."""
        connection = sqlite3.connect(database)
        connection.execute("DROP TABLE receipt")
        connection.close()

        answer = care("db", "check")

        assert (answer.code, "table receipt is missing" in answer.err) == (1, True)

    def test_finds_rows_that_point_nowhere(self, care: Care, database: Path) -> None:
        """What foreign keys would have refused is found afterwards."""
        connection = sqlite3.connect(database)
        with connection:
            connection.execute(
                "INSERT INTO receipt (attempt_id, provider, provider_ref, status, received_at) VALUES (9, 'x', 'x', 'x', 1)"
            )
        connection.close()

        assert "1 rows point at rows that are gone (receipt)" in care("db", "check").err

    def test_finds_damage(self, care: Care, database: Path) -> None:
        """A page overwritten with rubbish is found, not worked with."""
        _ask(database, "PRAGMA wal_checkpoint(TRUNCATE)")
        with database.open("r+b") as file:
            file.seek(8192)
            file.write(b"\x5a" * 8192)

        answer = care("db", "check")

        assert answer.code in (1, 2)
        assert "damaged" in answer.err

    def test_answers_two_for_the_future(self, care: Care, database: Path) -> None:
        """Another program is needed, not another command."""
        _make_future(database)

        assert care("db", "check").code == 2


class TestBackup:
    def test_copies_while_a_writer_is_at_work(self, care: Care, database: Path, tmp_path: Path) -> None:
        """An open transaction neither blocks the copy nor shows in it."""
        engine = open_engine(f"sqlite:///{database}")
        with write(engine) as connection:
            make_customer(connection)
            answer = care("db", "backup", "copy.db", "--json")
        engine.dispose()

        assert answer.code == 0
        assert json.loads(answer.out)["bytes"] == (tmp_path / "copy.db").stat().st_size
        assert (_customers(tmp_path / "copy.db"), _customers(database)) == (1, 2)

    def test_is_one_private_file(self, care: Care, database: Path, tmp_path: Path) -> None:
        """Nothing lies beside it, and only the owner may read it."""
        care("db", "backup", "copy.db")

        assert [path.name for path in tmp_path.glob("copy.db*")] == ["copy.db"]
        assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize(
        ("name", "problem"), [("care.db", "is there already"), ("no/such/copy.db", "no such folder")]
    )
    def test_never_overwrites_or_invents(self, care: Care, database: Path, name: str, problem: str) -> None:
        """A file in the way or a missing folder is exit 2 and changes nothing."""
        answer = care("db", "backup", name)

        assert answer.code == 2
        assert problem in answer.err
        assert _customers(database) == 1

    def test_leaves_nothing_half_done_when_the_disk_is_full(self, database: Path, tmp_path: Path) -> None:
        """The line says so, and no file that looks like a backup remains."""
        no_room = (
            "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (65536, 65536)); from care.cli.main import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", no_room, "db", "backup", "copy.db"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 2
        assert "the disk is full or failing" in done.stderr
        assert list(tmp_path.glob("copy.db*")) == []


class TestRestore:
    def test_brings_back_the_copy_and_pauses_everything(self, care: Care, database: Path, tmp_path: Path) -> None:
        """What was written since is gone from the database, kept aside, and nothing will be sent."""
        care("db", "backup", "copy.db")
        _add_customer(database)

        answer = care("db", "restore", "copy.db", "--json")

        assert answer.code == 0
        said = json.loads(answer.out)
        assert said["paused"] is True
        assert _customers(database) == 1
        assert _customers(Path(said["former"])) == 2
        assert _ask(database, "SELECT scope, until FROM pause") == [("standstill", None)]

    def test_is_not_called_failed_for_a_journal_that_cannot_be_read(self, care: Care, database: Path) -> None:
        """It is done; `care adopt-journal`, which comes next, names the page."""
        care("db", "backup", "copy.db")
        (database.parent / ".care" / "journal" / "2026-09-25.life.sent").mkdir(parents=True)
        assert care("db", "restore", "copy.db").code == 0
        assert "2026-09-25.life.sent: cannot be read (Is a directory)" in care("adopt-journal").err

    def test_repairs_a_damaged_database(self, care: Care, database: Path) -> None:
        """The way out that `care db check` names works."""
        care("db", "backup", "copy.db")
        database.write_bytes(b"rubbish" * 1000)

        assert care("db", "restore", "copy.db").code == 0
        assert care("db", "check").code == 0

    def test_refuses_while_a_daemon_is_at_work(self, care: Care, database: Path) -> None:
        """Leader or dispatcher: the line names the process, and the database stays."""
        care("db", "backup", "copy.db")
        _add_customer(database)
        for lock, name in ((leader_lock, "a leader"), (dispatch_lock, "a dispatcher")):
            with lock(database.parent):
                answer = care("db", "restore", "copy.db")

            assert answer.code == 1
            assert f"{name} runs on this database already (process {os.getpid()})" in answer.err
        assert _customers(database) == 2

    def test_refuses_while_another_program_has_it_open(self, care: Care, database: Path) -> None:
        """A web process would go on writing into the file that was put aside."""
        care("db", "backup", "copy.db")
        engine = open_engine(f"sqlite:///{database}")
        with read(engine) as connection:
            connection.execute(sa.text("SELECT 1 FROM customer"))
            answer = care("db", "restore", "copy.db")
        engine.dispose()

        assert answer.code == 1
        assert "another program has it open" in answer.err
        assert _customers(database) == 1

    def test_refuses_what_is_no_backup(self, care: Care, database: Path, tmp_path: Path) -> None:
        """Rubbish, another program's database, a later version and a missing file: exit 2 and nothing changed."""
        care("db", "backup", "later.db")
        _make_future(tmp_path / "later.db")
        (tmp_path / "rubbish.db").write_bytes(b"rubbish" * 1000)
        sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").connection.close()

        for name, problem in {
            "rubbish.db": "is damaged or not a database",
            "other.db": "is a database, but not one of care",
            "later.db": "is at version 9999, newer than this program knows",
            "none.db": "no such file",
        }.items():
            answer = care("db", "restore", name)
            assert (answer.code, problem in answer.err) == (2, True), name

        assert _customers(database) == 1
        assert list(tmp_path.glob("*.restoring")) + list(tmp_path.glob("*.replaced*")) == []


class TestOnPostgres:
    def test_dumps_and_brings_back(self, empty_postgres: str, tmp_path: Path) -> None:
        """PostgreSQL's own programs do the work; the restored database is paused too."""
        engine = open_engine(empty_postgres)
        path = f"{find_binaries()}:{os.environ['PATH']}"  # tools of the server's own version first

        def care(*words: str) -> subprocess.CompletedProcess[str]:
            env = {**os.environ, "CARE_DATABASE__URL": empty_postgres, "PATH": path}
            command = [sys.executable, "-m", "care.cli.main", *words]
            return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

        assert care("db", "upgrade").returncode == 0
        with write(engine) as connection:
            make_customer(connection)

        saved = care("db", "backup", "copy.dump")
        if shutil.which("pg_dump", path=path) is None:
            assert (saved.returncode, "pg_dump is not installed" in saved.stderr) == (2, True)
            engine.dispose()
            return
        assert saved.returncode == 0, saved.stderr
        now = SystemClock().now()
        joined = {"digest": "c" * 32, "host": "web3", "seen_at": now, "adopted_at": now}
        with write(engine) as connection:
            make_customer(connection)
            connection.execute(sa.insert(machine).values(joined))
        engine.dispose()
        restored = care("db", "restore", "copy.dump")

        assert restored.returncode == 0, restored.stderr
        with read(engine) as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM customer")).scalar() == 1
            assert connection.execute(sa.select(pause.c.scope)).scalars().all() == ["standstill"]
        engine.dispose()
        assert care("db", "check").returncode == 0
        waits = care("adopt-journal")
        assert waits.returncode == 1
        assert "run care adopt-journal on web3 too" in waits.stderr, "it joined after the backup, and sent since"
