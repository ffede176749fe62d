"""Stands at the gate of a process that sends: is this the database that sent last, and is its journal at hand?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
import structlog

from care.base.among import among
from care.base.clock import Clock
from care.base.database import insert, read, write
from care.base.ids import random_token
from care.base.settings import Settings
from care.delivery import incarnation as lives
from care.delivery.forgotten import sift
from care.delivery.journal import Journal, JournalError
from care.delivery.journal_name import JournalName
from care.delivery.journal_pages import last_tokens, read_page
from care.delivery.life_lock import LifeLock, dead_among, remove_locks, sweep
from care.delivery.machine import Machine, this_machine
from care.delivery.model import Claimed
from care.delivery.standstill import BY_GUARD, EVERYWHERE, Standstill, go_on, say_why, stand_still, standing
from care.delivery.tables import forgotten, incarnation, instance, machine
from care.messages.tables import attempt

LOOK_AGAIN_SECONDS = 1.0
_BATCH = 1_000
_LONG_GONE = timedelta(days=1)
"""What such a life held has been settled by its lease."""
_NEVER = datetime.fromtimestamp(0, UTC)

log = structlog.get_logger()


@dataclass(kw_only=True)
class Sentry:
    """One per process. `name` is the machine's from the settings; `lives_folder` holds a lock for each sender."""

    engine: sa.Engine
    clock: Clock
    journal: Journal
    lives_folder: Path
    name: str = ""
    sole: bool = True  # one lock proves that no other sender lives on this database
    _waits: bool = field(default=False, init=False)
    _here: Machine | None = field(default=None, init=False)
    _look_at: float = field(default=0.0, init=False)  # monotonic
    _settled: set[str] = field(default_factory=set, init=False)  # locks of lives found dead

    @property
    def here(self) -> Machine:
        """This machine with its journal, as this database knows it."""
        return self._here or self._find_here(self.journal.name())

    def _find_here(self, named: JournalName) -> Machine:
        return this_machine(self.engine, self.name, journal=self.journal.folder, journal_name=named.name)

    @cached_property
    def _life(self) -> LifeLock:
        return LifeLock(self.lives_folder)

    def look(self) -> list[Standstill]:
        """Compare journal and machine with the database, stop what must wait, and return why.

        Raises:
            UnavailableError: the journal cannot be read.
        """
        now, own = self.clock.now(), self.lineage()
        forgot = forgotten_since(self.engine, self.journal, own)
        named = self.journal.be_named()
        here = self._here = self._find_here(named)
        vouches = self._vouches(named, here, own)
        with write(self.engine) as conn:
            own = _name_database(conn, own, now)
            if forgot:
                stand_still(conn, by=BY_GUARD, now=now)
                say_why(conn, None, now=now, attempts=forgot[0], since=forgot[1])
            self._waits = not _let_in(conn, here, now, vouches=vouches, has_adopted=not forgot)
            if self._waits:
                say_why(conn, here, now=now, attempts=0, since=None)
            else:
                go_on(conn, everywhere=False)
            reasons = self._mine(conn)
        if not self._waits:
            self.journal.settle(here.former)
        self.journal.begin(own, self._life.name or random_token(12))
        return reasons

    def foresee(self) -> list[Standstill]:
        """Return why nothing would be sent once a sender looked, and write nothing.

        Raises:
            UnavailableError: the journal cannot be read.
        """
        now, own = self.clock.now(), self.lineage()
        forgot = forgotten_since(self.engine, self.journal, own)
        named = self.journal.name()
        here = self._find_here(named)
        vouches = self._vouches(named, here, own)
        with read(self.engine) as conn:
            reasons = {one.machine: one for one in self._mine(conn)}
            is_known = _is_known(conn, here, vouches=vouches)
        if forgot:
            (count, since), stood = forgot, reasons.get(EVERYWHERE)
            at = stood.at if stood else now
            reasons[EVERYWHERE] = Standstill(machine=EVERYWHERE, host="", attempts=count, since=since, at=at)
        if not is_known:
            reasons[here.digest] = Standstill(machine=here.digest, host=here.host, attempts=0, since=None, at=now)
        return sorted(reasons.values(), key=lambda one: one.machine)

    def look_and_tell(self) -> None:
        """The same, with a line in the log for each reason."""
        for one in self.look():
            log.error("sending.stands_still", problem=one.words)

    def why_still(self) -> str:
        """Return why nothing is sent from here, '' while all may."""
        with read(self.engine) as conn:
            return "; ".join(one.words for one in self._mine(conn))

    def _mine(self, conn: sa.Connection) -> list[Standstill]:
        return [one for one in standing(conn) if one.machine in {"", self.here.digest}]

    def lineage(self) -> str:
        """Return the name of the database; one that has none yet goes on with the journal that it finds."""
        with read(self.engine) as conn:
            own: str | None = conn.execute(sa.select(instance.c.name)).scalar()
        return own or self.journal.newest_instance()

    def _vouches(self, named: JournalName, here: Machine, own: str) -> bool:
        """Tell whether this journal, new by its name, is all the same the one that a machine known before wrote.

        Only until a database has known it by its name: a copy of its folder that is made later has the name, too.
        """
        if here.former in named.settled:
            return False
        with read(self.engine) as conn:
            if conn.execute(sa.select(attempt.c.id).limit(1)).first() is None:
                return True
        return self.journal.has_written(own)

    def mine(self) -> Sequence[str]:
        """Return what the digests of this journal begin with, wherever the database lay.

        The word of a program of before is about a journal that wrote something, not about a new one beside it.
        """
        return self.here.alone if self.journal.has_written(self.lineage()) else self.here.alone[:1]

    def begin_life(self) -> str:
        """Take the lock of this life, look around, and return the lock's name for its row."""
        name = self._life.begin()
        self.look_and_tell()
        with read(self.engine) as conn:
            kept = () if self.sole else _open_lives(conn, 0, self.clock.now())
        sweep(self.lives_folder, kept)
        return name

    def may_send(self) -> bool:
        """Tell whether this machine may send; while it may not, it looks again once nobody says so any more."""
        if self._waits and self.clock.monotonic() >= self._look_at:
            self._look_at = self.clock.monotonic() + LOOK_AGAIN_SECONDS
            with read(self.engine) as conn:
                is_said = any(one.machine == self.here.digest for one in standing(conn))
            if not is_said:  # somebody decided about this machine, or about another
                self.look_and_tell()
        return not self._waits

    def recover(self, conn: sa.Connection, number: int, now: datetime) -> lives.Recovered:
        """Settle what senders on a shared database left: at once where a lock proves their end, else by lease.

        It also notes that this machine is at work: `care adopt-journal` elsewhere asks for the journals of those.
        """
        by_lock = _open_lives(conn, number, now)
        over = dead_among(self.lives_folder, by_lock)
        proven = lives.Recovered()
        if over:
            ended = [by_lock[name] for name in over]
            proven = lives.recover(conn, number, dead=ended, now=now)
        leased = lives.recover(conn, number, dead=None, now=now)
        remove_locks(self.lives_folder, self._settled - by_lock.keys())  # committed, or they would be open
        self._settled = set(over)
        conn.execute(sa.update(machine).where(machine.c.digest == self.here.digest).values(seen_at=now))
        return lives.Recovered(*map(sum, zip(proven, leased, strict=True)))

    def sift(self, claimed: Sequence[Claimed]) -> list[Claimed]:
        """Return what may be sent: what was sent before a restore, and is planned again, is settled instead."""
        return sift(self.engine, claimed, self.journal.owed, now=self.clock.now())

    def end_life(self) -> None:
        """Close the journal and give the lock back."""
        try:
            self.journal.close()
        except JournalError as error:
            log.error("journal.trouble", problem=str(error))
        self._life.end()


