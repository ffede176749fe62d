"""A copied folder, and an old copy put back: what looks says so, and what sends refuses, before any sender has looked."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.delivery.incarnation import begin_incarnation, end_incarnation
from care.delivery.presence import WEB
from care.delivery.tables import machine, standstill
from care.messages.tables import attempt, move, pause
from care.schedule import WATCH_JOBS, run_due_jobs
from tests.cli.desk import Desk

MINE = "+8613800000099"
SENDING = (
    ("resolve",),
    ("provider", "verify", "--to", MINE, "--count", "1"),
    ("campaigns", "send-proof", "birthday", "--to", MINE),
)
LOOKING = (("adopt-journal", "--dry-run"), ("log",), ("why", "c-1"), ("incidents",))
ELSEWHERE = "this database was used on another machine"
OLDER = "the database is older than what was sent (1 attempts since"


@pytest.fixture
def sent(desk: Desk) -> Desk:
    """A house that has sent one greeting."""
    desk.customer("c-1")
    desk.greet()
    assert desk.house.statuses() != {"planned": 1}
    return desk


def copied(desk: Desk) -> str:
    """Make it another machine's; return what is then said."""
    with write(desk.engine) as conn:
        conn.execute(sa.update(machine).values(digest="0" * 32, host="other"))
    return ELSEWHERE


def put_back(desk: Desk) -> str:
    """Let the database forget what was sent; return what is then said."""
    with write(desk.engine) as conn:
        conn.execute(sa.text("DELETE FROM contact_claim"))
        conn.execute(sa.text("DELETE FROM receipt"))
        conn.execute(sa.delete(move))
        conn.execute(sa.delete(attempt))
        conn.execute(sa.text("UPDATE message SET status = 'planned', attempts = 0, sent_at = NULL, reason = NULL"))
    return OLDER


def outbox(desk: Desk) -> list[str]:
    """Return the lines of everything that was sent."""
    found = Path(desk.house.folder).rglob("*.jsonl")
    return sorted(line for path in found for line in path.read_text(encoding="utf-8").splitlines())


def journal_line(desk: Desk) -> dict[str, object]:
    checks = json.loads(desk("doctor", "--json").out)["checks"]
    return next(check for check in checks if check["subject"] == "journal")


@pytest.mark.parametrize("spoil", [copied, put_back])
class TestACopy:
    def test_is_seen_by_doctor(self, sent: Desk, spoil: Callable[[Desk], str]) -> None:
        """With what to do, once; and the look writes nothing down."""
        assert journal_line(sent)["ok"] is True
        words = spoil(sent)
        said = journal_line(sent)
        assert said["ok"] is False
        assert str(said["words"]).count(words) == 1
        assert "care adopt-journal" in str(said["words"])
        with read(sent.engine) as conn:
            assert [conn.execute(sa.select(table)).all() for table in (standstill, pause)] == [[], []]
        sent("adopt-journal", "--dry-run")  # the sentry itself has looked now
        again = journal_line(sent)
        assert str(again["words"]).count(words) == 1

    @pytest.mark.parametrize("words", SENDING, ids=lambda words: words[0])
    def test_sends_nothing(self, sent: Desk, spoil: Callable[[Desk], str], words: tuple[str, ...]) -> None:
        """One line, exit 1, as the sender ends; nothing more in the outbox, nothing moved."""
        said, before, stands = spoil(sent), outbox(sent), sent.house.statuses()
        answer = sent(*words)
        assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
        assert said in answer.err
        assert (outbox(sent), sent.house.statuses()) == (before, stands)

    @pytest.mark.parametrize("words", LOOKING, ids=lambda words: words[0])
    def test_may_be_looked_at(self, sent: Desk, spoil: Callable[[Desk], str], words: tuple[str, ...]) -> None:
        """Reading and dry runs go on."""
        spoil(sent)
        assert sent(*words).code == 0


def doubt(desk: Desk) -> None:
    """Let the answer of the one request be lost, long enough ago to ask about it."""
    with write(desk.engine) as conn:
        conn.execute(sa.text("DELETE FROM receipt"))
        conn.execute(sa.update(attempt).values(outcome="unknown", provider_ref=None))
        conn.execute(sa.text("UPDATE message SET status = 'unknown', reason = 'no certain answer'"))
    desk.house.clock.advance(timedelta(minutes=3))


class TestTheLeader:
    RESOLVE = tuple(job for job in WATCH_JOBS if job.name == "resolve")

    def test_of_a_copy_leaves_doubts_alone(self, sent: Desk) -> None:
        """Nothing is asked, planned or moved until somebody has decided; the job itself is well."""
        doubt(sent)
        copied(sent)
        before = outbox(sent)
        assert run_due_jobs(sent.house.services, self.RESOLVE) == ["resolve"]
        assert (sent.house.statuses(), outbox(sent)) == ({"unknown: no certain answer": 1}, before)
        with read(sent.engine) as conn:
            assert conn.execute(sa.select(attempt.c.asked_at)).scalars().all() == [None]

    @pytest.mark.parametrize("is_copy", [True, False])
    @pytest.mark.parametrize("name", ["ask", "catch_up"])
    def test_of_a_copy_asks_after_nothing(self, sent: Desk, name: str, *, is_copy: bool) -> None:
        """Receipts that never came, for a day or while no web process heard, are the original's to ask for."""
        with write(sent.engine) as conn:
            conn.execute(sa.text("DELETE FROM receipt"))
            conn.execute(sa.text("UPDATE message SET status = 'accepted'"))
        lived_until = sent.house.clock.now() + timedelta(minutes=1)
        with write(sent.engine) as conn:
            end_incarnation(conn, begin_incarnation(conn, WEB, sent.house.clock.now()), lived_until)
        sent.house.clock.advance(timedelta(hours=25))
        with write(sent.engine) as conn:
            begin_incarnation(conn, WEB, sent.house.clock.now())
        if is_copy:
            copied(sent)
        jobs = tuple(job for job in WATCH_JOBS if job.name == name)
        assert run_due_jobs(sent.house.services, jobs) == [name]
        with read(sent.engine) as conn:
            assert (conn.execute(sa.select(attempt.c.asked_at)).scalar() is None) is is_copy

    def test_of_the_original_settles_them(self, sent: Desk) -> None:
        """The same doubt, on the machine that sent."""
        doubt(sent)
        run_due_jobs(sent.house.services, self.RESOLVE)
        with read(sent.engine) as conn:
            assert conn.execute(sa.select(attempt.c.asked_at)).scalars().all() != [None]


class TestTheOriginal:
    @pytest.mark.parametrize("words", SENDING, ids=lambda words: words[0])
    def test_goes_on(self, sent: Desk, words: tuple[str, ...]) -> None:
        """On the machine that sent, with all that it sent."""
        assert sent(*words).code == 0
