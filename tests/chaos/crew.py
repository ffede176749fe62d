"""Processes at work in a storm, and what befalls them: killed, frozen, ended and begun again, their database too."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.database import write
from care.delivery.pace import STALE_SECONDS
from tests.chaos.stage import Stage, kill_and_wait
from tests.postgres_server import PostgresServer
from tests.stories.operator import PATIENCE, Running, is_alive, kill, wait_until

T = TypeVar("T")
FENCED, REFUSED, NOT_BEGUN = 1, 2, -signal.SIGTERM
LONG_GONE_SECONDS = 2 + STALE_SECONDS + 2
"""So long after its intent nothing of a group may leave any more: its slots lie two seconds ahead at the most."""

LEFT_BY = "SELECT count(*) FROM attempt WHERE outcome = 'intent' AND incarnation = :number"
IN_A_TRANSACTION = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
DOWN = (sa.exc.OperationalError, sa.exc.InterfaceError)


def micros() -> int:
    """Return the instant as the ledger keeps it."""
    return round(SystemClock().now().timestamp() * 1_000_000)


def patiently(work: Callable[[], T]) -> T:
    """Do something with the database, again and again while it is down."""
    ends = time.monotonic() + 60 * PATIENCE
    while True:
        try:
            return work()
        except DOWN:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """One sender that stood still: since when, and when it was woken, in microseconds."""

    number: int
    since: int
    until: int


@dataclass(kw_only=True)
class Crew:
    """One `care run` on SQLite."""

    stood: Stage
    stack: ExitStack
    dice: random.Random
    played: Counter[str] = field(default_factory=Counter)
    all: list[Running] = field(default_factory=list)
    runs: list[Running] = field(default_factory=list)
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    freezes: list[Freeze] = field(default_factory=list)
    most_frozen: int = 0  # intents in work of one that froze

    def begin(self) -> None:
        """Start what sends."""
        self.lead_again()

    def lead_again(self) -> None:
        """Start a leader, now that there is none."""
        self.runs.append(self.start("run"))

    def start(self, *words: str) -> Running:
        """Start a command; what is left of it is killed when the stage is taken down."""
        running = self.stack.enter_context(self.stood.made.running(*words))
        self.all.append(running)
        return running

    def leader(self) -> Running:
        """Return who leads, waiting for it; begin anew where all have ended."""

        def look() -> Running | None:
            living = [run for run in self.runs if run.process.poll() is None]
            if not living:
                self.lead_again()
            return next((run for run in living if run.events("daemon.started")), None)

        found: Running = wait_until("somebody leads", look)
        return found

    def child(self, name: str) -> int:
        """Return the id of the leader's child, whoever leads by then."""

        def look() -> int:
            pids = [pid for child, pid in self.leader().started() if child == name]
            return pids[-1] if pids and is_alive(pids[-1]) else 0

        return int(wait_until(f"a process runs care {name}", look))

    def play(self, acts: list[str], pause: tuple[float, float]) -> None:
        """Let one thing after the other befall them."""
        for act in acts:
            time.sleep(self.dice.uniform(*pause))
            self.look_around()
            getattr(self, act)()
            self.played[act] += 1
            self.do_what_is_due()
        while self.later:
            time.sleep(0.1)
            self.do_what_is_due()

    def look_around(self) -> None:
        """See that somebody is at work."""
        self.leader()

    def do_what_is_due(self) -> None:
        """Go on with what was begun and takes its time."""
        due = [one for one in self.later if one[0] <= time.monotonic()]
        self.later = [one for one in self.later if one not in due]
        for _, act in due:
            act()

    def do_later(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen in so many seconds."""
        self.later.append((time.monotonic() + seconds, act))

    def kill_sender(self) -> None:
        """End a sender without a word."""
        kill(self.child("dispatch"))

    def kill_web(self) -> None:
        """End the web process without a word."""
        kill(self.child("web"))

    def kill_leader(self) -> None:
        """End the leader without a word; its children learn of it by themselves."""
        leader = self.leader().process
        leader.kill()
        leader.wait()
        self.lead_again()

    def freeze(self) -> None:
        """Let the leader's sender stand still for a while. Its lock keeps everybody else out."""
        pid = self.child("dispatch")
        os.kill(pid, signal.SIGSTOP)
        self.do_later(self.dice.uniform(1, 4), lambda: wake(pid))

    def end_and_begin(self) -> None:
        """Ask all for a clean end, and start them again."""
        self.end()
        self.begin()

    def end(self) -> None:
        """Ask all that are at work for a clean end, and see that it was one."""
        self.later, due = [], self.later
        for _, act in due:
            act()
        leader = self.leader()
        leader.process.terminate()
        assert leader.process.wait(20 * PATIENCE) == 0, leader.said()[-4_000:]
        assert not any(is_alive(pid) for _, pid in leader.started())

    def ask(self, question: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, when it is there."""
        return patiently(lambda: self.stood.ask(question, **values))

    def said_badly(self) -> list[str]:
        """Return what processes logged that none of this excuses."""
        return [running.said()[-6_000:] for running in self.all if "Traceback" in running.said()]


@dataclass(kw_only=True)
class SharedCrew(Crew):
    """Two of `care run` and two more senders on a PostgreSQL server, which crashes too."""

    server: PostgresServer
    senders: list[Running] = field(default_factory=list)
    held: dict[int, int] = field(default_factory=dict)  # messages in work when a life froze, by its number

    def begin(self) -> None:
        """Start two leaders, of which one is refused, and two more senders."""
        self.runs += [self.start("run") for _ in range(2)]
        self.senders += [self.start("dispatch") for _ in range(2)]

    def kill_sender(self) -> None:
        """End one without a word: the leader's, or one of the others, which is started again."""
        at = self.dice.randrange(len(self.senders) + 1)
        if at == len(self.senders):
            Crew.kill_sender(self)
        else:
            kill_and_wait(self.senders[at])
            self.senders[at] = self.start("dispatch")

    def look_around(self) -> None:
        """Start again whoever began while the database was down: it has ended for it."""
        self.leader()
        for at, sender in enumerate(self.senders):
            if sender.process.poll() == REFUSED and "care: database" in sender.said():
                self.senders[at] = self.start("dispatch")

    def crash_database(self) -> None:
        """Stop the server without a word, and start it again."""
        self.server.crash_and_restart()
        self.stood.made.engine.dispose()

    def freeze(self) -> None:
        """Let a sender stand still between intent and call."""
        if not self.senders:
            self.senders.append(self.start("dispatch"))
        sleeper, number = self._fall_asleep()
        since = micros()
        self.senders.remove(sleeper)
        self.do_later(LONG_GONE_SECONDS, lambda: self._lose_leases(sleeper, number, since))

    def _fall_asleep(self) -> tuple[Running, int]:
        def look() -> tuple[Running, int] | None:
            sleeper = self.dice.choice(self.senders)
            number = self.life_of(sleeper)
            if not number:
                return None
            os.kill(sleeper.process.pid, signal.SIGSTOP)
            in_work = self.ask(LEFT_BY, number=number)[0][0]
            time.sleep(0.2)
            if self.ask(IN_A_TRANSACTION)[0][0] or (not in_work and self.unsent()):
                os.kill(sleeper.process.pid, signal.SIGCONT)
                return None
            self.most_frozen = max(self.most_frozen, in_work)
            self.held[number] = in_work
            return sleeper, number

        found: tuple[Running, int] = wait_until("a sender freezes in its work", look)
        return found

    def unsent(self) -> int:
        """Return how many could be sent now."""
        return int(self.ask("SELECT count(*) FROM message WHERE status IN ('planned', 'sending')")[0][0])

    def life_of(self, sender: Running) -> int:
        """Return the number of a sender's life, 0 while it has none."""
        mine = "SELECT max(id) FROM incarnation WHERE role = 'dispatch' AND pid = :pid AND ended_at IS NULL"
        return int(self.ask(mine, pid=sender.process.pid)[0][0] or 0)

    def _lose_leases(self, sleeper: Running, number: int, since: int) -> None:
        """Let its leases be over, and another sender begin, which settles what it left."""
        lost = sa.text("UPDATE message SET lease_until = 0 WHERE status = 'sending' AND lease_owner = :number")

        def lose() -> None:
            with write(self.stood.made.engine) as conn:
                conn.execute(lost, {"number": number})

        patiently(lose)
        self.senders.append(self.start("dispatch"))
        self.do_later(0.5, lambda: self._wake(sleeper, number, since))

    def _wake(self, sleeper: Running, number: int, since: int) -> None:
        """Wake it when all it held is in other hands: it ends by itself."""
        held = "SELECT 1 FROM message WHERE lease_owner = :number AND status = 'sending' LIMIT 1"
        wait_until("what it held is settled", lambda: not self.ask(held, number=number))
        self.freezes.append(Freeze(number=number, since=since, until=micros()))
        wake(sleeper.process.pid)
        self.do_later(1 + self.dice.random(), lambda: self._see_it_end(sleeper, number))

    def _see_it_end(self, sleeper: Running, number: int) -> None:
        """It ends by itself, or lives on where it held nothing that another could take over."""
        is_over = self.ask("SELECT 1 FROM incarnation WHERE id = :number AND ended_at IS NOT NULL", number=number)
        if not is_over:
            assert not self.held.get(number), "whoever took its messages has closed its life"
            sleeper.process.terminate()
        assert sleeper.process.wait(60 * PATIENCE) == (FENCED if is_over else 0), sleeper.said()[-4_000:]

    def end(self) -> None:
        """Ask all for a clean end; whoever is frozen stays so."""
        self.look_around()
        leader = self.leader()
        for run in self.runs:
            wait_until("it leads or has ended", lambda run=run: run is leader or run.process.poll() is not None)
        for sender in self.senders:
            wait_until("it works", lambda one=sender: self.life_of(one) or one.process.poll() is not None)
        ended = [leader, *self.senders]
        for running in ended:
            running.process.terminate()
        for running in ended:
            assert running.process.wait(20 * PATIENCE) == 0, running.said()[-4_000:]
        self.senders = []


def wake(pid: int) -> None:
    """Let a process go on, if it is still there."""
    if is_alive(pid):
        os.kill(pid, signal.SIGCONT)