def forgotten_since(engine: sa.Engine, journal: Journal, own: str) -> tuple[int, datetime] | None:
    """Return how many attempts of the journal the database does not know, and since when; None: it knows all."""
    found = journal.pages(own)
    with journal.reading():
        if not unknown_tokens(engine, [token for path in found for token in last_tokens(path)]):
            return None
        count, since = 0, datetime.max.replace(tzinfo=UTC)
        for path in found:
            times = {entry.token: entry.at for entry in read_page(path)}
            unknown = unknown_tokens(engine, list(times))
            count += len(unknown)
            since = min([since, *(times[token] for token in unknown)])
    return (count, since) if count else None


def unknown_tokens(engine: sa.Engine, tokens: Sequence[str]) -> set[str]:
    """Return the tokens of attempts that the database neither has nor has taken over."""
    unknown = set(tokens)
    with read(engine) as conn:
        for start in range(0, len(tokens), _BATCH):
            for known in (attempt.c.token, forgotten.c.token):
                mine = sa.select(known).where(among(known, tokens[start : start + _BATCH]))
                unknown.difference_update(conn.execute(mine).scalars())
    return unknown


def _open_lives(conn: sa.Connection, mine: int, now: datetime) -> dict[str, int]:
    """Return the lives that have not ended as far as we know, by the name of their lock."""
    alive = sa.select(incarnation.c.id, incarnation.c.lock_name).where(
        incarnation.c.ended_at.is_(None),
        incarnation.c.id != mine,
        incarnation.c.lock_name.is_not(None),
        incarnation.c.seen_at > now - _LONG_GONE,
    )
    return {row.lock_name: int(row.id) for row in conn.execute(alive)}


