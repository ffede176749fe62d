"""The plan: who would get what in the next days, when it would be done, what it would cost. It writes nothing."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign
from care.campaigns.states import cancelled_ids
from care.messages.model import MessageStatus
from care.planning.capacity import Load, Passage, pass_through
from care.planning.collisions import Collisions, find_collisions
from care.planning.cost import Pricing, Tally, sampling, tally_set
from care.planning.forecast import Cell, Withdrawal, count_set, forecast_sets, withdrawals
from care.planning.selection import UNKNOWN_ZONE, PlanningRules
from care.policy.windows import NeverOpensError, closes_at, contact_window, next_open, zones_for


@dataclass(kw_only=True)
class PlanDay:
    """One campaign leg on one local day."""

    campaign: Campaign
    leg: str
    day: date
    qualify: int = 0  # everyone it is owed to, whether they may be written to or not
    new: int = 0  # rows the planner would add
    changed: int = 0  # unsent rows that an edit of the file would change
    by_status: Counter[MessageStatus] = field(default_factory=Counter)  # as the planner would enter them
    new_by_status: Counter[MessageStatus] = field(default_factory=Counter)  # of the new ones only
    skips: Counter[str] = field(default_factory=Counter)  # by reason; `late` are those whose time has passed
    to_send: Counter[Channel] = field(default_factory=Counter)  # still to go, by the channel tried first
    done: int = 0  # in the ledger and sent, or at their end
    tally: Tally = field(default_factory=Tally)
    start: datetime | None = None
    finish: datetime | None = None
    margin: timedelta | None = None  # least time between the last part and the end of use
    too_late: int = 0  # messages for which there would be no time
    zoneless: int = 0  # customers without a time zone


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the next days would bring, day by day and campaign by campaign."""

    first: date
    last: date
    made_at: datetime
    days: Sequence[PlanDay]
    withdrawals: Sequence[Withdrawal]
    collisions: Collisions
    cells: Sequence[Cell]
    cancelled: Sequence[Campaign] = ()  # by hand: nothing of them is planned

    @property
    def tally(self) -> Tally:
        """Return parts and cost of all days."""
        whole = Tally()
        for day in self.days:
            whole.add(day.tally)
        return whole

    @property
    def new(self) -> int:
        """Return how many messages the planner would add."""
        return sum(day.new for day in self.days)


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
) -> Plan:
    """Return the plan for `days` local days from today, by the planner's own selections.

    `rates` are parts, or mails, per second. `keep` are ids of files that may merely be broken now; None says that
    `campaigns` are not all there are, so that none of the others counts as withdrawn.
    """
    stopped = cancelled_ids(conn)
    live = [campaign for campaign in campaigns if campaign.id not in stopped]
    cells = [
        cell for owed in forecast_sets(conn, live, rules=rules, now=now, days=days) for cell in count_set(conn, owed)
    ]
    found: dict[tuple[str, str, date], PlanDay] = {}
    step = sampling(cells)
    for mine in _by_set(cells):
        owed = mine[0].owed
        day = found.setdefault(
            (owed.campaign.id, owed.leg, owed.occasion_on),
            PlanDay(campaign=owed.campaign, leg=owed.leg, day=owed.occasion_on),
        )
        for cell in mine:
            _enter(day, cell)
        recipients = sum(cell.count for cell in mine if cell.would_go and cell.channel is Channel.SMS)
        day.tally.add(tally_set(conn, owed, mine, pricing, step=step(recipients)))
    _schedule(found, cells, rules=rules, rates=rates, now=now)
    return Plan(
        first=today,
        last=today + timedelta(days=days - 1),
        made_at=now,
        days=sorted(found.values(), key=lambda day: (day.day, day.campaign.purpose.lane, day.campaign.name, day.leg)),
        withdrawals=withdrawals(conn, live, cells, keep=keep, now=now),
        collisions=find_collisions(conn, cells, policies=rules.policies, now=now),
        cells=cells,
        cancelled=[campaign for campaign in campaigns if campaign.id in stopped],
    )


def _by_set(cells: Sequence[Cell]) -> list[list[Cell]]:
    found: dict[int, list[Cell]] = {}
    for cell in cells:
        found.setdefault(id(cell.owed), []).append(cell)
    return list(found.values())


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


def _schedule(
    found: Mapping[tuple[str, str, date], PlanDay],
    cells: Sequence[Cell],
    *,
    rules: PlanningRules,
    rates: Mapping[Channel, float],
    now: datetime,
) -> None:
    """Work out start, finish and margin: every channel is one sender, all campaigns share it."""
    for channel, rate in rates.items():
        mine = [cell for cell in cells if cell.would_go and cell.channel is channel]
        loads = {n: _load(n, cell, _parts_each(found, cell), rules, now) for n, cell in enumerate(mine)}
        passages = pass_through(list(loads.values()), rate_per_second=rate)
        for n, cell in enumerate(mine):
            _note(_day_of(found, cell), cell, loads[n], passages[n])


def _day_of(found: Mapping[tuple[str, str, date], PlanDay], cell: Cell) -> PlanDay:
    return found[cell.owed.campaign.id, cell.owed.leg, cell.owed.occasion_on]


def _parts_each(found: Mapping[tuple[str, str, date], PlanDay], cell: Cell) -> float:
    if cell.channel is not Channel.SMS:
        return 1.0
    tally = _day_of(found, cell).tally
    return tally.parts / tally.recipients if tally.recipients and tally.parts else 1.0


def _load(key: int, cell: Cell, parts_each: float, rules: PlanningRules, now: datetime) -> Load:
    return Load(
        key=key,
        lane=cell.owed.campaign.purpose.lane,
        parts=cell.count * parts_each,
        spans=open_spans(cell, rules, now),
        use_by=cell.use_by,
    )


def open_spans(cell: Cell, rules: PlanningRules, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return when the cell's messages may leave: the allowed hours between their due time and the end of their use."""
    policy, purpose = rules.policies.country(cell.country), cell.owed.campaign.purpose
    windows = contact_window(policy, purpose, urgent=purpose is Purpose.EMERGENCY)
    zones = zones_for(cell.owed.zone or None, cell.country, rules.policies)
    spans, at = [], max(cell.due_at, now)
    while at < cell.use_by:
        try:
            opens = next_open(windows, zones, at)
        except NeverOpensError:
            break
        if opens >= cell.use_by:
            break
        closes = closes_at(windows, zones, opens) or cell.use_by
        spans.append((opens, min(closes, cell.use_by)))
        at = closes
    return spans


def _note(day: PlanDay, cell: Cell, load: Load, passage: Passage) -> None:
    if passage.start is not None:
        day.start = passage.start if day.start is None else min(day.start, passage.start)
    if passage.finish is not None:
        day.finish = passage.finish if day.finish is None else max(day.finish, passage.finish)
        margin = cell.use_by - passage.finish
        day.margin = margin if day.margin is None else min(day.margin, margin)
    if passage.left:
        day.too_late += round(cell.count * passage.left / load.parts)


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
