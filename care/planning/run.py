"""One round of planning over all campaigns: withdrawn, brought back, edited, then what is newly due."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from care.base.database import write
from care.campaigns.model import Campaign
from care.campaigns.states import CANCELLED
from care.messages.tables import campaign_known
from care.planning import marks, refresh
from care.planning.planner import plan_campaign
from care.planning.selection import PlanningRules

CATCH_UP = timedelta(days=14)
"""How far back a daemon that was down enters what it missed, as expired, so that the books tell."""

log = structlog.get_logger()


@dataclass(kw_only=True)
class PlanRun:
    """What one round did, in messages."""

    planned: int = 0
    updated: int = 0
    cancelled: int = 0
    brought_back: int = 0
    by_campaign: dict[str, int] = field(default_factory=dict)


def plan_all(
    engine: sa.Engine,
    campaigns: Collection[Campaign],
    *,
    rules: PlanningRules,
    now: datetime,
    ahead: timedelta,
    last_run_at: datetime | None = None,
    keep: Collection[str] = (),
) -> PlanRun:
    """Bring the ledger up to date with the campaign files for the time from the last run to `now + ahead`.

    `keep` names campaign ids whose file is broken at the moment: their planned messages are left alone.
    """
    run = PlanRun()
    with engine.connect() as conn:
        known = {row.campaign_id: row for row in conn.execute(sa.select(campaign_known))}
        watermark = marks.watermark(conn)
    stopped = {i for i, row in known.items() if row.state == CANCELLED}  # by hand, until resumed
    live = {campaign.id: campaign for campaign in campaigns if campaign.id not in stopped}
    gone = [i for i, row in known.items() if row.state == refresh.LIVE and i not in live and i not in keep]
    run.cancelled += refresh.withdraw(engine, gone, now)
    back = min(CATCH_UP, now - last_run_at) if last_run_at is not None else timedelta(0)
    for campaign in live.values():
        before = known.get(campaign.id)
        if before is not None and before.state == "withdrawn":
            run.brought_back += refresh.bring_back(engine, campaign.id, now)
        if before is not None and (before.digest != campaign.digest[:16] or before.state == "withdrawn"):
            mended = refresh.refresh_campaign(engine, campaign, rules=rules, now=now, ahead=ahead)
        else:
            mended = _follow_customers(engine, campaign, watermark, rules=rules, now=now, ahead=ahead)
        run.updated += mended.updated
        run.cancelled += mended.cancelled
        outcome = plan_campaign(
            engine, campaign, rules=rules, now=now, ahead=ahead, back=max(back, timedelta(0)), watermark=watermark
        )
        if outcome.planned:
            run.by_campaign[campaign.id] = outcome.planned
            run.planned += outcome.planned
    with write(engine) as conn:
        refresh.note_campaigns(conn, [c for c in live.values() if _is_news(c, known.get(c.id))], now)
    if run.planned or run.updated or run.cancelled or run.brought_back:
        log.info("planning.done", planned=run.planned, updated=run.updated, cancelled=run.cancelled)
    return run


def _follow_customers(
    engine: sa.Engine, campaign: Campaign, watermark: str, *, rules: PlanningRules, now: datetime, ahead: timedelta
) -> refresh.RefreshOutcome:
    """Mend what is planned for customers who changed since the campaign was planned last."""
    with engine.connect() as conn:
        before = marks.last_watermark(conn, campaign.id)
        if before in ("", watermark):
            return refresh.RefreshOutcome()
        portions = list(marks.changed_since(conn, before, watermark))
    return refresh.refresh_customers(engine, campaign, portions, rules=rules, now=now, ahead=ahead)


def _is_news(campaign: Campaign, row: sa.Row[tuple[str, ...]] | None) -> bool:
    return row is None or (row.name, row.digest, row.state) != (campaign.name, campaign.digest[:16], refresh.LIVE)
