"""A campaign or a customer changed after planning: mend what is unsent, never touch what went out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert, write
from care.campaigns.model import Campaign
from care.messages import store as ledger
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import campaign_known, message
from care.planning import approvals
from care.planning.planner import local_days
from care.planning.selection import OwedSet, PlanningRules, owed_sets
from care.planning.spreading import spread_out
from care.planning.zones import clock_of, zones_in_use

WITHDRAWN = "campaign withdrawn"
EDITED = "no longer due after an edit"
CHANGED = "no longer due after a change"
_STALE = "stale"
"""Stands as version of the rows of customers who changed: planned from a record that is no more."""

LIVE = "live"
_UNSENT = [str(MessageStatus.PLANNED), str(MessageStatus.HELD), str(MessageStatus.SKIPPED)]
_WAITING = [str(MessageStatus.PLANNED), str(MessageStatus.HELD)]


@dataclass(kw_only=True)
class RefreshOutcome:
    """What changed among the unsent."""

    updated: int = 0
    cancelled: int = 0
    brought_back: int = 0


def refresh_campaign(
    engine: sa.Engine,
    campaign: Campaign,
    *,
    rules: PlanningRules,
    now: datetime,
    ahead: timedelta,
    reason: str = EDITED,
) -> RefreshOutcome:
    """Bring unsent rows planned from an older version up to date: new hours, new reasons, or cancelled.

    What is cancelled for `reason` gives its key back: should it become due again, on whatever day, it is planned
    anew, with a page of the books of its own.
    """
    outcome = RefreshOutcome()
    with engine.connect() as conn:
        zones = zones_in_use(conn)
    back = _back(campaign)
    spans = {zone: local_days(now, clock_of(zone, rules.operator_zone), back=back, ahead=ahead) for zone in zones}
    waits = approvals.settle(engine, campaign, {day for days in spans.values() for day in days}, rules=rules, now=now)
    for zone, days in spans.items():
        for owed in owed_sets(campaign, days=iter(days), zone=zone, rules=rules, now=now, waits=waits):
            outcome.updated += _update_set(engine, owed)
    with write(engine) as conn:
        stale = sa.select(message.c.id).where(
            _unsent_of(campaign, _WAITING, now), message.c.plan_digest != campaign.digest[:16]
        )
        cancelled = _cancel(conn, conn.execute(stale).scalars().all(), reason, now)
        was = message.c.occasion + ":was-" + sa.cast(message.c.id, sa.String)
        conn.execute(sa.update(message).where(among(message.c.id, cancelled)).values(occasion=was))
    outcome.cancelled = len(cancelled)
    return outcome


def refresh_customers(
    engine: sa.Engine,
    campaign: Campaign,
    portions: Iterable[Collection[int] | None],
    *,
    rules: PlanningRules,
    now: datetime,
    ahead: timedelta,
) -> RefreshOutcome:
    """Bring unsent rows of customers who changed up to date: they moved, corrected a birthday, gave a consent.

    A portion holds ids of customers; None means everyone.
    """
    found = 0
    for ids in portions:
        theirs = _unsent_of(campaign, _UNSENT, now)
        if ids is not None:
            theirs = sa.and_(theirs, among(message.c.customer_id, ids))
        with write(engine) as conn:
            marked = sa.update(message).where(theirs).values(plan_digest=_STALE)
            found += int(conn.execute(marked.execution_options(preserve_rowcount=True)).rowcount)
    if not found:
        return RefreshOutcome()
    return refresh_campaign(engine, campaign, rules=rules, now=now, ahead=ahead, reason=CHANGED)


def _back(campaign: Campaign) -> timedelta:
    """Return how far back a row of the campaign may still be within its use-by."""
    return campaign.use_within + timedelta(days=1)


def _unsent_of(campaign: Campaign, statuses: Collection[str], now: datetime) -> sa.ColumnElement[bool]:
    """Return: an unsent message of the campaign, of a day that refreshing asks for in every zone."""
    return sa.and_(
        message.c.campaign_id == campaign.id,
        message.c.status.in_(statuses),
        message.c.attempts == 0,
        message.c.occasion_on > (now - _back(campaign)).date(),
    )


def _update_set(engine: sa.Engine, owed: OwedSet) -> int:
    """Update the set's unsent rows that were planned from an older version of the file."""
    with engine.connect() as conn:
        fresh = spread_out(conn, owed).rows().subquery("fresh")
    columns = ("due_at", "use_by", "wake_at", "status", "reason", "purpose", "lane", "plan_digest", "status_at")
    same = sa.and_(
        message.c.campaign_id == owed.campaign.id,
        message.c.occasion == fresh.c.occasion,
        message.c.occasion_on == fresh.c.occasion_on,
        message.c.customer_id == fresh.c.customer_id,
        message.c.leg == owed.leg,
    )
    unsent = sa.and_(
        message.c.status.in_(_UNSENT),
        sa.or_(message.c.status != str(MessageStatus.SKIPPED), fresh.c.status != str(MessageStatus.EXPIRED)),
        message.c.attempts == 0,
        message.c.plan_digest != owed.campaign.digest[:16],
    )
    statement = sa.update(message).where(same, unsent).values({name: fresh.c[name] for name in columns})
    with write(engine) as conn:
        return int(conn.execute(statement.execution_options(preserve_rowcount=True)).rowcount)


def note_campaigns(conn: sa.Connection, campaigns: Collection[Campaign], now: datetime) -> None:
    """Remember which campaigns are live, under which name and version."""
    for campaign in campaigns:
        statement = insert(conn, campaign_known).values(
            campaign_id=campaign.id, name=campaign.name, digest=campaign.digest[:16], state=LIVE, seen_at=now
        )
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["campaign_id"],
                set_={name: statement.excluded[name] for name in ("name", "digest", "state", "seen_at")},
            )
        )


def withdraw(engine: sa.Engine, campaign_ids: Collection[str], now: datetime) -> int:
    """Cancel what is unsent of campaigns whose file is gone; return how many messages."""
    total = 0
    for campaign_id in campaign_ids:
        with write(engine) as conn:
            waiting = sa.select(message.c.id).where(
                message.c.campaign_id == campaign_id, message.c.status.in_(_WAITING), message.c.attempts == 0
            )
            ids = conn.execute(waiting).scalars().all()
            total += len(_cancel(conn, ids, WITHDRAWN, now))
            conn.execute(
                sa.update(campaign_known)
                .where(campaign_known.c.campaign_id == campaign_id)
                .values(state="withdrawn", seen_at=now)
            )
    return total


def bring_back(engine: sa.Engine, campaign_id: str, now: datetime) -> int:
    """Plan again what a withdrawal cancelled, as far as its time has not passed; return how many messages."""
    with write(engine) as conn:
        gone = sa.select(message.c.id).where(
            message.c.campaign_id == campaign_id,
            message.c.status == str(MessageStatus.CANCELLED),
            message.c.reason == WITHDRAWN,
            message.c.use_by > now,
        )
        ids = conn.execute(gone).scalars().all()
        back = ledger.move_messages(
            conn, ids, MessageStatus.PLANNED, now=now, by="planner", only_from=[MessageStatus.CANCELLED]
        )
        return len(back)


def _cancel(conn: sa.Connection, ids: Collection[int], reason: str, now: datetime) -> list[int]:
    """Cancel what still waits; what a sender has taken meanwhile goes on."""
    return ledger.move_messages(
        conn, ids, MessageStatus.CANCELLED, now=now, by="planner", reason=reason, only_from=CLAIMABLE
    )
