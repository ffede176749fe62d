"""Why nothing is sent until somebody has looked, in words: only `care adopt-journal` ends it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.database import insert, is_sqlite
from care.delivery.machine import Machine
from care.delivery.tables import standstill
from care.messages.stops import STANDSTILL, signed
from care.messages.tables import pause

DO = "Run: care adopt-journal"
EVERYWHERE = ""
BY_GUARD = "guard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """One reason. `machine` is '' where nothing is sent from anywhere, else only that machine waits."""

    machine: str
    host: str
    attempts: int  # that the database does not know
    since: datetime | None  # of the first of them
    at: datetime

    @property
    def words(self) -> str:
        """Return what is so and what to do, in one line."""
        if self.machine:
            return (
                f"nothing is sent from {self.host}: this database was used on another machine, from another folder or "
                f"beside another journal, which alone knows what was sent. Is that one's disk mounted? If no copy of "
                f"the database is at work: care adopt-journal, after a restore first in the folder that sent last"
            )
        if self.attempts:
            return (
                f"nothing is sent: the database is older than what was sent ({self.attempts} attempts since "
                f"{self.since:%Y-%m-%d %H:%M} UTC). {DO}"
            )
        return f"nothing is sent: the database was restored from a backup at {self.at:%Y-%m-%d %H:%M} UTC. {DO}"


def stand_still(conn: sa.Connection, *, by: str, now: datetime) -> None:
    """Stop everything on every machine, from the first word on; works on tables of every version."""
    row = insert(conn, pause).values(scope=STANDSTILL, until=None, by=signed(by), at=now)
    conn.execute(row.on_conflict_do_nothing())


def say_why(
    conn: sa.Connection, place: Machine | None, *, now: datetime, attempts: int, since: datetime | None
) -> None:
    """Note a reason: for one machine, or for everywhere."""
    row = {"host": place.host if place else "", "attempts": attempts, "since": since}
    fresh = insert(conn, standstill).values(machine=place.digest if place else EVERYWHERE, at=now, **row)
    conn.execute(fresh.on_conflict_do_update(index_elements=["machine"], set_=row))


def standing(conn: sa.Connection) -> list[Standstill]:
    """Return every reason that stands, the widest first."""
    rows = conn.execute(sa.select(standstill).order_by(standstill.c.machine)).mappings()
    found = [Standstill(**row) for row in rows]
    stopped = conn.execute(sa.select(pause.c.at).where(pause.c.scope == STANDSTILL)).scalar()
    if stopped is None:
        return [one for one in found if one.machine]
    if not any(not one.machine for one in found):
        found.insert(0, Standstill(machine=EVERYWHERE, host="", attempts=0, since=None, at=stopped))
    return found


def why_still(conn: sa.Connection) -> str:
    """Return why nothing is sent, '' while all may. On a shared database one machine that waits stops no other."""
    return "; ".join(one.words for one in standing(conn) if not one.machine or is_sqlite(conn))


def go_on(conn: sa.Connection, *, everywhere: bool) -> None:
    """Forget which machines wait: whoever still does soon says so again. `everywhere` ends what stops all as well."""
    conn.execute(sa.delete(standstill).where(standstill.c.machine != EVERYWHERE))
    if everywhere:
        conn.execute(sa.delete(standstill))
        conn.execute(sa.delete(pause).where(pause.c.scope == STANDSTILL))
