"""What somebody saw when they looked at a plan, in one word they can pass on: `care approve` takes it back.

The word binds the campaign's version, the days, the occasions and how many customers each is owed to.
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import sqlalchemy as sa

from care.base.database import write
from care.base.errors import AnswerIsNoError, InputError
from care.base.ids import digest
from care.campaigns.model import Campaign
from care.messages.stops import signed
from care.planning.approvals import Page, approved_days, audiences, hold, must_wait, pages, release
from care.planning.selection import PlanningRules
from care.planning.tables import approval

_HASH = re.compile(r"(\d{8})\.(\d{1,3})\.(\d{1,12})\.([0-9a-f]{8})\.([0-9a-f]{12})")
MOST_DAYS = 400


@dataclass(frozen=True, kw_only=True)
class Review:
    """A campaign's plan for some local days, as it can be approved."""

    campaign: Campaign
    first: date
    last: date
    pages: Sequence[Page]

    @property
    def days(self) -> list[date]:
        """Return every local day of it."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def audience(self) -> int:
        """Return the customers of all days."""
        return sum(page.audience for page in self.pages)

    @cached_property
    def hash(self) -> str:
        """Return the word: first day, days, customers, version, and a digest of everything."""
        facts = [self.campaign.id, self.campaign.digest, str(self.first), str(self.last)]
        told = json.dumps([facts, [[str(page.day), page.occasion, page.audience] for page in self.pages]])
        head = f"{self.first:%Y%m%d}.{len(self.days)}.{self.audience}"
        return f"{head}.{self.campaign.digest[:8]}.{digest(told)[:12]}"


def days_of(text: str) -> tuple[date, int]:
    """Return the first day and the number of days that a hash is about.

    Raises:
        InputError: it is none that `care plan` prints.
    """
    found = _HASH.fullmatch(text.strip())
    problem = InputError(f"--plan {text}: is no hash of a plan. Copy it from: care plan --campaign NAME")
    if found is None or not 1 <= int(found[2]) <= MOST_DAYS:
        raise problem
    try:
        return date.fromisoformat(found[1]), int(found[2])
    except ValueError:
        raise problem from None


def review(
    conn: sa.Connection, campaign: Campaign, first: date, days: int, *, rules: PlanningRules, now: datetime
) -> Review:
    """Return the plan of a campaign for some local days as it is now."""
    wanted = [first + timedelta(days=n) for n in range(days)]
    found = pages(conn, campaign, wanted, rules=rules, now=now)
    return Review(campaign=campaign, first=first, last=wanted[-1], pages=found)


def require_same(present: Review, text: str) -> None:
    """Raise unless a hash is that of the present plan.

    Raises:
        AnswerIsNoError: saying what differs.
    """
    if text.strip() == present.hash:
        return
    _, _, audience, version, _ = text.strip().split(".")
    changes = []
    if version != present.campaign.digest[:8]:
        changes.append("its file, segments or texts were edited")
    if int(audience) != present.audience:
        changes.append(f"it was for {audience} customers and is for {present.audience}")
    if not changes:
        changes.append("other days or occasions hold its customers")
    name = present.campaign.name
    raise AnswerIsNoError(
        f"campaign '{name}' is not as it was planned: {' and '.join(changes)}. Look again: care plan --campaign {name}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """Where a local day of a reviewed campaign stands."""

    day: date
    audience: int
    state: str  # free, waits or approved


def states(conn: sa.Connection, found: Review, *, above: int | None) -> list[DayState]:
    """Return for each day of a review with customers whether it needs an approval and has one."""
    seen = approved_days(conn, found.campaign)
    return [
        DayState(day=day, audience=count, state=_state(found.campaign, count, seen.get(day), above))
        for day, count in audiences(found.pages).items()
    ]


def _state(campaign: Campaign, audience: int, approved: int | None, above: int | None) -> str:
    if not must_wait(campaign, audience, None, above):
        return "free"
    return "waits" if must_wait(campaign, audience, approved, above) else "approved"


def approve(engine: sa.Engine, found: Review, *, by: str, now: datetime) -> int:
    """Record that somebody approved a review, and let go what waits of it; return how many messages."""
    sums = audiences(found.pages)
    rows = [
        {
            "campaign_id": found.campaign.id,
            "occasion_on": day,
            "audience": count,
            "digest": found.campaign.digest[:16],
            "plan_hash": found.hash,
            "by": signed(by),
            "at": now,
        }
        for day, count in sums.items()
    ]
    with write(engine) as conn:
        conn.execute(sa.insert(approval), rows)
    return sum(release(engine, found.campaign.id, day, by=by, now=now) for day in sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What a withdrawal did: days that wait again, and messages held."""

    days: Collection[date]
    held: int


def revoke(engine: sa.Engine, campaign: Campaign, *, rules: PlanningRules, by: str, now: datetime) -> Withdrawn:
    """Withdraw every approval of a campaign that stands, and hold what is unsent of days that need one.

    Raises:
        AnswerIsNoError: none stands.
    """
    standing = (approval.c.campaign_id == campaign.id, approval.c.revoked_at.is_(None))
    with write(engine) as conn:
        gone = sa.update(approval).where(*standing).values(revoked_by=signed(by), revoked_at=now)
        days = sorted(set(conn.execute(gone.returning(approval.c.occasion_on)).scalars()))
    if not days:
        raise AnswerIsNoError(f"campaign '{campaign.name}' has no approval. Nothing to withdraw")
    with engine.connect() as conn:
        sums = audiences(pages(conn, campaign, days, rules=rules, now=now))
    again = [day for day in days if must_wait(campaign, sums.get(day, 0), None, rules.approval_above)]
    return Withdrawn(days=again, held=sum(hold(engine, campaign.id, day, by=by, now=now) for day in again))
