"""Campaigns that people cancelled, beside the pauses of the ledger: nothing more of them is planned."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from care.base.database import insert, write
from care.campaigns.checks.context import KnownCampaign
from care.campaigns.model import Campaign
from care.messages import stops
from care.messages.tables import campaign_known

LIVE: Final = "live"
CANCELLED: Final = "cancelled"


def cancel_campaign(engine: sa.Engine, campaign: Campaign, *, by: str, now: datetime) -> stops.Cancelled:
    """Withdraw what is unsent and plan nothing more until the campaign is resumed.

    What is being sent at this moment may still go. Safe to run again after a crash: it goes on where it stopped.
    """
    with write(engine) as conn:
        _set_state(conn, campaign, CANCELLED, now)
    return stops.cancel_campaign(engine, campaign.id, by=by, now=now)


def resume_campaign(conn: sa.Connection, campaign: Campaign, *, now: datetime) -> bool:
    """Lift pause and cancellation; return whether there was either. What was cancelled stays so."""
    was_paused = stops.lift_pause(conn, stops.campaign_scope(campaign.id))
    was_cancelled = campaign.id in cancelled_ids(conn)
    if was_cancelled:
        _set_state(conn, campaign, LIVE, now)
    return was_paused or was_cancelled


def cancelled_ids(conn: sa.Connection) -> frozenset[str]:
    """Return the campaigns that were cancelled by hand and not resumed."""
    chosen = sa.select(campaign_known.c.campaign_id).where(campaign_known.c.state == CANCELLED)
    return frozenset(conn.execute(chosen).scalars())


def states_now(conn: sa.Connection, now: datetime) -> dict[str, str]:
    """Return `paused` or `cancelled` for the campaigns that are not simply live, by id."""
    scopes = (one.scope.partition(":") for one in stops.standing_pauses(conn, now))
    paused = {name: "paused" for kind, _, name in scopes if kind == "campaign"}
    return paused | dict.fromkeys(cancelled_ids(conn), CANCELLED)


def known_campaigns(conn: sa.Connection) -> tuple[KnownCampaign, ...]:
    """Return the campaigns that the planner has worked with and that were not withdrawn."""
    rows = conn.execute(sa.select(campaign_known).where(campaign_known.c.state.in_([LIVE, CANCELLED])))
    return tuple(KnownCampaign(id=row.campaign_id, name=row.name, digest=row.digest) for row in rows)


def _set_state(conn: sa.Connection, campaign: Campaign, state: str, now: datetime) -> None:
    statement = insert(conn, campaign_known).values(
        campaign_id=campaign.id, name=campaign.name, digest=campaign.digest, state=state, seen_at=now
    )
    same = {"state": statement.excluded.state, "seen_at": statement.excluded.seen_at}
    conn.execute(statement.on_conflict_do_update(index_elements=["campaign_id"], set_=same))
