"""Row 15: an old copy of the database comes back, or a copy starts to live beside the original."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from care.base.database import write
from care.delivery.tables import job_run, machine
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import NO_DISPATCHER, Stage
from tests.stories.operator import operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(600)]
PEOPLE, SENT = (90, 60), (700, 500)
Copy = Callable[[Stage], Callable[[], None]]


def copy_sqlite(stood: Stage) -> Callable[[], None]:
    """Copy the database aside; return what puts the copy in its place."""
    live = stood.made.folder / "care.db"
    aside = stood.made.folder / "aside.db"
    with write(stood.made.engine) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM message").scalar() == stood.people
    stood.made.engine.dispose()
    stood.made.must("db", "backup", str(aside))

    def put_back() -> None:
        stood.made.engine.dispose()
        for ending in ("", "-wal", "-shm"):
            live.with_name(live.name + ending).unlink(missing_ok=True)
        shutil.copyfile(aside, live)

    return put_back


def copy_postgres(stood: Stage) -> Callable[[], None]:
    """The same by the server's own means, in place of the database and under its name."""
    url = stood.made.engine.url
    server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name, aside = url.database, f"{url.database}_aside"

    def say(*words: str) -> None:
        stood.made.engine.dispose()
        with server.connect() as conn:
            for each in words:
                conn.exec_driver_sql(each)

    say(f"CREATE DATABASE {aside} TEMPLATE {name}")

    def put_back() -> None:
        say(f"DROP DATABASE {name} WITH (FORCE)", f"ALTER DATABASE {aside} RENAME TO {name}")
        server.dispose()

    return put_back


@contextmanager
def planned(stage: SetStage, people: int, url: str, script: dict[str, Any] | None = None) -> Iterator[Stage]:
    """Set a stage on which everybody is planned and due, and nothing has left."""
    with stage(people, script, url=url) as stood:
        if url:
            with stood.made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
                wait_until("everybody is planned", lambda: stood.made.statuses().get("planned") == people)
                assert daemon.end() == 0
        yield stood


def wake(stood: Stage) -> None:
    """Let everybody be due who was not told yet."""
    with write(stood.made.engine) as conn:
        conn.execute(sa.text("UPDATE message SET wake_at = due_at WHERE status = 'planned'"))


def let_go(stood: Stage, count: int) -> None:
    """Let just so many be due; the others are not yet."""
    some = "(SELECT id FROM message WHERE status = 'planned' ORDER BY id LIMIT :n)"
    wake_up = (
        f"UPDATE message SET wake_at = CASE WHEN id IN {some} THEN due_at ELSE use_by END WHERE status = 'planned'"  # noqa: S608
    )
    with write(stood.made.engine) as conn:
        conn.execute(sa.text(wake_up), {"n": count})


def send(stood: Stage, count: int) -> None:
    """Let just so many leave."""
    let_go(stood, count)
    before = len(stood.twilio.accepted())
    stood.made.must("dispatch", "--until-idle")
    assert len(stood.twilio.accepted()) == before + count


def raise_alarms_now(stood: Stage) -> None:
    """Let the leader look for incidents at its next tick, not when its minute is over."""
    with write(stood.made.engine) as conn:
        conn.execute(sa.delete(job_run).where(job_run.c.name == "alarms"))


