"""The watch in figures, for monitoring."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from care.delivery.breaker import State
from care.delivery.carriers import away_now
from care.delivery.health import read_health
from care.reports.metrics import Figure
from care.watch.book_store import kept_pages
from care.watch.incidents import open_incidents
from care.watch.rules import RULES

LOOK_BACK = timedelta(days=7)


def watch_figures(conn: sa.Connection, now: datetime, today: date, free_mib: int | None) -> Iterator[Figure]:
    """Yield which incidents are open, what differs from the providers' lists, who is well, and the room on the disk."""
    standing = {each.rule for each in open_incidents(conn, now)}
    for rule in RULES:
        yield Figure(name="care_incident_open", value=rule.name in standing, labels=(("rule", rule.name),))
    for page in kept_pages(conn, first=today - LOOK_BACK, last=today):
        labels = (("provider", page.provider), ("channel", str(page.channel)), ("day", page.day.isoformat()))
        yield Figure(name="care_provider_differences", value=page.differences, labels=(*labels, ("state", page.state)))
    away = away_now(conn, now)
    for door, stands in sorted(read_health(conn).items()):
        labels = (("channel", str(door.channel)), ("provider", door.provider), ("sender", door.sender))
        is_well = stands.state is State.WELL and door.provider not in away
        yield Figure(name="care_provider_well", value=is_well, labels=labels)
    if free_mib is not None:
        yield Figure(name="care_disk_free_mib", value=free_mib)
