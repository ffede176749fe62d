"""When a plan would be done, and whether what it promises fits: every sender is one queue, all campaigns share it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from care.base.vocabulary import Channel, Purpose
from care.calendars.walltime import load_zone
from care.campaigns.model import Campaign
from care.planning.admission import PROMISED, Admission, admit, promised_rate
from care.planning.backlog import PageKey, Waiting
from care.planning.capacity import Load, Passage, Spans, pass_through, without
from care.planning.forecast import Cell
from care.planning.selection import PlanningRules
from care.policy.model import Windows
from care.policy.windows import NeverOpensError, closes_at, contact_window, next_open, zones_for
from care.reports.plan_closed import Closed
from care.reports.plan_days import Judged, PlanDay

Pages = Mapping[PageKey, PlanDay]
Sender = tuple[Channel, str]
"""A channel and the name it sends under, '' for the channel's own: each has a pace of its own."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What sending goes by: rules, parts or mails per second, who sends what, and the instant of the plan."""

    rules: PlanningRules
    rates: Mapping[Channel, float]
    senders: Mapping[str, str]
    now: datetime
    usual_parts: float = 1.0  # of an SMS whose text is not at hand
    closed: Mapping[Channel, Sequence[Closed]] = field(default_factory=dict)  # times without a carrier, in order

    def hours(self, purpose: Purpose, country: str) -> Windows:
        """Return when a purpose may be sent in a country."""
        policy = self.rules.policies.country(country)
        return contact_window(policy, purpose, urgent=purpose is Purpose.EMERGENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One load with what it is made of."""

    load: Load
    windows: Windows
    zones: tuple[str, ...]
    hours: Spans  # allowed ones, whether somebody carries then or not
    closed: Sequence[Closed]  # times without a carrier
    cell: Cell | None = None  # None: waits in the ledger beside the plan

    def earlier(self, since: datetime) -> Spans:
        """Return the hours it would have if it were due at an instant."""
        return _carried(_spans(self.windows, self.zones, since, self.load.use_by), self.closed)

    def hindered(self, passage: Passage) -> Iterator[Closed]:
        """Yield the times without a carrier that fall into its hours before it is done."""
        done = passage.finish if passage.finish is not None and not passage.left else self.load.use_by
        for each in self.closed:
            if each.starts_at < done and any(a < each.ends_at and each.starts_at < b for a, b in self.hours):
                yield each


def schedule(
    pages: Pages, cells: Sequence[Cell], backlog: Sequence[Waiting], *, desk: Desk, known: Collection[Campaign]
) -> None:
    """Work out start, finish, margin and admission of each page."""
    first = {campaign.id: campaign for campaign in known}
    queues: dict[Sender, list[_Item]] = {}
    for cell in cells:
        if cell.would_go and cell.channel is not None:
            purpose = cell.owed.campaign.purpose
            queue = queues.setdefault((cell.channel, desk.senders.get(purpose, "")), [])
            queue.append(_planned(len(queue), cell, cell.channel, desk))
    for one in backlog:
        channel = one.channel or first_channel(one, first.get(one.campaign_id))
        queue = queues.setdefault((channel, desk.senders.get(one.purpose, "")), [])
        queue.append(_waiting(len(queue), one, channel, desk))
    for sender, queue in queues.items():
        _pass(pages, sender, queue, desk)


def _pass(pages: Pages, sender: Sender, queue: Sequence[_Item], desk: Desk) -> None:
    loads, rate = [item.load for item in queue], desk.rates[sender[0]]
    passages = pass_through(loads, rate_per_second=rate)
    sure = pass_through(loads, rate_per_second=promised_rate(rate))
    mine: dict[PageKey, list[_Item]] = {}
    for item in queue:
        if item.cell is not None:
            _note(_page_of(pages, item.cell), item.cell, item.load, passages[item.load.key])
            mine.setdefault(_key(item.cell), []).append(item)
    for key, items in mine.items():
        page = pages[key]
        found = admit(
            loads,
            {item.load.key for item in items},
            sure,
            rate_per_second=rate,
            is_promised=page.campaign.purpose in PROMISED,
            earlier=lambda load, since: queue[load.key].earlier(since),
        )
        hindered = {each for item in items for each in item.hindered(passages[item.load.key])}
        page.judged.append(_judged(sender, found, items, sorted(hindered, key=lambda each: each.starts_at)))


def _judged(sender: Sender, found: Admission, items: Sequence[_Item], hindered: Sequence[Closed]) -> Judged:
    item = next((item for item in items if item.load.key == found.key), items[0])
    zone = item.zones[0] if len(item.zones) == 1 else ""
    last = found.deadline - timedelta(microseconds=1)  # a deadline at midnight ends the day before
    day = last.astimezone(load_zone(zone or item.zones[0])).date()
    hours = _hours(item.windows, day)
    return Judged(channel=sender[0], sender=sender[1], admission=found, hours=hours, zone=zone, closed=tuple(hindered))


def _hours(windows: Windows, day: date) -> str:
    if windows.is_any_time:
        return "00:00-24:00"
    spans = windows.days[day.weekday()]
    return " and ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in spans)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _key(cell: Cell) -> PageKey:
    return cell.owed.campaign.id, cell.owed.leg, cell.owed.occasion_on


def _page_of(pages: Pages, cell: Cell) -> PlanDay:
    return pages[_key(cell)]


def first_channel(one: Waiting, campaign: Campaign | None) -> Channel:
    """Return the channel that is tried first for what has not been tried yet."""
    legs = dict(campaign.legs) if campaign else {}
    return legs.get(one.leg, (Channel.SMS,))[0]


def _planned(key: int, cell: Cell, channel: Channel, desk: Desk) -> _Item:
    purpose = cell.owed.campaign.purpose
    parts = cell.count * (cell.parts_each if channel is Channel.SMS else 1.0)
    load = Load(key=key, lane=purpose.lane, parts=parts, spans=(), use_by=cell.use_by)
    zones = zones_for(cell.owed.zone or None, cell.country, desk.rules.policies)
    item = _Item(
        load=load,
        windows=desk.hours(purpose, cell.country),
        zones=zones,
        hours=(),
        closed=desk.closed.get(channel, ()),
        cell=cell,
    )
    return _opened(item, max(cell.due_at, desk.now))


def _waiting(key: int, one: Waiting, channel: Channel, desk: Desk) -> _Item:
    country = one.country or ""
    parts = one.count * (desk.usual_parts if channel is Channel.SMS else 1.0)
    load = Load(key=key, lane=one.purpose.lane, parts=parts, spans=(), use_by=one.use_by)
    zones = zones_for(one.zone, country, desk.rules.policies)
    item = _Item(
        load=load,
        windows=desk.hours(one.purpose, country),
        zones=zones,
        hours=(),
        closed=desk.closed.get(channel, ()),
    )
    return _opened(item, max(one.due_at, desk.now))


def _opened(item: _Item, since: datetime) -> _Item:
    hours = _spans(item.windows, item.zones, since, item.load.use_by)
    return replace(item, hours=hours, load=replace(item.load, spans=_carried(hours, item.closed)))


def _carried(hours: Spans, closed: Sequence[Closed]) -> Spans:
    return without(hours, [(each.starts_at, each.ends_at) for each in closed]) if closed else hours


def _spans(windows: Windows, zones: tuple[str, ...], since: datetime, until: datetime) -> Spans:
    """Return the allowed hours from `since` to `until`."""
    spans, at = [], since
    while at < until:
        try:
            opens = next_open(windows, zones, at)
        except NeverOpensError:
            break
        if opens >= until:
            break
        closes = closes_at(windows, zones, opens) or until
        spans.append((opens, min(closes, until)))
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
