"""What people decide about a running campaign: paused, resumed, cancelled. The files stay as they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from care.base.database import insert, write
from care.campaigns.checks.context import KnownCampaign
from care.campaigns.model import Campaign
from care.messages.model import MessageStatus
from care.messages.store import move_messages
from care.messages.tables import campaign_known, message, pause

LIVE: Final = "live"
CANCELLED: Final = "cancelled"
CANCELLED_BY_HAND: Final = "cancelled by hand"
_WAITING = [str(MessageStatus.PLANNED), str(MessageStatus.HELD)]
_CHUNK = 2_000  # messages per transaction, so that senders never wait long


def campaign_scope(campaign_id: str) -> str:
    """Return the scope of a pause that stops one campaign."""
    return f"campaign:{campaign_id}"


def pause_scope(conn: sa.Connection, scope: str, *, until: datetime | None, by: str, now: datetime) -> None:
    """Stop planning's sends of a scope (`campaign:ID`, `purpose:NAME`, `all`) until an instant, or until resumed."""
    statement = insert(conn, pause).values(scope=scope, until=until, by=by, at=now)
    same = {name: statement.excluded[name] for name in ("until", "by", "at")}
    conn.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=same))


def resume_scope(conn: sa.Connection, scope: str) -> bool:
    """Lift a pause; return whether there was one."""
    gone = sa.delete(pause).where(pause.c.scope == scope)
    return int(conn.execute(gone.execution_options(preserve_rowcount=True)).rowcount) > 0


def pauses(conn: sa.Connection, now: datetime) -> Mapping[str, datetime | None]:
    """Return the scopes that are stopped now, with the end of each pause; None until resumed."""
    running = sa.or_(pause.c.until.is_(None), pause.c.until > now)
    return {row.scope: row.until for row in conn.execute(sa.select(pause.c.scope, pause.c.until).where(running))}


def cancel_campaign(engine: sa.Engine, campaign: Campaign, *, by: str, now: datetime) -> int:
    """Cancel what is unsent and plan nothing more until the campaign is resumed; return how many messages.

    What is being sent at this moment goes out. Safe to run again after a crash: it goes on where it stopped.
    """
    with write(engine) as conn:
        _set_state(conn, campaign, CANCELLED, now)
    total = 0
    while True:
        with write(engine) as conn:
            waiting = sa.select(message.c.id).where(
                message.c.campaign_id == campaign.id, message.c.status.in_(_WAITING)
            )
            ids = conn.execute(waiting.limit(_CHUNK)).scalars().all()
            moved = move_messages(conn, ids, MessageStatus.CANCELLED, now=now, by=by, reason=CANCELLED_BY_HAND)
        total += len(moved)
        if not moved:
            return total


def resume_campaign(conn: sa.Connection, campaign: Campaign, *, now: datetime) -> bool:
    """Lift pause and cancellation; return whether there was either. What was cancelled stays so."""
    was_paused = resume_scope(conn, campaign_scope(campaign.id))
    was_cancelled = campaign.id in cancelled_ids(conn)
    if was_cancelled:
        _set_state(conn, campaign, LIVE, now)
    return was_paused or was_cancelled


def cancelled_ids(conn: sa.Connection) -> frozenset[str]:
    """Return the campaigns that were cancelled by hand and not resumed: nothing of them is planned."""
    chosen = sa.select(campaign_known.c.campaign_id).where(campaign_known.c.state == CANCELLED)
    return frozenset(conn.execute(chosen).scalars())


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
