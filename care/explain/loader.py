"""Gathers the facts for the chain of decisions, with the planner's own predicates."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.ids import group_position
from care.base.vocabulary import Channel, Purpose
from care.calendars.walltime import instant_at
from care.campaigns.model import Campaign
from care.campaigns.states import cancelled_ids
from care.customers.model import Suppression, SuppressionReason, SuppressionScope
from care.customers.tables import consent_now, contact_point, customer, suppression
from care.explain.caps import CapCount
from care.explain.coming import lacks, next_due, owed_rows
from care.explain.facts import CampaignFacts, Lot, Owed, Person, Stop, Word
from care.explain.snapshot import Snapshot
from care.messages.stops import EVERYTHING, campaign_scope, purpose_scope, standing_pauses
from care.messages.tables import message
from care.planning.permission import has_open_contact, silences
from care.planning.selection import PlanningRules
from care.policy.windows import NeverOpensError, contact_window, next_open, zones_for
from care.reports.log import Entry, entries_by_id
from care.segments.explain import explain_rule, first_failure


def end_of_day(day: date, zone: str) -> datetime:
    """Return the instant at which a local day is over."""
    return instant_at(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))


def load_facts(
    conn: sa.Connection, snap: Snapshot, campaign: Campaign, *, day: date, rules: PlanningRules, now: datetime
) -> CampaignFacts:
    """Return what the chain looks at: the record from the snapshot, ledger and stops from the database."""
    zone = snap.row["timezone"] or rules.operator_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    owed = _owed(snap, campaign, day, zone)
    entries, is_older = _entries(conn, snap, campaign, day, owed)
    due_at = min((one.due_at for one in owed), default=None)
    purpose = campaign.purpose
    lacking = "" if owed else lacks(snap, campaign.occasion, day=day, zone=zone)
    is_answered = bool(owed or entries or lacking)
    verdict = explain_rule(snap.conn, campaign.audience, rules.book, snap.customer_id, as_of=day, facts=rules.facts)
    counted = CapCount(conn=conn, snap=snap, rules=rules, purpose=purpose, owed=owed, entries=entries).verdict()
    return CampaignFacts(
        campaign_id=campaign.id,
        name=campaign.name,
        purpose=purpose,
        channels=campaign.channels,
        occasion=campaign.occasion.describe(),
        day=day,
        today=today,
        zone=zone,
        person=_person(snap.row),
        owed=owed,
        next_on=None if is_answered else next_due(snap, campaign.occasion, after=day, zone=zone),
        lacks=lacking,
        disqualified=first_failure(verdict),
        contacts=_contacts(snap),
        suppressions=_suppressions(snap, purpose),
        open_channels=_open_channels(snap, campaign),
        consents=_consents(snap, campaign, rules),
        lot=_lot(snap, campaign),
        stops=_stops(conn, campaign, now) if day >= today else (),
        opens_at=_opens_at(snap, purpose, rules, due_at),
        cap=counted.cap,
        kept_back=counted.kept_back,
        messages=entries,
        is_older_plan=is_older,
    )


def _owed(snap: Snapshot, campaign: Campaign, day: date, zone: str) -> list[Owed]:
    found = [row for due in campaign.occasion.select_due(day, zone) for row in owed_rows(snap, due)]
    return [
        Owed(occasion=row["occasion"], due_at=row["due_at"], use_by=row["due_at"] + campaign.use_within)
        for row in sorted(found, key=lambda row: (row["due_at"], row["occasion"]))
    ]


def _entries(
    conn: sa.Connection, snap: Snapshot, campaign: Campaign, day: date, owed: Sequence[Owed]
) -> tuple[list[Entry], bool]:
    """Return the ledger's messages for the day or for what is owed on it, and whether an older file planned them."""
    wanted = sa.or_(message.c.occasion_on == day, message.c.occasion.in_([one.occasion for one in owed]))
    rows = conn.execute(
        sa.select(message.c.id, message.c.plan_digest).where(
            message.c.customer_id == snap.customer_id, message.c.campaign_id == campaign.id, wanted
        )
    ).all()
    is_older = any(row.plan_digest != campaign.digest[:16] for row in rows)
    return entries_by_id(conn, [row.id for row in rows]), is_older


def _person(row: Mapping[str, Any]) -> Person:
    return Person(
        erased_at=row["erased_at"],
        has_left=row["status"] == "left",
        left_on=row["left_on"],
        deceased=row["deceased"],
        minor=row["minor"],
        hardship=row["hardship"],
    )


def _contacts(snap: Snapshot) -> frozenset[Channel]:
    return frozenset(Channel(word) for word in snap.conn.execute(sa.select(contact_point.c.channel)).scalars())


def _open_channels(snap: Snapshot, campaign: Campaign) -> frozenset[Channel]:
    asked = [has_open_contact(channel, campaign.purpose).label(str(channel)) for channel in campaign.channels]
    row = snap.conn.execute(sa.select(*asked).select_from(customer)).mappings().one()
    return frozenset(channel for channel in campaign.channels if row[str(channel)])


def _suppressions(snap: Snapshot, purpose: Purpose) -> dict[Channel, list[Suppression]]:
    names = [suppression.c[name] for name in Suppression.__dataclass_fields__]
    rows = snap.conn.execute(sa.select(*names).where(silences(purpose)).order_by(suppression.c.id)).mappings()
    found: dict[Channel, list[Suppression]] = {}
    for row in rows:
        words = {"scope": SuppressionScope(row["scope"]), "reason": SuppressionReason(row["reason"])}
        found.setdefault(Channel(row["channel"]), []).append(Suppression(**(dict(row) | words)))
    return found


def _consents(snap: Snapshot, campaign: Campaign, rules: PlanningRules) -> dict[Channel, Word]:
    rule = rules.policies.country(snap.row["country"]).consent_rule(campaign.purpose)
    said = snap.conn.execute(sa.select(consent_now).where(consent_now.c.purpose == str(campaign.purpose)))
    by_channel = {row.channel: row for row in said}
    return {
        channel: Word(rule=rule, given=row.given if row else None, at=row.at if row else None)
        for channel in campaign.channels
        for row in [by_channel.get(str(channel))]
    }


def _lot(snap: Snapshot, campaign: Campaign) -> Lot | None:
    if campaign.holdout is None:
        return None
    group, share = campaign.holdout.group, campaign.holdout.share
    return Lot(group=group, share=share, position=group_position(snap.row["draw"], group))


def _stops(conn: sa.Connection, campaign: Campaign, now: datetime) -> list[Stop]:
    scopes = {EVERYTHING, campaign_scope(campaign.id), purpose_scope(campaign.purpose)}
    stops = [
        Stop(scope=one.scope, until=one.until, by=one.by) for one in standing_pauses(conn, now) if one.scope in scopes
    ]
    if campaign.id in cancelled_ids(conn):
        stops.append(Stop(scope=campaign_scope(campaign.id), is_cancelled=True))
    return stops


def _opens_at(snap: Snapshot, purpose: Purpose, rules: PlanningRules, due_at: datetime | None) -> datetime | None:
    if due_at is None:
        return None
    country, row = rules.policies.country(snap.row["country"]), snap.row
    windows = contact_window(country, purpose, urgent=purpose is Purpose.EMERGENCY, area=row["area"])
    try:
        return next_open(windows, zones_for(row["timezone"], row["country"], rules.policies), due_at)
    except NeverOpensError:
        return None
