"""Who keeps their room in a plan, and who takes it: what is approved, or needs no approval, goes before what waits.

A promise is asked for beside all that is sure to go. What waits for approval takes no room until somebody approves
it; each campaign that waits is looked at as if it were the next to be approved.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from care.base.vocabulary import Channel
from care.campaigns.model import Campaign
from care.planning.admission import PROMISED, Word
from care.planning.approvals import must_wait
from care.planning.backlog import PageKey, Waiting
from care.planning.forecast import Cell
from care.reports.plan_days import Judged, Neighbour, PlanDay
from care.reports.plan_times import Desk, first_channel, schedule

Pages = Mapping[PageKey, PlanDay]
Day = tuple[str, date]
"""Campaign id and local day: what is approved at once."""

_Verdicts = Mapping[tuple[PageKey, Channel, str], Judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Floor:
    """What every look at the plan shares."""

    backlog: Sequence[Waiting]
    desk: Desk
    known: Collection[Campaign]

    def enter(self, pages: Pages, cells: Sequence[Cell]) -> None:
        """Work out the times of pages, with these cells and what the ledger has besides."""
        schedule(pages, cells, self.backlog, desk=self.desk, known=self.known)


def share_out(
    pages: Pages,
    cells: Sequence[Cell],
    backlog: Sequence[Waiting],
    *,
    desk: Desk,
    known: Collection[Campaign],
    approved: Mapping[Day, int],
) -> dict[PageKey, list[str]]:
    """Work out start, finish, margin and admission of each page.

    `approved` tells how many customers somebody has seen of a day. Returned are the pages that fit now, but not once
    all is approved that waits and could be, with the campaigns these would have to share with.
    """
    floor = _Floor(backlog=backlog, desk=desk, known=known)
    waits = _waiting_pages(pages, approved, desk.rules.approval_above)
    sure = [cell for cell in cells if _key(cell) not in waits]
    floor.enter(pages, sure)
    kept = _verdicts(pages)
    _name_neighbours(pages, kept, [key for key in pages if key not in waits], floor, cells)
    hopeful: dict[str, list[Cell]] = {}
    for campaign_id in sorted({key[0] for key in waits}):
        mine = [key for key in waits if key[0] == campaign_id]
        tried, asked = _blank(pages), [cell for cell in cells if _key(cell) in mine]
        floor.enter(tried, [*sure, *asked])  # behind the others: with the same deadline these keep their room
        _keep_room(tried, kept, mine)
        _name_neighbours(tried, kept, mine, floor, cells)
        if not any(one.admission.word is Word.REFUSED for key in mine for one in tried[key].judged):
            hopeful[campaign_id] = asked
        for key in mine:
            _take_over(pages[key], tried[key])
    return _crowded(pages, sure, hopeful, floor) if len(hopeful) > 1 else {}


def _waiting_pages(pages: Pages, approved: Mapping[Day, int], above: int | None) -> set[PageKey]:
    """Return the pages of local days that wait: all legs of a day wait when its first leg does."""
    days = set()
    for (campaign_id, leg, day), page in pages.items():
        seen = approved.get((campaign_id, day))
        if leg == page.campaign.legs[0][0] and must_wait(page.campaign, page.qualify, seen, above):
            days.add((campaign_id, day))
    return {key for key in pages if (key[0], key[2]) in days}


def _keep_room(tried: Pages, kept: _Verdicts, mine: Collection[PageKey]) -> None:
    """Refuse pages that fit only because another promise of their lane, which could be kept, could be no more."""
    now = _verdicts(tried)
    for key in mine:
        page = tried[key]
        for n, one in enumerate(page.judged):
            if page.campaign.purpose not in PROMISED or one.admission.word is not Word.FITS:
                continue
            lost = [now[other] for other in _pushed_out(tried, kept, now, key, one)]
            if lost:
                missing = sum(other.admission.missing for other in lost)
                no = replace(one.admission, word=Word.REFUSED, margin=None, missing=missing)
                page.judged[n] = replace(one, admission=no)


def _pushed_out(
    pages: Pages, kept: _Verdicts, now: _Verdicts, key: PageKey, one: Judged
) -> Iterator[tuple[PageKey, Channel, str]]:
    purpose = pages[key].campaign.purpose
    for other, before in kept.items():
        if other[1:] != (one.channel, one.sender) or pages[other[0]].campaign.purpose is not purpose:
            continue
        if before.admission.word is Word.FITS and now[other].admission.word is not Word.FITS:
            yield other


def _name_neighbours(
    pages: Pages, kept: _Verdicts, mine: Collection[PageKey], floor: _Floor, cells: Sequence[Cell]
) -> None:
    """Enter who takes the room of each promise that would fit if it were alone."""
    now = _verdicts(pages)
    for key in mine:
        page = pages[key]
        if all(one.admission.word is not Word.REFUSED for one in page.judged):
            continue
        alone = _blank({key: page})
        own = [cell for cell in cells if _key(cell) == key]
        schedule(alone, own, (), desk=floor.desk, known=floor.known)
        fits = {one.channel for one in alone[key].judged if one.admission.word is Word.FITS}
        for n, one in enumerate(page.judged):
            if one.admission.word is Word.REFUSED and one.channel in fits:
                lost = {other[0] for other in _pushed_out(pages, kept, now, key, one)}
                found = [*_beside(pages, key, one, lost), *_before(page, one, floor)]
                page.judged[n] = replace(one, beside=tuple(sorted(found, key=lambda each: -each.parts)))


def _beside(pages: Pages, key: PageKey, one: Judged, lost: Collection[PageKey]) -> Iterator[Neighbour]:
    """Yield the other pages that leave through the same sender before a page, or would have to stay for it."""
    lane, deadline = pages[key].campaign.purpose.lane, one.admission.deadline
    for other, page in pages.items():
        its = page.campaign.purpose.lane
        for each in page.judged if other != key else ():
            if (each.channel, each.sender) != (one.channel, one.sender):
                continue
            is_before = its < lane or (its == lane and each.admission.deadline <= deadline)
            leaves = page.start is not None and page.start < deadline
            if other in lost or (is_before and leaves):
                yield Neighbour(campaign=page.campaign.name, day=page.day, parts=each.admission.parts)


def _before(page: PlanDay, one: Judged, floor: _Floor) -> Iterator[Neighbour]:
    """Yield what the ledger has of other pages that leaves before a page, by campaign."""
    known = {campaign.id: campaign for campaign in floor.known}
    found: dict[str, float] = {}
    lane, deadline = page.campaign.purpose.lane, one.admission.deadline
    for each in floor.backlog:
        channel = each.channel or first_channel(each, known.get(each.campaign_id))
        if (channel, floor.desk.senders.get(each.purpose, "")) != (one.channel, one.sender):
            continue
        if each.due_at < deadline and (each.purpose.lane, each.use_by) <= (lane, deadline):
            parts = each.count * (floor.desk.usual_parts if channel is Channel.SMS else 1.0)
            found[each.campaign_id] = found.get(each.campaign_id, 0) + parts
    for campaign_id, parts in found.items():
        name = known[campaign_id].name if campaign_id in known else campaign_id
        yield Neighbour(campaign=name, day=None, parts=parts)


def _crowded(
    pages: Pages, sure: Sequence[Cell], hopeful: Mapping[str, Sequence[Cell]], floor: _Floor
) -> dict[PageKey, list[str]]:
    whole = _blank(pages)
    floor.enter(whole, [*sure, *itertools.chain(*hopeful.values())])
    then = _verdicts(whole)
    names = {key[0]: page.campaign.name for key, page in pages.items() if key[0] in hopeful}
    return {
        which[0]: sorted(name for campaign_id, name in names.items() if campaign_id != which[0][0])
        for which, one in _verdicts(pages).items()
        if which in then and one.admission.word is Word.FITS and then[which].admission.word is not Word.FITS
    }


def _verdicts(pages: Pages) -> _Verdicts:
    return {(key, one.channel, one.sender): one for key, page in pages.items() for one in page.judged}


def _blank(pages: Pages) -> dict[PageKey, PlanDay]:
    """Return pages without the figures of any pass; counts and tallies are shared, and stay as they are."""
    return {
        key: replace(page, start=None, finish=None, margin=None, too_late=0, judged=[]) for key, page in pages.items()
    }


def _take_over(page: PlanDay, tried: PlanDay) -> None:
    page.start, page.finish, page.margin = tried.start, tried.finish, tried.margin
    page.too_late, page.judged = tried.too_late, tried.judged


def _key(cell: Cell) -> PageKey:
    return cell.owed.campaign.id, cell.owed.leg, cell.owed.occasion_on
