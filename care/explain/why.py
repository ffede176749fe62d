"""`care why`: why a customer did, or did not, get something on a day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.campaigns.model import Campaign
from care.customers.tables import customer
from care.explain.answer import Answer, Kind, answer, tell
from care.explain.chain import clock
from care.explain.follow_ups import Told, follow_ups_before
from care.explain.loader import end_of_day, load_facts
from care.explain.snapshot import Snapshot, snapshot
from care.explain.whom import find_customer
from care.messages.tables import message
from care.planning.selection import PlanningRules
from care.reports.log import Entry, entries_by_id
from care.reports.providers import failovers


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answers for one customer and day, the most telling first; `headline` is the answer in one line."""

    customer: str
    day: date
    zone: str
    is_past: bool
    headline: str
    answers: Sequence[Answer]
    others: Sequence[Entry]  # messages of the day from campaigns not asked about or no longer there
    notes: tuple[str, ...] = ()
    follow_ups: Sequence[Told] = ()  # of the tickets resolved in the weeks before


def explain_why(
    conn: sa.Connection,
    customer_word: str,
    campaigns: Collection[Campaign],
    *,
    on: date | None,
    rules: PlanningRules,
    now: datetime,
    gone_id: str | None = None,
) -> Explanation:
    """Return why the customer did or did not get each campaign on a day, None meaning today on the customer's clock.

    A past day is judged by the record as it stood when that day ended, a day to come by the record of now. `gone_id`
    is a campaign that only the ledger knows.

    Raises:
        UnknownCustomerError: with the nearest id.
    """
    customer_id = find_customer(conn, customer_word)
    home = conn.execute(sa.select(customer.c.timezone).where(customer.c.id == customer_id)).scalar()
    zone = home or rules.operator_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    day = on or today
    at = end_of_day(day, zone) if day < today else None
    with snapshot(conn, customer_id, at=at) as snap:
        if snap.is_recorded:
            found = [
                answer(load_facts(conn, snap, one, day=day, rules=rules, now=now), notes=snap.notes)
                for one in campaigns
            ]
        else:
            found = [_not_recorded(conn, snap, one, day=day, zone=zone) for one in campaigns]
        notes = tuple(snap.notes) if snap.is_recorded else ()
    answers = sorted(found, key=lambda one: one.order)
    shown = {entry.id for one in answers for entry in one.messages}
    others = [entry for entry in _of_day(conn, customer_id, day, gone_id) if entry.id not in shown]
    notes += _other_ways(conn, [*shown, *(entry.id for entry in others)])
    told = follow_ups_before(conn, customer_id, min(now, end_of_day(day, zone)), zone)
    asked_all = gone_id is None and len(campaigns) != 1
    if not asked_all and gone_id is None:
        others = []
    return Explanation(
        customer=customer_word,
        day=day,
        zone=zone,
        is_past=day < today,
        headline=_headline(customer_word, day, zone, answers, others, single=not asked_all),
        answers=answers,
        others=others,
        notes=notes,
        follow_ups=told,
    )


def _other_ways(conn: sa.Connection, message_ids: Sequence[int]) -> tuple[str, ...]:
    """Tell of messages that went through another provider than the first, and why."""
    whys = dict.fromkeys(failovers(conn, message_ids).values())
    return tuple(f"sent through another provider, as {why}" for why in whys)


def _of_day(conn: sa.Connection, customer_id: int, day: date, campaign_id: str | None) -> list[Entry]:
    """Return the customer's messages of a day; of a campaign that is gone, every one there is."""
    which = message.c.occasion_on == day if campaign_id is None else message.c.campaign_id == campaign_id
    ids = conn.execute(sa.select(message.c.id).where(message.c.customer_id == customer_id, which)).scalars().all()
    return entries_by_id(conn, ids)


def _not_recorded(conn: sa.Connection, snap: Snapshot, campaign: Campaign, *, day: date, zone: str) -> Answer:
    entries = [one for one in _of_day(conn, snap.customer_id, day, None) if one.campaign_id == campaign.id]
    if entries:
        text, kind = "; ".join(tell(entry, zone) for entry in entries), Kind.MESSAGE
    else:
        text, kind = f"not recorded: the first record is of {clock(snap.created_at, zone)}", Kind.NOT_RECORDED
    return Answer(
        campaign_id=campaign.id, name=campaign.name, kind=kind, text=text, brief=text, messages=tuple(entries)
    )


def _headline(
    word: str, day: date, zone: str, answers: Sequence[Answer], others: Sequence[Entry], *, single: bool
) -> str:
    if single:
        lines = [f"{one.name}: {one.text}" for one in answers]
        lines += [f"{entry.campaign_id}: {tell(entry, zone)}" for entry in others]
        return "; ".join(lines) or f"{word} never had a message of this campaign, and its file is gone"
    telling = [one for one in answers if one.kind in (Kind.MESSAGE, Kind.EXPECTED, Kind.FORBIDDEN, Kind.MISSING)]
    names = [one.name for one in telling] + [entry.campaign_id for entry in others]
    if names:
        return f"{word} on {day}: {', '.join(names)}"
    if answers and all(one.kind is Kind.NOT_RECORDED for one in answers):
        return f"{word} on {day}: {answers[0].text}"
    qualified = [one for one in answers if one.kind is Kind.NEVER_QUALIFIED]
    if qualified:
        due = ", ".join(one.name for one in qualified)
        return f"{word} on {day}: nothing, though {due} was due: {qualified[0].text}"
    return f"{word} on {day}: nothing was due"
