"""Incidents: opened once, closed once, whoever looks and however often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from care.base.database import insert
from care.watch.alerts import tell_again
from care.watch.rules import LONGEST, RULES, TITLES, Facts, Rule
from care.watch.tables import incident

CALM = timedelta(minutes=3)
"""Over only after so long without it: what flickers is one incident."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One trouble, from its first sight to its end."""

    id: int
    rule: str
    words: str
    opened_at: datetime
    closed_at: datetime | None

    @property
    def title(self) -> str:
        """Return it in half a sentence; also the heading on the page for whoever is on call."""
        return TITLES.get(self.rule, self.rule)


def judge(conn: sa.Connection, facts: Facts, *, now: datetime, rules: Sequence[Rule] = RULES) -> None:
    """Open, keep up and close incidents by the table of alarms, or by some of its rules."""
    for rule in rules:
        words = rule.look(facts)[:LONGEST]
        if words:
            _see(conn, rule, words, now, parts=rule.parts(facts))
        else:
            _miss(conn, rule, now)


def _see(conn: sa.Connection, rule: Rule, words: str, now: datetime, *, parts: Mapping[str, int | None]) -> None:
    """Open the incident, or note that it goes on; tell of it again where it has grown."""
    values = {"rule": rule.name, "open_key": rule.name, "words": words, "opened_at": now, "seen_at": now}
    whole = {what: size or 0 for what, size in parts.items()}
    statement = insert(conn, incident).values(**values, counts_from=now + rule.patience, parts=whole)
    seen = statement.on_conflict_do_update(index_elements=["open_key"], set_={"words": words, "seen_at": now})
    row = conn.execute(seen.returning(incident.c.id, incident.c.opened_at, incident.c.parts)).one()
    if row.opened_at == now:
        log.error("incident.seen", incident=row.id, rule=rule.name, problem=words)
    if _has_grown(conn, row, parts):
        tell_again(conn, row.id, now=now)
        log.error("incident.grown", incident=row.id, rule=rule.name, problem=words)


def _has_grown(conn: sa.Connection, row: sa.Row[Any], parts: Mapping[str, int | None]) -> bool:
    """Keep the parts as they are now, and tell whether any is new or larger; what is not known now stays as it was.

    What an earlier version opened has no parts yet, and has been told.
    """
    before = row.parts or {}
    whole = {what: before.get(what, 0) if size is None else size for what, size in parts.items()}
    if whole == row.parts:
        return False
    conn.execute(sa.update(incident).where(incident.c.id == row.id).values(parts=whole))
    return row.parts is not None and any(size > before.get(what, 0) for what, size in whole.items())


def _miss(conn: sa.Connection, rule: Rule, now: datetime) -> None:
    """Close the incident when it has been away for a while; one too short to count leaves no trace."""
    mine = incident.c.open_key == rule.name
    conn.execute(sa.delete(incident).where(mine, incident.c.counts_from > now))
    over = sa.update(incident).where(mine, incident.c.seen_at <= now - CALM)
    for row in conn.execute(over.values(open_key=None, closed_at=now).returning(incident.c.id)):
        log.info("incident.over", incident=row.id, rule=rule.name)


def words_of(conn: sa.Connection, rule: str) -> str:
    """Return what an open incident says, '' where there is none."""
    return conn.execute(sa.select(incident.c.words).where(incident.c.open_key == rule)).scalar() or ""


def parts_told(conn: sa.Connection, rule: str) -> Mapping[str, int]:
    """Return how much of what an open incident tells, {} where there is none."""
    return conn.execute(sa.select(incident.c.parts).where(incident.c.open_key == rule)).scalar() or {}


def end(conn: sa.Connection, rule: str, *, now: datetime) -> None:
    """Close an incident at once: what is looked at rarely does not flicker."""
    mine = sa.update(incident).where(incident.c.open_key == rule)
    conn.execute(mine.values(open_key=None, closed_at=now))


def has_open(conn: sa.Connection) -> bool:
    """Tell whether any incident is open, counting or not."""
    return conn.execute(sa.select(incident.c.id).where(incident.c.open_key.is_not(None)).limit(1)).first() is not None


def open_incidents(conn: sa.Connection, now: datetime) -> list[Incident]:
    """Return what is open and has lasted long enough to count, oldest first."""
    query = sa.select(incident).where(incident.c.open_key.is_not(None), incident.c.counts_from <= now)
    return [_as_incident(row) for row in conn.execute(query.order_by(incident.c.opened_at, incident.c.id))]


def closed_incidents(conn: sa.Connection, since: datetime) -> list[Incident]:
    """Return what ended at an instant or later, latest first."""
    query = sa.select(incident).where(incident.c.closed_at >= since)
    return [_as_incident(row) for row in conn.execute(query.order_by(incident.c.closed_at.desc(), incident.c.id))]


def _as_incident(row: sa.Row[Any]) -> Incident:
    return Incident(id=row.id, rule=row.rule, words=row.words, opened_at=row.opened_at, closed_at=row.closed_at)
