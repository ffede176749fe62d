"""Planned maintenance: a window in which nothing is offered to a provider."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.delivery.tables import provider_maintenance

_window = provider_maintenance.c
_WHY, _BY = 120, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One planned absence, from `starts_at` up to `ends_at`."""

    provider: str
    starts_at: datetime
    ends_at: datetime
    why: str
    by: str


def plan_maintenance(conn: sa.Connection, window: Window, now: datetime) -> None:
    """Write a window down; several of one provider add up."""
    conn.execute(
        sa.insert(provider_maintenance).values(
            provider=window.provider,
            starts_at=window.starts_at,
            ends_at=window.ends_at,
            why=window.why[:_WHY],
            by=window.by[:_BY],
            at=now,
        )
    )


def end_maintenance(conn: sa.Connection, provider: str, now: datetime) -> int:
    """End what goes on now, and take back what was planned for later; return how many windows that were."""
    coming = sa.delete(provider_maintenance).where(_window.provider == provider, _window.starts_at > now)
    going = sa.update(provider_maintenance).where(_window.provider == provider, _window.ends_at > now)
    taken_back = conn.execute(coming.returning(_window.id)).all()
    return len(taken_back) + len(conn.execute(going.values(ends_at=now).returning(_window.id)).all())


def windows(conn: sa.Connection, since: datetime) -> list[Window]:
    """Return what goes on, is planned, or ended at an instant or later; the earliest first."""
    wanted = sa.select(provider_maintenance).where(_window.ends_at >= since).order_by(_window.starts_at, _window.id)
    return [
        Window(provider=row.provider, starts_at=row.starts_at, ends_at=row.ends_at, why=row.why, by=row.by)
        for row in conn.execute(wanted)
    ]
