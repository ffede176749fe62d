"""Row 9: the disk is full. What cannot be written down is not sent, and when there is room again all goes on."""

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import open_engine, write
from care.base.vocabulary import Channel
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.conftest import lay_tables
from tests.delivery.test_dispatcher import Postbox, greet
from tests.house import House, build_house
from tests.stories.operator import Running, wait_until

SOUND = [("ok",)]
LITTLE = 64 * 1024
"""More than a process has logged, less than the database has become."""
WRITTEN = "SELECT count(*) FROM attempt WHERE outcome = 'accepted'"
"""Once this grows an outage is over, and the next one is told of again."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def small_house(tmp_path: Path, clock: VirtualClock) -> Iterator[House]:
    """A house on SQLite."""
    engine = open_engine(f"sqlite:///{tmp_path / 'care.db'}")
    lay_tables(engine)
    yield build_house(tmp_path, engine, clock)
    engine.dispose()


@contextmanager
def full(engine: sa.Engine) -> Iterator[None]:
    """Let the database have no more pages than it has, and use up what is left of the last ones."""
    with write(engine) as conn:
        conn.exec_driver_sql("CREATE TABLE ballast (stuff BLOB)")
    with engine.connect() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: object, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    engine.dispose()
    sa.event.listen(engine, "connect", limit)
    try:
        for size in (3000, 300, 30):
            with pytest.raises(sa.exc.OperationalError, match="full"):
                for _ in range(10_000):
                    with write(engine) as conn:
                        conn.execute(sa.text("INSERT INTO ballast VALUES (zeroblob(:size))"), {"size": size})
        yield
    finally:
        sa.event.remove(engine, "connect", limit)
        engine.dispose()
        with write(engine) as conn:
            conn.exec_driver_sql("DROP TABLE ballast")


def send(house: House, box: Postbox) -> int:
    return house.dispatch({Channel.SMS: box, Channel.EMAIL: Postbox(Channel.EMAIL)})


class TestAFullDatabase:
    def test_lets_nothing_leave(self, small_house: House, figures: Figures):
        """No page for the intent, no call; with room again everybody is told once."""
        greet(small_house, 40)
        box = Postbox()
        with full(small_house.engine), pytest.raises(sa.exc.OperationalError, match="full"):
            send(small_house, box)
        blind = len(box.taken)
        assert send(small_house, box) == 40
        told = [outgoing.to for outgoing in box.taken]
        figures.show(9, "no page left", "0 taken, then all once", f"{blind} taken, then {len(set(told))}")
        assert blind == 0
        assert len(told) == len(set(told)) == 40


def limit_files(running: Running, size: int) -> None:
    """Let a process write no file further than so many bytes; more is refused as on a full disk."""
    hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def complaints(running: Running) -> list[str]:
    """Return what a sender has said about its database."""
    said = {"dispatch.database_trouble", "dispatch.record_failed"}
    return [event["event"] for event in running.events() if event["event"] in said]


class TestAFileThatMayNotGrow:
    def test_stops_a_sender_at_work(self, stage: SetStage, scale: Scale, dice: random.Random, figures: Figures):
        """In the middle of sending, again and again: it waits, keeps what it knows, and goes on."""
        people, times = scale.of((200, 2), (4_000, 20))  # many are left at the last time
        with stage(people, SMS__RATE_PER_SECOND=scale.of("20", "40")) as stood:
            with stood.made.running("dispatch") as running:
                for _ in range(times):
                    stood.go_on(dice.randint(5, people // times // 4))
                    told = len(complaints(running))
                    limit_files(running, LITTLE)
                    wait_until("it says so", lambda told=told: len(complaints(running)) > told)
                    limit_files(running, resource.RLIM_INFINITY)
                    ((written,),) = stood.ask(WRITTEN)
                    wait_until("it writes again", lambda written=written: stood.ask(WRITTEN)[0][0] > written)
                stood.go_on(people, 120)
                running.process.terminate()
                assert running.process.wait(15) == 0
            sound = stood.ask("PRAGMA integrity_check")
            found = stood.check()
        figures.show(9, f"no file may grow, {times} times", "0 lost, 0 copies", str(found))
        assert sound == SOUND
        assert (found.accepted, found.doubt, found.open) == (people, 0, 0)