def _name_database(conn: sa.Connection, own: str, now: datetime) -> str:
    named = insert(conn, instance).values(id=1, name=own or random_token(), made_at=now)
    conn.execute(named.on_conflict_do_nothing())
    return str(conn.execute(sa.select(instance.c.name)).scalar_one())


def _is_known(conn: sa.Connection, here: Machine, *, vouches: bool) -> bool:
    """Tell whether this machine may send from this database; the first one that ever does may.

    Programs of before knew the machine alone: its word counts for a journal that `vouches` for what it sent.
    """
    known = set(conn.execute(sa.select(machine.c.digest)).scalars())
    return not known or here.digest in known or (vouches and here.former in known)


def _let_in(conn: sa.Connection, here: Machine, now: datetime, *, vouches: bool, has_adopted: bool) -> bool:
    """Note that a machine is here if it may send, and tell whether it may."""
    if not _is_known(conn, here, vouches=vouches):
        return False
    first = {"host": here.host, "seen_at": now, "adopted_at": now if has_adopted else _NEVER}
    fresh = insert(conn, machine).values(digest=here.digest, **first)
    conn.execute(fresh.on_conflict_do_update(index_elements=["digest"], set_={"host": here.host, "seen_at": now}))
    return True


def add_machine(conn: sa.Connection, here: Machine, mine: Sequence[str], now: datetime) -> None:
    """Let a machine send from this database: its journal is taken over, wherever the database lay before."""
    former = sa.or_(*(machine.c.digest.startswith(half) for half in mine))
    conn.execute(sa.update(machine).where(former).values(adopted_at=now))
    row = {"host": here.host, "seen_at": now, "adopted_at": now}
    fresh = insert(conn, machine).values(digest=here.digest, **row)
    conn.execute(fresh.on_conflict_do_update(index_elements=["digest"], set_=row))


def build_sentry(
    settings: Settings, engine: sa.Engine, clock: Clock, *, secret: bytes, root: Path, sole: bool | None
) -> Sentry:
    """Return a fresh guard as the settings say; without `sole`, others are kept out where the database is a file."""
    return Sentry(
        engine=engine,
        clock=clock,
        journal=Journal(root / settings.journal_dir, secret, clock),
        lives_folder=root / settings.state_dir / "lives",
        name=settings.daemon.machine,
        sole=engine.dialect.name == "sqlite" if sole is None else sole,
    )
