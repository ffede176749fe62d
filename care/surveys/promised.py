"""What the campaigns promise about following up: each by its name and source, and how it was kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.campaigns.model import Campaign
from care.customers.tickets.tables import ticket_resolution
from care.surveys.follow_ups import covered_when, is_covered
from care.surveys.occasion import TicketResolved
from care.surveys.tables import follow_up

FIRST_CALL = "first_call"
"""Names a promise that counts from the first call, where its campaign is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """The promises of the campaigns as they are now."""

    sources: Mapping[str, str] = field(default_factory=dict)  # by name: where it is written
    calls: Mapping[str, str] = field(default_factory=dict)  # by campaign: the name of what counts from the first call


NOTHING = Promised()
"""Where no campaign is at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InTime:
    """How one named commitment was kept: in time, late, and those whose time has not come."""

    name: str
    kept: int
    late: int
    open: int
    source: str = ""  # where it is written

    @property
    def share(self) -> float | None:
        """Return the share in time of those decided, None where none is."""
        decided = self.kept + self.late
        return self.kept / decided if decided else None


def in_time_object(one: InTime) -> dict[str, Any]:
    """Return one commitment for programs."""
    counts = {"kept": one.kept, "late": one.late, "open": one.open}
    return {"commitment": one.name, **counts, "share": one.share, "source": one.source}


def promised_by(campaigns: Iterable[Campaign]) -> Promised:
    """Return what campaigns promise; sources of promises of one name stand side by side."""
    found: dict[str, set[str]] = {}
    calls: dict[str, str] = {}
    for campaign in campaigns:
        occasion = campaign.occasion
        if not isinstance(occasion, TicketResolved):
            continue
        if occasion.call_promise is not None:
            calls[campaign.id] = occasion.call_promise.name
        for promise in (occasion.promise, occasion.call_promise):
            if promise is not None and promise.source:
                found.setdefault(promise.name, set()).add(promise.source)
    return Promised(sources={name: ", ".join(sorted(each)) for name, each in found.items()}, calls=calls)


def kept_promises(
    conn: sa.Connection, promised: Promised, *where: sa.ColumnElement[bool], now: datetime
) -> list[InTime]:
    """Return how every promise about the resolutions that `where` chooses was kept, by name."""
    f = follow_up.c
    found: dict[str, InTime] = {}
    for row in _counted(conn, f.commitment, f.deadline_at, where, now):
        _add(found, row.word, row, promised)
    for row in _counted(conn, f.campaign_id, f.call_deadline_at, where, now):
        _add(found, promised.calls.get(row.word, FIRST_CALL), row, promised)
    return [found[name] for name in sorted(found)]


def _counted(
    conn: sa.Connection, word: sa.Column[Any], deadline: sa.Column[Any], where: Iterable[Any], now: datetime
) -> Iterable[sa.Row[Any]]:
    kept = sa.and_(is_covered(), covered_when() <= deadline)
    waits = sa.and_(sa.not_(is_covered()), deadline >= now)
    query = (
        sa.select(word.label("word"), *(_sum(of, name) for of, name in ((kept, "kept"), (waits, "waits"))))
        .add_columns(sa.func.count().label("n"))
        .select_from(ticket_resolution.join(follow_up, follow_up.c.resolution_id == ticket_resolution.c.id))
        .where(*where, deadline.is_not(None))
        .group_by(word)
    )
    return conn.execute(query).all()


def _add(found: dict[str, InTime], name: str, row: Any, promised: Promised) -> None:
    before = found.get(name) or InTime(name=name, kept=0, late=0, open=0, source=promised.sources.get(name, ""))
    late = row.n - row.kept - row.waits
    found[name] = replace(before, kept=before.kept + row.kept, late=before.late + late, open=before.open + row.waits)


def _sum(of: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((of, 1), else_=0)), 0).label(name)
