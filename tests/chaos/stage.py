"""A stage for chaos: an operator's folder with people to greet, a scripted provider, processes that die where told."""

import json
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
from care.base.vocabulary import Delivery
from care.delivery.doubt import SETTLE
from care.delivery.tables import machine
from care.messages.tables import attempt, message
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.chaos.law import Tally, tally
from tests.stories.operator import OURS, PATIENCE, Operator, Running, accepted, kill, operator, phone, wait_until

KILLED = -9
MOST_TRIES = 10
STANDING = "SELECT c.external_id, m.status FROM message m JOIN customer c ON c.id = m.customer_id"
DOUBTED = (
    "SELECT DISTINCT c.external_id FROM message m JOIN customer c ON c.id = m.customer_id "
    "JOIN move v ON v.message_id = m.id WHERE v.status = 'unknown'"
)
OWN = "+8613800000099"
"""A number of the operator's own, to which real messages show whether the provider's list is complete."""

NOTICE = """\
id: {id}
name: {id}
title: {{en: "{id}", zh-CN: "{id}", zh-TW: "{id}"}}
owner: care
purpose: {purpose}
audience: {{area: {{equals: "{id}"}}}}
occasion: {{kind: birthday, at: "12:00"}}
channels: [sms]
template: birthday
use_within: 7h
delivery: {delivery}
"""
PURPOSES = {Delivery.ONCE: "greeting", Delivery.RECONCILED: "service", Delivery.AT_LEAST_ONCE: "service"}
NO_DISPATCHER = {VARIABLE: "recover.before_commit:1"}
"""Every dispatcher dies before it claims anything: the leader plans, and nothing leaves."""


def class_of(n: int) -> Delivery:
    """Return the class of what the n-th customer is owed on a stage where all classes are played."""
    return list(Delivery)[n % len(Delivery)]


def enter_by_class(made: Operator, people: int) -> None:
    """Import customers of whom each third is owed a message of another class, with one campaign for each."""
    (made.folder / "campaigns" / "birthday.yaml").unlink()
    for delivery, purpose in PURPOSES.items():
        text = NOTICE.format(id=str(delivery).replace("_", "-"), purpose=purpose, delivery=delivery)
        (made.folder / "campaigns" / f"{delivery}.yaml").write_text(text, encoding="utf-8")
    file = made.write_customers(people)
    head, *rows = file.read_text(encoding="utf-8").splitlines()
    areas = [str(class_of(n)).replace("_", "-") for n in range(1, people + 1)]
    lines = [f"{head},area", *(f"{row},{area}" for row, area in zip(rows, areas, strict=True))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made.must("import", "customers", str(file))
    made.must("import", "consents", str(made.write_consents(people)))


def stock_of(people: int, folder: Path, *, is_mixed: bool = False) -> Path:
    """Make a folder whose SQLite database has so many messages planned that are due: greetings, or of all classes."""
    with operator(folder) as made:
        if is_mixed:
            enter_by_class(made, people)
        else:
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
    is_mixed: bool = False  # all classes, a third each; else greetings only
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
            code = running.process.wait(seconds * PATIENCE)
        self.ended[code] += 1
        assert code in (0, KILLED), running.said()
        return code == KILLED

    def drain(self, seconds: float = 120) -> None:
        """Send what is still to be sent, no process dying; what waits for another try is let try now."""
        for _ in range(MOST_TRIES):
            with self.made.running("dispatch", "--until-idle") as running:
                assert running.process.wait(seconds * PATIENCE) == 0, running.said()
                assert "Traceback" not in running.said()
            if not self.let_try_now():
                return

    def let_try_now(self) -> int:
        """Let what waits for another try be tried at once; return how many."""
        waits = sa.update(message).where(message.c.status.in_(["planned", "held"]))
        with write(self.made.engine) as conn:
            return conn.execute(waits.values(wake_at=message.c.due_at)).rowcount

    def hear(self, seconds: float = 60) -> None:
        """Let every receipt arrive and be worked on; a web process must be running."""
        self.twilio.wait_until_settled(seconds * PATIENCE)
        wait_until("webhooks are worked on", lambda: not self.ask("SELECT 1 FROM webhook WHERE done_at IS NULL"))

    def trust_the_list(self) -> None:
        """Show with messages to a number of the operator's own that the provider's list has whatever was sent."""
        self.made.must("provider", "verify", "--to", OWN, "--count", "2")

    def settle(self) -> None:
        """Let the time pass in which callbacks may come and after which a request in doubt is looked at again."""
        with write(self.made.engine) as conn:
            earlier = sa.type_coerce(attempt.c.done_at, sa.BigInteger) - int(SETTLE.total_seconds()) * 1_000_000
            conn.execute(
                sa.update(attempt)
                .where(attempt.c.outcome == "unknown")
                .values(done_at=sa.type_coerce(earlier, attempt.c.done_at.type))
            )

    def resolve(self, **env: str) -> int:
        """Settle what is in doubt with `care resolve`, and return how much is left."""
        self.settle()
        answer = self.made.care("resolve", "--json", **env)
        assert answer.code in (0, 1), answer
        return int(json.loads(answer.out)["in_doubt"])

    def listed(self, status: str) -> int:
        """Return how many messages `care log` lists by name under a status."""
        answer = self.made.care("log", "--state", status, "--json", "--limit", str(self.people))
        return len(answer.out.splitlines())

    def left_in_work(self) -> int:
        """Return how many requests have an intent and no outcome: what the last death leaves in doubt."""
        return int(self.ask("SELECT count(*) FROM attempt WHERE outcome = 'intent'")[0][0])

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

    def in_doubt(self) -> set[str]:
        """Return the numbers whose message was ever in doubt."""
        return {phone(int(row[0][1:])) for row in self.ask(DOUBTED)}

    def owed(self) -> dict[str, Delivery]:
        """Return everyone who is to be told, and the class of what they are owed."""
        return {phone(n): class_of(n) if self.is_mixed else Delivery.ONCE for n in range(1, self.people + 1)}

    def tally(self, *classes: Delivery) -> Tally:
        """Hold the ledger against the accept log, of everyone or of some classes only."""
        everyone, taken, standing = self.owed(), accepted(self.twilio), self.standing()
        taken.pop(OWN, None)
        if classes:
            others = {to for to, delivery in everyone.items() if delivery not in classes}
            everyone, standing = ({k: v for k, v in of.items() if k not in others} for of in (everyone, standing))
            taken = Counter({to: count for to, count in taken.items() if to not in others})
        return tally(everyone, taken, standing, self.in_doubt())

    def check(self) -> Tally:
        """Check the law: `once` and `reconciled` have no copy, `at_least_once` one more at most, of what was in doubt."""
        found = self.tally()
        assert found.balances, found
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
    is_mixed: bool = False,
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
        yield Stage(made=made, twilio=twilio, people=people, dice=dice, is_mixed=is_mixed)