def ready(stood: Stage, incident: str) -> dict[str, Any] | None:
    """Return what /readyz says once an incident is open."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{stood.made.port}/readyz", trust_env=False)
    except httpx.TransportError:
        return None
    told: dict[str, Any] = answer.json()
    return told if answer.status_code == 503 and incident in told["incidents"] else None


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> tuple[str, Copy]:
    if request.param == "sqlite":
        return "", copy_sqlite
    return request.getfixturevalue("empty_postgres"), copy_postgres


ON_POSTGRES = pytest.param(
    "postgresql",
    marks=pytest.mark.skipif(not Scale.is_long, reason="`make chaos` plays it; `make test` does on SQLite"),
)


class TestAnOldBackup:
    def test_sends_nothing_twice(self, stage: SetStage, scale: Scale, database: tuple[str, Copy], figures: Figures):
        """It refuses until the journal is taken over; then everybody else is told, and nobody again."""
        (url, copy), people, sent = database, scale.of(PEOPLE[0], SENT[0]), scale.of(PEOPLE[1], SENT[1])
        with planned(stage, people, url) as stood:
            put_back = copy(stood)
            send(stood, sent)
            told = len(stood.twilio.accepted())
            put_back()

            refused = stood.made.care("dispatch", "--until-idle")
            assert refused.code == 1
            assert f"the database is older than what was sent ({told} attempts since" in refused.err
            assert "Run: care adopt-journal" in refused.err
            assert len(stood.twilio.accepted()) == told
            assert stood.made.statuses() == {"planned": people}

            stood.made.must("adopt-journal")
            assert stood.made.statuses() == {"planned": people - told, "unknown": told}
            stood.drain()
            found = stood.check()
        figures.show(15, f"a backup without {told} attempts", "refused, then 0 copies", str(found))
        assert (found.accepted, found.open) == (people, 0)

    def test_would_send_everything_twice_without_the_journal(
        self, stage: SetStage, scale: Scale, database: tuple[str, Copy], figures: Figures
    ):
        """The harness bites: where the journal is gone, every one of them gets a copy."""
        (url, copy), people, sent = database, scale.of(PEOPLE[0], SENT[0]), scale.of(PEOPLE[1], SENT[1])
        with planned(stage, people, url) as stood:
            put_back = copy(stood)
            send(stood, sent)
            told = len(stood.twilio.accepted())
            put_back()
            shutil.rmtree(stood.made.folder / ".care" / "journal")
            with write(stood.made.engine) as conn:
                conn.execute(sa.delete(machine))
            stood.drain()
            found = stood.tally()
        figures.show(15, f"the same without a journal, {told} attempts", "as many copies", str(found))
        assert found.copies == found.forbidden == told
        assert told >= sent

    @pytest.mark.parametrize("database", ["sqlite", ON_POSTGRES], indirect=True)
    def test_comes_back_while_the_web_process_hears(self, stage: SetStage, database: tuple[str, Copy]):
        """Receipts are taken all the same and find their attempts later; whoever asks is told in one line."""
        url, copy = database
        with planned(stage, 40, url, {"callbacks": {"delay_seconds": 300}}) as stood:
            put_back = copy(stood)
            send(stood, 20)
            put_back()
            with stood.made.running("run") as daemon:
                wait_until("it stands still", lambda: stood.ask("SELECT 1 FROM standstill"))
                raise_alarms_now(stood)
                answer = wait_until("it is an incident", lambda: ready(stood, incident="standstill"))
                assert answer["ready"] is False
                assert "care adopt-journal" in answer["reason"]
                for words in (("doctor",), ("log",), ("pause", "--all"), ("resume", "--all"), ("incidents",)):
                    said = stood.made.care(*words)
                    assert "adopt-journal" in said.out + said.err, words
                taken = len(stood.twilio.accepted())
                stood.twilio.script()  # now all receipts come at once
                stood.twilio.wait_until_settled(60)
                assert stood.ask("SELECT count(*) FROM webhook")[0][0] > 0
                assert len(stood.twilio.accepted()) == taken
                stood.made.must("adopt-journal")
                wake(stood)
                stood.go_on(40 - taken)
                stood.hear()
                assert daemon.end() == 0
                assert "Traceback" not in daemon.said()
            found = stood.check()
        assert (found.accepted, found.open, found.doubt) == (40, 0, 0)


class TestAClone:
    def test_of_the_data_directory_sends_nothing(
        self,
        stage: SetStage,
        scale: Scale,
        dice: random.Random,
        tmp_path_factory: pytest.TempPathFactory,
        figures: Figures,
    ):
        """It was copied before 500 left: started beside the original, it waits."""
        people, sent = scale.of(PEOPLE[0], SENT[0]), scale.of(PEOPLE[1], SENT[1])
        with planned(stage, people, "") as stood:
            send(stood, 1)
            wake(stood)
            stood.made.engine.dispose()
            snapshot = tmp_path_factory.mktemp("clone") / "snapshot"
            shutil.copytree(stood.made.folder, snapshot)
            send(stood, sent)
            told = len(stood.twilio.accepted())
            with operator(tmp_path_factory.mktemp("other"), stock=snapshot, twilio=stood.twilio) as clone:
                refused = clone.care("dispatch", "--until-idle")
                assert refused.code == 1
                assert "this database was used on another machine" in refused.err
                assert len(stood.twilio.accepted()) == told
                assert clone.must("adopt-journal").endswith("sending goes on\n")
                assert clone.care("dispatch", "--until-idle").code == 0
            copies = len(stood.twilio.accepted()) - told
        figures.show(15, "a cloned data directory", "refused until a person says so", f"0 of {told} before the word")
        assert copies > 0

    def test_on_another_machine_sends_nothing(self, stage: SetStage):
        """The same folder under the same path, on a machine that is another."""
        with planned(stage, 40, "") as stood:
            send(stood, 10)
            told = len(stood.twilio.accepted())
            moved = stood.made.care("dispatch", "--until-idle", CARE_DAEMON__MACHINE="another")
            assert (moved.code, len(stood.twilio.accepted())) == (1, told)
            assert "nothing is sent from another" in moved.err
            stood.drain()
            found = stood.check()
        assert (found.accepted, found.open) == (40, 0)
