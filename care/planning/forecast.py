"""What the planner would write in the next days: its own selections, only read.

`OwedSet.rows` is the SELECT under the planner's INSERT; here it is counted in groups of customers alike, beside what
the ledger has of it already.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import from_micros
from care.base.vocabulary import Channel
from care.campaigns.model import Campaign
from care.customers.tables import customer
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import campaign_known, message
from care.planning.permission import ConsentByCountry, may_reach
from care.planning.planner import local_days
from care.planning.selection import OwedSet, PlanningRules, owed_sets
from care.planning.spreading import spread_out
from care.planning.zones import clock_of, zones_in_use

_BUCKET = 900_000_000  # microseconds: hours of single customers are told to a quarter of an hour
_WAITING = tuple(CLAIMABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Customers of one set who are alike: where they would be written, and where the ledger has them now."""

    owed: OwedSet
    status: MessageStatus  # planned, skipped or expired, as the planner would enter them
    reason: str | None
    standing: MessageStatus | None  # in the ledger; None: new
    is_older: bool  # the ledger's row comes from another version of the campaign file
    channel: Channel | None  # that would be tried first
    country: str
    locale: str | None
    due_at: datetime  # the first of the cell
    use_by: datetime
    count: int
    parts_each: float = 1.0  # of an SMS to them; the texts tell, once they are rendered

    @property
    def is_new(self) -> bool:
        """Tell whether the planner would write rows."""
        return self.standing is None

    @property
    def would_go(self) -> bool:
        """Tell whether the messages are still to be sent."""
        return self.status is MessageStatus.PLANNED and (self.standing is None or self.standing in _WAITING)


def forecast_sets(
    conn: sa.Connection, campaigns: Collection[Campaign], *, rules: PlanningRules, now: datetime, days: int
) -> Iterator[OwedSet]:
    """Yield every set that is owed on the next `days` local days, today included."""
    zones = zones_in_use(conn)
    for campaign in campaigns:
        for zone in zones:
            ahead = timedelta(days=days - 1)
            span = local_days(now, clock_of(zone, rules.operator_zone), back=timedelta(0), ahead=ahead)
            yield from owed_sets(campaign, days=iter(span), zone=zone, rules=rules, now=now)


def count_set(conn: sa.Connection, owed: OwedSet) -> list[Cell]:
    """Return who would be written in one set, in groups."""
    somebody = sa.select(sa.literal(1)).select_from(owed.source).where(owed.qualifies).limit(1)
    if conn.execute(somebody).first() is None:  # most sets are empty, and this is asked quickly
        return []
    owed = spread_out(conn, owed)
    rows = owed.rows().subquery("owed")
    due = sa.type_coerce(rows.c.due_at, sa.BigInteger)
    older = sa.func.coalesce(message.c.plan_digest != owed.campaign.digest[:16], sa.false())
    keys = (
        rows.c.status.label("status"),
        rows.c.reason.label("reason"),
        message.c.status.label("standing"),
        older.label("older"),
        first_channel(owed).label("channel"),
        customer.c.country.label("country"),
        customer.c.locale.label("locale"),
        (due // _BUCKET).label("bucket"),
    )
    first, last = sa.func.min(due), sa.func.min(sa.type_coerce(rows.c.use_by, sa.BigInteger))
    query = (
        sa.select(*keys, first.label("due_at"), last.label("use_by"), sa.func.count().label("n"))
        .select_from(beside_the_ledger(owed, rows))
        .group_by(*keys)
    )
    return [_cell(owed, row) for row in conn.execute(query)]


def first_channel(owed: OwedSet) -> sa.ColumnElement[str]:
    """Return the first channel of the leg that may reach the customer, NULL for none."""
    purpose = owed.campaign.purpose
    consent = ConsentByCountry.read(owed.rules.policies, purpose)
    branches = [(may_reach(channel, purpose, consent), sa.literal(str(channel))) for channel in owed.channels]
    return sa.case(*branches, else_=sa.null())


def still_to_go() -> sa.ColumnElement[bool]:
    """Return: the ledger has no message yet, or one that is still to be sent, as `Cell.would_go` says of a cell."""
    return sa.or_(message.c.status.is_(None), message.c.status.in_(list(map(str, _WAITING))))


def beside_the_ledger(owed: OwedSet, rows: sa.Subquery) -> sa.FromClause:
    """Return the rows of a set with their customer, and with the ledger's message where it has one."""
    same = sa.and_(
        message.c.campaign_id == owed.campaign.id,
        message.c.occasion == rows.c.occasion,
        message.c.customer_id == rows.c.customer_id,
        message.c.leg == owed.leg,
    )
    return rows.join(customer, customer.c.id == rows.c.customer_id).outerjoin(message, same)


def _cell(owed: OwedSet, row: sa.Row[Any]) -> Cell:
    return Cell(
        owed=owed,
        status=MessageStatus(row.status),
        reason=row.reason,
        standing=None if row.standing is None else MessageStatus(row.standing),
        is_older=bool(row.older),
        channel=None if row.channel is None else Channel(row.channel),
        country=row.country,
        locale=row.locale,
        due_at=from_micros(row.due_at),
        use_by=from_micros(row.use_by),
        count=int(row.n),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What the next round of planning would cancel of one campaign, and why."""

    campaign_id: str
    count: int
    reason: str


def withdrawals(
    conn: sa.Connection,
    campaigns: Collection[Campaign],
    cells: Collection[Cell],
    *,
    keep: Collection[str] | None,
    now: datetime,
) -> list[Withdrawal]:
    """Return what edits and withdrawn files would cancel.

    `keep` are ids whose file may merely be broken; None if `campaigns` are not all there are, so that none is gone.
    """
    live = {campaign.id: campaign for campaign in campaigns}
    found = []
    for row in conn.execute(sa.select(campaign_known).where(campaign_known.c.state == "live")):
        campaign = live.get(row.campaign_id)
        if campaign is None and keep is not None and row.campaign_id not in keep:
            found.append(_gone(conn, row.campaign_id))
        elif campaign is not None and campaign.digest[:16] != row.digest:
            found.append(_edited(conn, campaign, cells, now))
    return [one for one in found if one.count]


def _gone(conn: sa.Connection, campaign_id: str) -> Withdrawal:
    count = conn.execute(sa.select(sa.func.count()).where(*_unsent(campaign_id))).scalar_one()
    return Withdrawal(campaign_id=campaign_id, count=int(count), reason="its file is gone")


def _edited(conn: sa.Connection, campaign: Campaign, cells: Collection[Cell], now: datetime) -> Withdrawal:
    """Count unsent rows of the older file that no set of the edited one owes any more."""
    first = (now - timedelta(days=2)).date()
    stale = [message.c.plan_digest != campaign.digest[:16], message.c.occasion_on >= first]
    total = conn.execute(sa.select(sa.func.count()).where(*_unsent(campaign.id), *stale)).scalar_one()
    kept = sum(
        cell.count for cell in cells if cell.owed.campaign is campaign and cell.is_older and cell.standing in _WAITING
    )
    return Withdrawal(campaign_id=campaign.id, count=max(0, int(total) - kept), reason="no longer due after an edit")


def _unsent(campaign_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    waiting = sorted(str(status) for status in CLAIMABLE)
    return (message.c.campaign_id == campaign_id, message.c.status.in_(waiting), message.c.attempts == 0)
