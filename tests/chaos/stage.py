"""A stage for chaos: an operator's folder with people to greet, a scripted provider, processes that die where told."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from care.base.database import write
from care.base.failpoints import LOG_VARIABLE, POINTS, VARIABLE
from care.delivery.tables import machine
from care.messages.tables import message
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.chaos.law import Tally, tally
from tests.stories.operator import OURS, Operator, Running, accepted, kill, operator, phone, wait_until

KILLED = -9
MOST_TRIES = 10
STANDING = "SELECT c.external_id, m.status FROM message m JOIN customer c ON c.id = m.customer_id"
DOUBTED = (
    "SELECT DISTINCT c.external_id FROM message m JOIN customer c ON c.id = m.customer_id "
    "JOIN move v ON v.message_id = m.id WHERE v.status = 'unknown'"
)
NO_DISPATCHER = {VARIABLE: "recover.before_commit:1"}
"""Every dispatcher dies before it claims anything: the leader plans, and nothing leaves."""


def stock_of(people: int, folder: Path) -> Path:
    """Make a folder whose SQLite database has so many greetings planned that are due."""
    with operator(folder) as made:
        made.enter(people)
        with made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
            wait_until("everybody is planned", lambda: made.statuses().get("planned") == people)
            assert daemon.end() == 0
        with write(made.engine) as conn:
            conn.execute(sa.delete(machine))  # each copy of the stock is an original
    return folder


@dataclass(kw_only=True)
class Stage:
    """One operator, one provider, and what became of the processes in between."""

    made: Operator
    twilio: TwilioSimulator
    people: int
    dice: random.Random
    ended: Counter[int] = field(default_factory=Counter)  # exit codes of commands that were armed

    @property
    def notes(self) -> Path:
        """The file in which a process writes at which point it died."""
        return self.made.folder / "failpoints.log"

    def reached(self) -> Counter[str]:
        """Return how many processes each point has stopped."""
        if not self.notes.exists():
            return Counter()
        return Counter(line.split(":")[0] for line in self.notes.read_text(encoding="utf-8").splitlines())

    def arm(self, point: str, pass_number: int = 1, act: str = "kill") -> dict[str, str]:
        """Return the environment in which a process stops at a point."""
        assert point in POINTS
        return {VARIABLE: f"{point}:{pass_number}:{act}", LOG_VARIABLE: str(self.notes)}

    def die(self, point: str, pass_number: int, *words: str, seconds: float = 60) -> bool:
        """Run a command until it dies at a point; return False if it ended before."""
        with self.made.running(*words, **self.arm(point, pass_number)) as running:
            code = running.process.wait(seconds)
        self.ended[code] += 1
        assert code in (0, KILLED), running.said()
        return code == KILLED

    def drain(self, seconds: float = 120) -> None:
        """Send what is still to be sent, no process dying; what waits for another try is let try now."""
        for _ in range(MOST_TRIES):
            with self.made.running("dispatch", "--until-idle") as running:
                assert running.process.wait(seconds) == 0, running.said()
                assert "Traceback" not in running.said()
            if not self._let_try_now():
                return

    def _let_try_now(self) -> int:
        waits = sa.update(message).where(message.c.status.in_(["planned", "held"]))
        with write(self.made.engine) as conn:
            return conn.execute(waits.values(wake_at=message.c.due_at)).rowcount

    def hear(self, seconds: float = 60) -> None:
        """Let every receipt arrive and be worked on; a web process must be running."""
        self.twilio.wait_until_settled(seconds)
        wait_until("webhooks are worked on", lambda: not self.ask("SELECT 1 FROM webhook WHERE done_at IS NULL"))

    def ask(self, question: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return self.made.ask(question, **values)

    def go_on(self, count: int, seconds: float = 60) -> None:
        """Let so many more messages be taken, or all there are."""
        goal = len(self.twilio.accepted()) + count
        unsent = {"planned", "held", "sending"}
        wait_until(
            f"{count} more are taken",
            lambda: (
                len(self.twilio.accepted()) >= goal or ((found := self.made.statuses()) and not unsent & set(found))
            ),
            seconds,
        )

    def standing(self) -> Mapping[str, str]:
        """Return what the ledger says of each number."""
        rows = self.ask(STANDING)
        assert len({row[0] for row in rows}) == len(rows)
        return {phone(int(external_id[1:])): status for external_id, status in rows}

    def tally(self) -> Tally:
        """Hold the ledger against the accept log."""
        everyone = [phone(n) for n in range(1, self.people + 1)]
        doubted = {phone(int(row[0][1:])) for row in self.ask(DOUBTED)}
        return tally(everyone, accepted(self.twilio), self.standing(), doubted)

    def check(self) -> Tally:
        """Check the law as it stands where nothing is ever sent again from doubt."""
        found = self.tally()
        assert found.balances, found
        assert found.copies == 0, found
        return found


def kill_and_wait(running: Running) -> None:
    """End a process without a word, and see that it is gone."""
    kill(running.process.pid)
    running.process.wait(10)


@contextmanager
def set_stage(
    folder: Path,
    people: int,
    *,
    stock: Path | None,
    url: str,
    script: Mapping[str, Any] | None,
    dice: random.Random,
    **settings: str,
) -> Iterator[Stage]:
    """Set a stage on a copy of a stock, or on the empty PostgreSQL database at `url`, where nobody is planned yet."""
    seed = dice.randrange(1_000_000)
    with (
        start_twilio_simulator(senders=[OURS], script=dict(script or {}), seed=seed) as twilio,
        operator(folder, stock=stock, url=url, twilio=twilio, **settings) as made,
    ):
        if url:
            made.enter(people)
        yield Stage(made=made, twilio=twilio, people=people, dice=dice)
