"""One leader plans and ticks: a file lock beside an SQLite database, a lease row on PostgreSQL.

The lease of a leader on this machine ends with its process: each holds a lock that the kernel lets go.
"""

from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from care.base.clock import Clock
from care.base.database import insert, write
from care.base.locks import FileLock, LockTakenError
from care.base.trouble import AWAY
from care.delivery import incarnation as lives
from care.delivery.life_lock import LifeLock, dead_among
from care.delivery.tables import incarnation, leader

LEASE = timedelta(seconds=30)
_ONE = 1


class Leadership(Protocol):
    """The right to lead, held until released or lost."""

    def acquire(self) -> None:
        """Take the lead.

        Raises:
            LockTakenError: another leader lives.
        """
        ...

    def keep(self) -> bool:
        """Renew the right; False when it was lost."""
        ...

    def release(self) -> None:
        """Give the lead back."""
        ...


def leader_lock(directory: Path) -> FileLock:
    """Return the lock of the one leader on an SQLite database."""
    return FileLock(directory / "care.leader.lock", "a leader")


def dispatch_lock(directory: Path) -> FileLock:
    """Return the lock of the one dispatcher on an SQLite database."""
    return FileLock(directory / "care.dispatch.lock", "a dispatcher")


class FileLeadership:
    """SQLite: the kernel knows at once when a leader has died."""

    def __init__(self, directory: Path) -> None:
        self._lock = leader_lock(directory)

    def acquire(self) -> None:
        """Take the file lock."""
        self._lock.acquire()

    def keep(self) -> bool:
        """A file lock cannot be lost while the process lives."""
        return True

    def release(self) -> None:
        """Give the file lock back."""
        self._lock.release()


class LeaseLeadership:
    """PostgreSQL: a lease row, renewed at every tick; a dead leader's lease runs out by itself.

    `folder` is where the processes of this machine hold their locks.
    """

    def __init__(self, engine: sa.Engine, clock: Clock, folder: Path) -> None:
        self._engine, self._clock, self._number = engine, clock, 0
        self._folder, self._life = folder, LifeLock(folder)

    def acquire(self) -> None:
        """Take the lease if it is free, has run out, or was of a process that is proven to be gone."""
        now, name = self._clock.now(), self._life.begin()
        with ExitStack() as undo, write(self._engine) as conn:
            undo.callback(self._life.end)
            self._number = lives.begin_incarnation(conn, "leader", now, lock_name=name)
            self._bury(conn, now)
            if not self._take(conn, now):
                raise LockTakenError(
                    f"database: a leader runs on it already ({self._holder(conn)}). Stop it first; after a crash "
                    f"of its machine its lease ends within {int(LEASE.total_seconds())} s"
                )
            undo.pop_all()

    def _bury(self, conn: sa.Connection, now: datetime) -> None:
        """End the lease of a leader whose lock nobody holds."""
        of_holder = leader.c.incarnation == incarnation.c.id
        query = sa.select(incarnation.c.id, incarnation.c.lock_name, incarnation.c.ended_at).join(leader, of_holder)
        for number, name, ended_at in conn.execute(query.where(incarnation.c.id != self._number)):
            if ended_at is not None or (name is not None and dead_among(self._folder, [name])):
                conn.execute(sa.delete(leader).where(leader.c.incarnation == number))
                lives.end_incarnation(conn, number, now)

    def _take(self, conn: sa.Connection, now: datetime) -> bool:
        fresh = insert(conn, leader).values(id=_ONE, incarnation=self._number, lease_until=now + LEASE)
        mine_or_over = sa.or_(leader.c.incarnation == self._number, leader.c.lease_until < now)
        statement = fresh.on_conflict_do_update(
            index_elements=["id"],
            set_={"incarnation": self._number, "lease_until": now + LEASE},
            where=mine_or_over,
        )
        return conn.execute(statement.returning(leader.c.id)).first() is not None

    @staticmethod
    def _holder(conn: sa.Connection) -> str:
        row = conn.execute(
            sa.select(incarnation.c.host, incarnation.c.pid).join(leader, leader.c.incarnation == incarnation.c.id)
        ).first()
        return f"host {row.host}, process {row.pid}" if row else "unknown process"

    def keep(self) -> bool:
        """Renew the lease; False when another leader took it meanwhile.

        While the database does not answer nobody else can take it either, and there is nothing to lead.
        """
        try:
            with write(self._engine) as conn:
                now = self._clock.now()
                lives.see_incarnation(conn, self._number, now)
                return self._take(conn, now)
        except AWAY:
            return True

    def release(self) -> None:
        """End the lease now."""
        with suppress(sa.exc.SQLAlchemyError), write(self._engine) as conn:
            conn.execute(sa.delete(leader).where(leader.c.incarnation == self._number))
            lives.end_incarnation(conn, self._number, self._clock.now())
        self._life.end()


def leadership_for(engine: sa.Engine, directory: Path, clock: Clock, *, lives_folder: Path) -> Leadership:
    """Return the kind of leadership that fits the database."""
    if engine.dialect.name == "sqlite":
        return FileLeadership(directory)
    return LeaseLeadership(engine, clock, lives_folder)
