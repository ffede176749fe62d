"""The plan: who would get what in the next days, when it would be done, what it would cost. It writes nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign
from care.campaigns.states import cancelled_ids
from care.messages.model import MessageStatus
from care.planning.approvals import approved_days
from care.planning.backlog import PageKey, usual_parts, waiting
from care.planning.collisions import find_collisions
from care.planning.cost import Pricing, Tally, goes_by_sms, sampling, stratum_of, tally_set
from care.planning.forecast import Cell, count_set, forecast_sets, withdrawals
from care.planning.selection import UNKNOWN_ZONE, PlanningRules
from care.reports.plan_closed import Closed
from care.reports.plan_days import Plan, PlanDay
from care.reports.plan_rooms import share_out
from care.reports.plan_times import Desk


def make_plan(
    conn: sa.Connection,
    campaigns: Collection[Campaign],
    *,
    rules: PlanningRules,
    pricing: Pricing,
    rates: Mapping[Channel, float],
    now: datetime,
    today: date,
    days: int,
    keep: Collection[str] | None = (),
    senders: Mapping[str, str] | None = None,
    closed: Mapping[Channel, Sequence[Closed]] | None = None,
    shown: Collection[str] | None = None,
) -> Plan:
    """Return the plan for `days` local days from today, by the planner's own selections.

    `rates` are parts, or mails, per second. `keep` are ids of files that may merely be broken now; None says that
    `campaigns` are not all there are, so that none of the others counts as withdrawn. `shown` are the ids the plan
    is asked about, None for all; the others only take their room. `closed` are the times in which nobody carries a
    channel.
    """
    stopped = cancelled_ids(conn)
    live = [campaign for campaign in campaigns if campaign.id not in stopped]
    asked = [campaign for campaign in live if shown is None or campaign.id in shown]
    counted = _who_counts(live, asked)
    cells = [
        cell for owed in forecast_sets(conn, counted, rules=rules, now=now, days=days) for cell in count_set(conn, owed)
    ]
    wanted = {campaign.id for campaign in asked}
    own = [cell for cell in cells if cell.owed.campaign.id in wanted]
    step, step_beside = sampling(own), sampling(cells)
    found, weighed = _pages(conn, cells, pricing, lambda one: step if one.id in wanted else step_beside)
    backlog = waiting(conn, besides=found, now=now)
    desk = Desk(
        rules=rules,
        rates=rates,
        senders=senders or {},
        now=now,
        usual_parts=usual_parts(conn, Channel.SMS),
        closed=closed or {},
    )
    seen = {} if rules.approval_above is None else _approved(conn, counted)
    crowded = share_out(found, weighed, backlog, desk=desk, known=campaigns, approved=seen)
    pages = {key: day for key, day in found.items() if key[0] in wanted}
    return Plan(
        first=today,
        last=today + timedelta(days=days - 1),
        made_at=now,
        days=sorted(pages.values(), key=lambda day: (day.day, day.campaign.purpose.lane, day.campaign.name, day.leg)),
        withdrawals=withdrawals(conn, asked, own, keep=keep, now=now),
        collisions=find_collisions(conn, own, policies=rules.policies, now=now),
        cells=[cell for cell in weighed if cell.owed.campaign.id in wanted],
        cancelled=[one for one in campaigns if one.id in stopped and (shown is None or one.id in shown)],
        crowded=[(pages[key], names) for key, names in crowded.items() if key in pages],
    )


def _pages(
    conn: sa.Connection, cells: Sequence[Cell], pricing: Pricing, step_of: Callable[[Campaign], Callable[[int], int]]
) -> tuple[dict[PageKey, PlanDay], list[Cell]]:
    """Return the pages with all that is counted on them, and the cells with the parts of their texts."""
    found, weighed = dict[PageKey, PlanDay](), list[Cell]()
    for mine in _by_set(cells):
        owed = mine[0].owed
        day = found.setdefault(
            (owed.campaign.id, owed.leg, owed.occasion_on),
            PlanDay(campaign=owed.campaign, leg=owed.leg, day=owed.occasion_on),
        )
        for cell in mine:
            _enter(day, cell)
        weighed += _weigh(conn, day, mine, pricing, step_of(owed.campaign))
    return found, weighed


def _who_counts(live: Collection[Campaign], asked: Collection[Campaign]) -> list[Campaign]:
    """Return those asked about and those as urgent or more: what is less urgent takes nobody's room."""
    least = max((campaign.purpose.lane for campaign in asked), default=-1)
    return [campaign for campaign in live if campaign.purpose.lane <= least]


def _approved(conn: sa.Connection, campaigns: Collection[Campaign]) -> dict[tuple[str, date], int]:
    return {
        (campaign.id, day): audience
        for campaign in campaigns
        for day, audience in approved_days(conn, campaign).items()
    }


def _by_set(cells: Sequence[Cell]) -> list[list[Cell]]:
    found: dict[int, list[Cell]] = {}
    for cell in cells:
        found.setdefault(id(cell.owed), []).append(cell)
    return list(found.values())


def _weigh(
    conn: sa.Connection, day: PlanDay, cells: Sequence[Cell], pricing: Pricing, step: Callable[[int], int]
) -> list[Cell]:
    """Return the cells of one set with the parts of their texts, and enter these and their cost."""
    recipients = sum(cell.count for cell in cells if goes_by_sms(cell))
    texts = tally_set(conn, cells[0].owed, cells, pricing, step=step(recipients))
    for tally in texts.values():
        day.tally.add(tally)
    return [replace(cell, parts_each=texts.get(stratum_of(cell), Tally()).parts_each) for cell in cells]


def _enter(day: PlanDay, cell: Cell) -> None:
    day.qualify += cell.count
    day.by_status[cell.status] += cell.count
    if cell.is_new:
        day.new += cell.count
        day.new_by_status[cell.status] += cell.count
    elif cell.is_older:
        day.changed += cell.count
    if cell.status is not MessageStatus.PLANNED and cell.reason:
        day.skips[cell.reason] += cell.count
    if cell.would_go and cell.channel is not None:
        day.to_send[cell.channel] += cell.count
    elif not cell.is_new and cell.status is MessageStatus.PLANNED:
        day.done += cell.count
    if cell.owed.zone == UNKNOWN_ZONE:
        day.zoneless += cell.count


@dataclass(kw_only=True)
class LaneLoad:
    """What one purpose puts on one channel over the whole plan."""

    channel: Channel
    purpose: Purpose
    messages: int = 0
    parts: float = 0.0


def load_by_lane(plan: Plan) -> list[LaneLoad]:
    """Return the load of each lane that has any, the most important first."""
    found: dict[tuple[int, Channel], LaneLoad] = {}
    for day in plan.days:
        for channel, count in day.to_send.items():
            purpose = day.campaign.purpose
            load = found.setdefault((purpose.lane, channel), LaneLoad(channel=channel, purpose=purpose))
            load.messages += count
            load.parts += day.tally.parts if channel is Channel.SMS else count
    return [found[key] for key in sorted(found)]


def cost_by_day(plan: Plan) -> dict[date, Decimal]:
    """Return what each local day would cost, in major units."""
    found: dict[date, Decimal] = {}
    for day in plan.days:
        found[day.day] = found.get(day.day, Decimal(0)) + day.tally.cost
    return found
