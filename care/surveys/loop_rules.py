"""What the settings say about closing the loop with a customer who was not satisfied."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from care.base.errors import CareError
from care.base.settings import Settings
from care.calendars.overrides import Overrides, load_overrides
from care.customers.addresses import AddressHasher
from care.inbound.events.applying import EventRules, event_rules, reopen_ourselves
from care.surveys.calling_back import WorkingHours, call_back_by, working_moment
from care.surveys.model import CaseReason

log = structlog.get_logger()
Reopen = Callable[[sa.Connection, str, datetime], bool]
"""Opens a ticket of ours again, by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRules:
    """By when people are called, and when they are asked again."""

    hours: WorkingHours
    call_within: timedelta  # working time
    recontact_after: timedelta
    zone: str  # the operator's
    reopen: Reopen | None = None

    def due(self, reason: CaseReason, now: datetime) -> datetime:
        """Return by when a case of this reason has to be settled."""
        return call_back_by(now, self.hours, self.call_within, reason)

    def recontact(self, closed_at: datetime) -> datetime:
        """Return when to ask again."""
        return working_moment(closed_at + self.recontact_after, self.hours)


def loop_rules_of(settings: Settings, root: Path, hasher: AddressHasher | None = None) -> LoopRules:
    """Return the rules of the settings; `root` is the folder that relative paths start from.

    `hasher` is needed where answers are taken: a ticket that is not solved is opened again.
    """
    cases, operator = settings.cases, settings.operator
    hours = WorkingHours(
        country=operator.country,
        zone=ZoneInfo(operator.timezone),
        opens=time.fromisoformat(cases.work_from),
        closes=time.fromisoformat(cases.work_until),
        overrides=_calendar(root / settings.paths.campaigns / "calendar.yaml"),
    )
    return LoopRules(
        hours=hours,
        call_within=timedelta(hours=cases.call_back_hours),
        recontact_after=timedelta(days=cases.recontact_days),
        zone=operator.timezone,
        reopen=partial(_reopen, event_rules(settings, hasher)) if hasher else None,
    )


def _reopen(rules: EventRules, conn: sa.Connection, ticket: str, now: datetime) -> bool:
    return reopen_ourselves(conn, ticket, at=now, rules=rules, now=now)


def _calendar(path: Path) -> Overrides | None:
    """Return the operator's own working days; a broken file keeps no customer from being called."""
    try:
        return load_overrides(path)
    except CareError:
        log.warning("cases.calendar_broken", file=path.name)
        return None
