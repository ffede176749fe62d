"""Row 15 from other working folders: whose journal does not know what was sent, sends nothing unasked."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.delivery.machine import this_machine
from care.delivery.tables import machine
from tests.chaos.conftest import Scale, SetStage
from tests.chaos.stage import Stage
from tests.chaos.test_restores import Copy, copy_sqlite, let_go, planned, send, wake
from tests.stories.operator import Answer, Operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(600)]
PEOPLE, SENT = 40, 20
REFUSED = "this database was used on another machine, from another folder or beside another journal"
OLDER = f"the database is older than what was sent ({PEOPLE - SENT} attempts since"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("release")


LONG = pytest.mark.skipif(
    not Scale.is_long,
    reason="`make chaos` plays it; tests/delivery/test_journal_name.py has its rule on both databases",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=LONG)])
def database(request: pytest.FixtureRequest) -> tuple[str, Copy]:
    if request.param == "sqlite":
        return "", copy_sqlite
    return request.getfixturevalue("empty_postgres"), copy_rows


def copy_rows(stood: Stage) -> Callable[[], None]:
    """Keep every row aside; return what puts them back into the same database, as `pg_restore --clean` does."""
    tables = [row[0] for row in stood.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]

    def say(*words: str) -> None:
        with write(stood.made.engine) as conn:
            for each in words:
                conn.exec_driver_sql(each)

    say("CREATE SCHEMA aside", *(f'CREATE TABLE aside."{name}" AS TABLE public."{name}"' for name in tables))
    back = (f'INSERT INTO public."{name}" OVERRIDING SYSTEM VALUE TABLE aside."{name}"' for name in tables)
    clean = f"TRUNCATE {', '.join(tables)}"
    return lambda: say("SET LOCAL session_replication_role = replica", clean, *back)


def release(stood: Stage, folder: Path) -> Operator:
    """Make another folder of the same program and settings on this machine, as a new release has it."""
    for part in ("campaigns", "templates"):
        shutil.copytree(stood.made.folder / part, folder / part)
    shutil.copy(stood.made.folder / "care.toml", folder)
    return replace(stood.made, folder=folder)


def journal(made: Operator) -> Path:
    return made.folder / ".care" / "journal"


def drain(made: Operator, **env: str) -> Answer:
    return made.care("dispatch", "--until-idle", **env)


def refuses(stood: Stage, made: Operator, words: str = REFUSED, **env: str) -> int:
    """See that doctor foresees it, and that a sender tells nobody, again and again; return how many were told ever."""
    told = len(stood.twilio.accepted())
    seen = made.care("doctor", **env)
    assert words in seen.out + seen.err
    for _ in range(2 if Scale.is_long else 1):
        refused = drain(made, **env)
        assert (refused.code, len(stood.twilio.accepted())) == (1, told)
        assert words in refused.err
    return len(stood.twilio.accepted())


def as_before(made: Operator) -> None:
    """Leave all as the version before left it: the journal has no name, and its machine alone is known."""
    here = this_machine(made.engine, "", journal=journal(made), journal_name="")
    with write(made.engine) as conn:
        conn.execute(sa.update(machine).values(digest=here.former))
    (journal(made) / "name").unlink()


@contextmanager
def put_back(stage: SetStage, database: tuple[str, Copy], *, upgraded: bool = False) -> Iterator[Stage]:
    """A stage on which half were told before a backup and half since; then the backup came back."""
    url, copy = database
    with planned(stage, PEOPLE, url) as stood:
        send(stood, SENT)
        if upgraded:
            as_before(stood.made)
        back = copy(stood)
        send(stood, PEOPLE - SENT)
        back()
        wake(stood)
        yield stood


class TestAnotherFolder:
    """On a shared database; beside SQLite the journal lies where the database does."""

    @pytest.mark.parametrize("upgraded", [False, pytest.param(True, marks=LONG)])
    def test_sends_nothing_after_a_restore(
        self, stage: SetStage, empty_postgres: str, folder: Path, upgraded: bool
    ) -> None:
        """Its empty journal knows nobody who was told since; the journal that does lets all go on."""
        with put_back(stage, (empty_postgres, copy_rows), upgraded=upgraded) as stood:
            other = release(stood, folder)
            refuses(stood, other)
            refuses(stood, stood.made, OLDER)
            waits = other.care("adopt-journal")
            assert waits.code == 1
            assert "nothing is sent yet: run care adopt-journal on " in waits.err
            assert drain(other).code == 1
            assert "sending goes on" in stood.made.must("adopt-journal")
            assert [drain(made).code for made in (other, stood.made)] == [0, 0]
            found = stood.check()
        assert (found.accepted, found.copies) == (PEOPLE, 0)

    @LONG
    def test_is_asked_once_where_nothing_was_restored(self, stage: SetStage, empty_postgres: str, folder: Path) -> None:
        """The other goes on meanwhile, and neither is asked again."""
        with planned(stage, PEOPLE, empty_postgres) as stood:
            send(stood, 1)
            other = release(stood, folder)
            refuses(stood, other)
            send(stood, 1)
            assert "sending goes on" in other.must("adopt-journal")
            wake(stood)
            assert [drain(made).code for made in (other, stood.made, other)] == [0, 0, 0]
            found = stood.check()
        assert (found.accepted, found.copies) == (PEOPLE, 0)

    @LONG
    def test_that_was_copied_with_its_journal_sends_nothing(
        self, stage: SetStage, empty_postgres: str, folder: Path
    ) -> None:
        """The copy of a journal ends where it was copied."""
        with planned(stage, PEOPLE, empty_postgres) as stood:
            send(stood, SENT)
            shutil.copytree(stood.made.folder, folder, dirs_exist_ok=True)
            back = copy_rows(stood)
            send(stood, PEOPLE - SENT)
            back()
            wake(stood)
            assert refuses(stood, replace(stood.made, folder=folder)) == PEOPLE


@LONG
class TestAServerThatForgets:
    """A standby takes over that lacks the last of what was sent, or a backup is brought back, while a sender lives."""

    @pytest.mark.parametrize("breaks", [True, False], ids=["connections break", "none breaks"])
    def test_tells_nobody_twice(self, stage: SetStage, empty_postgres: str, breaks: bool) -> None:
        """The sender sees it before its next intent: it stands still, or ends and its next start does."""
        with planned(stage, PEOPLE, empty_postgres) as stood:
            let_go(stood, SENT)
            with stood.made.running("dispatch") as sender:
                wait_until("the first are told", lambda: stood.made.statuses().get("accepted") == SENT)
                back = copy_rows(stood)
                let_go(stood, PEOPLE - SENT - 1)
                wait_until("all but one are told", lambda: stood.made.statuses().get("accepted") == PEOPLE - 1)
                back()
                if breaks:
                    others = "pid <> pg_backend_pid() AND datname = current_database()"
                    stood.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608
                wake(stood)
                if breaks:
                    wait_until("it stands still", lambda: sender.events("sending.stands_still"))
                else:
                    assert sender.process.wait(60) == 1
            assert refuses(stood, stood.made, "the database is older than what was sent (") == PEOPLE - 1
            stood.made.must("adopt-journal")
            stood.drain()
            found = stood.check()
        assert (found.accepted, found.copies) == (PEOPLE, 0)


class TestALostJournal:
    def test_sends_nothing_after_a_restore(self, stage: SetStage, database: tuple[str, Copy]) -> None:
        """A container that keeps its name and its path, and not its journal, is as new."""
        named = {"CARE_DAEMON__MACHINE": "container"}
        url, copy = database
        with planned(stage, PEOPLE, url) as stood:
            with write(stood.made.engine) as conn:
                conn.execute(sa.delete(machine))
            stood.made.env.update(named)
            send(stood, SENT)
            back = copy(stood)
            send(stood, PEOPLE - SENT)
            back()
            wake(stood)
            shutil.rmtree(journal(stood.made))
            assert refuses(stood, stood.made) == PEOPLE

    @LONG
    def test_asks_before_a_restore_already(self, stage: SetStage, database: tuple[str, Copy]) -> None:
        """On both databases, and once: then the new journal is at home."""
        with planned(stage, PEOPLE, database[0]) as stood:
            send(stood, SENT)
            shutil.rmtree(journal(stood.made))
            refuses(stood, stood.made)
            stood.made.must("adopt-journal")
            stood.drain()
            found = stood.check()
        assert (found.accepted, found.copies) == (PEOPLE, 0)


class TestAnUpgradedHouse:
    @LONG
    def test_is_not_asked(self, stage: SetStage, database: tuple[str, Copy]) -> None:
        """Its journal has what it sent: the word of the version before counts for it, and for several senders."""
        with planned(stage, PEOPLE, database[0]) as stood:
            send(stood, SENT)
            as_before(stood.made)
            assert "what is sent is also written to" in stood.made.care("doctor").out
            wake(stood)
            two = [stood.made.start("dispatch", "--until-idle") for _ in range(2 if database[0] else 1)]
            assert [one.process.wait(60) for one in two] == [0] * len(two)
            found = stood.check()
        assert (found.accepted, found.copies) == (PEOPLE, 0)

    @LONG
    def test_is_guarded_as_before(self, stage: SetStage, database: tuple[str, Copy]) -> None:
        """A backup of the version before comes back after the upgrade."""
        with put_back(stage, database, upgraded=True) as stood:
            refuses(stood, stood.made, OLDER)
            stood.made.must("adopt-journal")
            stood.drain()
            found = stood.check()
        assert (found.accepted, found.copies) == (PEOPLE, 0)

    @LONG
    def test_is_asked_where_its_journal_is_gone(self, stage: SetStage, database: tuple[str, Copy]) -> None:
        """Nothing vouches for what was sent, though the machine is known."""
        with planned(stage, PEOPLE, database[0]) as stood:
            send(stood, SENT)
            as_before(stood.made)
            shutil.rmtree(journal(stood.made))
            assert refuses(stood, stood.made) == SENT

    @LONG
    def test_that_never_sent_is_not_asked(self, stage: SetStage, database: tuple[str, Copy]) -> None:
        """No attempt is in the database, so no journal could lack one."""
        with planned(stage, PEOPLE, database[0]) as stood:
            assert drain(stood.made, CARE_FAILPOINT="recover.before_commit:1").code != 0
            as_before(stood.made)
            stood.drain()
            assert stood.check().accepted == PEOPLE
