"""Who is owed what: one SELECT per campaign leg, local day, zone and occasion set."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from care.base.database import Instant, to_micros
from care.base.ids import MERSENNE_31, group_line
from care.base.vocabulary import Channel
from care.campaigns.model import REMINDER_LEG, Campaign
from care.campaigns.occasion import Due
from care.customers.tables import customer
from care.messages.model import MessageStatus
from care.messages.stops import WAITS_FOR_APPROVAL
from care.messages.tables import message
from care.planning.permission import ConsentByCountry, reason_not_to_write
from care.planning.zones import clock_of
from care.policy.model import Policies
from care.segments.book import SegmentBook
from care.segments.compile import compile_rule
from care.segments.facts import Fact

UNKNOWN_ZONE = ""
"""Stands for customers whose zone is not known; the operator's wall clock is used and windows must agree."""

PLAN_COLUMNS = (
    "campaign_id",
    "occasion",
    "customer_id",
    "leg",
    "occasion_on",
    "subject",
    "purpose",
    "lane",
    "status",
    "reason",
    "due_at",
    "use_by",
    "wake_at",
    "plan_digest",
    "planned_at",
    "status_at",
)
"""Columns of `message` that planning writes, in the order of `OwedSet.rows`."""

LATE = "late"
Ids = tuple[int, int]
"""First and last id of a range, both included."""

Unplanned = Callable[[Campaign], sa.Select[Any] | sa.CompoundSelect[Any]]
"""Rows of `timezone`, `at`, `is_reminder`: what a campaign may owe, `:since` to `:until`, that has no message yet."""


@dataclass(frozen=True, kw_only=True)
class PlanningRules:
    """What selections need besides the campaign: policy, segments, facts, the operator's own zone."""

    policies: Policies
    book: SegmentBook
    operator_zone: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    rates: Mapping[Channel, float] = field(default_factory=dict)  # parts, or mails, per second
    approval_above: int | None = None  # customers of a campaign's day from which on it waits to be approved
    news: Mapping[str, sa.Select[Any]] = field(default_factory=dict)  # kind of occasion: one row that changes with it
    unplanned: Mapping[str, Unplanned] = field(default_factory=dict)  # kind of occasion: what to plan, in one query


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Where due times lie: from `begin` seconds after the hour of the occasion on, over `length` seconds."""

    begin: int
    length: int


@dataclass(frozen=True, kw_only=True)
class OwedSet:
    """Customers to whom one leg of a campaign is owed for one local day in one zone."""

    campaign: Campaign
    leg: str
    channels: tuple[Channel, ...]
    zone: str
    due: Due
    rules: PlanningRules
    now: datetime
    waits: bool = False  # for an approval
    stretches: Mapping[str, Stretch] = field(default_factory=dict)  # by country, '' elsewhere; none: all at once

    @property
    def occasion_on(self) -> date:
        """Return the local day the books enter the set under."""
        return self.due.occasion_on

    @cached_property
    def _occasion(self) -> sa.ColumnElement[str]:
        occasion = self.due.occasion
        return sa.literal(occasion, sa.String) if isinstance(occasion, str) else occasion

    @cached_property
    def _due_at(self) -> sa.ColumnElement[Any]:
        """Return when each message is due: a household has its own place in the stretch, the same at every planning."""
        if not self.stretches:
            return self._hour
        a, b = group_line(f"spread:{self.campaign.id}:{self.occasion_on}")
        big = sa.BigInteger
        lot = sa.cast(customer.c.draw, big)
        place = (lot * sa.literal(a, big) + sa.literal(b, big)) % sa.literal(MERSENNE_31, big)

        def seconds(stretch: Stretch) -> sa.ColumnElement[Any]:
            into = place * sa.literal(stretch.length, big) // sa.literal(MERSENNE_31, big)
            return into + sa.literal(stretch.begin, big)

        elsewhere = self.stretches[""]
        own = {code: stretch for code, stretch in self.stretches.items() if stretch != elsewhere}
        branches = [(customer.c.country == code, seconds(stretch)) for code, stretch in sorted(own.items())]
        after = sa.case(*branches, else_=seconds(elsewhere)) if branches else seconds(elsewhere)
        return self._hour + after * sa.literal(1_000_000, big)

    @cached_property
    def _hour(self) -> sa.ColumnElement[Any]:
        """Microseconds as plain integers: both databases add and compare them alike."""
        if isinstance(self.due.due_at, datetime):
            return sa.literal(to_micros(self.due.due_at), sa.BigInteger)
        return sa.type_coerce(self.due.due_at, sa.BigInteger)

    @cached_property
    def source(self) -> sa.FromClause:
        """Return `customer`, joined to what the occasion speaks of."""
        if self.due.joined is None or self.due.on is None:
            return customer
        return customer.join(self.due.joined, self.due.on)

    @cached_property
    def qualifies(self) -> sa.ColumnElement[bool]:
        """Return who qualifies: active here, in the audience, and the occasion is theirs today.

        Whoever has left qualifies for nothing but what is owed under the contract.
        """
        parts = [customer.c.erased_at.is_(None), self.due.where, self._lives_here()]
        if not self.campaign.purpose.is_service:
            parts.append(customer.c.status == "active")
        parts.append(
            compile_rule(self.campaign.audience, self.rules.book, as_of=self.occasion_on, facts=self.rules.facts)
        )
        return sa.and_(*parts)

    def _lives_here(self) -> sa.ColumnElement[bool]:
        if self.zone == UNKNOWN_ZONE:
            return customer.c.timezone.is_(None)
        return customer.c.timezone == self.zone

    @cached_property
    def in_ledger(self) -> sa.Exists:
        """Return: the ledger has this customer's row already."""
        return sa.exists().where(
            message.c.campaign_id == self.campaign.id,
            message.c.occasion == self._occasion,
            message.c.customer_id == customer.c.id,
            message.c.leg == self.leg,
        )

    def missing(self, between: Ids | None = None) -> sa.Select[Any]:
        """Return the ids that qualify and have no row yet: what the independent count counts.

        `between` narrows to customer ids from the first to the second, both included.
        """
        ids, seen = sa.select(customer.c.id).select_from(self.source).where(self.qualifies), self.in_ledger
        if between is not None:  # the ledger's side too: else each chunk reads the whole occasion again
            ids, seen = ids.where(customer.c.id.between(*between)), seen.where(message.c.customer_id.between(*between))
        return ids.where(sa.not_(seen))

    def reason(self) -> sa.ColumnElement[str | None]:
        """Return why the customer may not get it, NULL when they may."""
        rules = ConsentByCountry.read(self.rules.policies, self.campaign.purpose)
        return reason_not_to_write(self.campaign, self.channels, rules, also_to=self.due.also_to)

    @cached_property
    def _use_by(self) -> sa.ColumnElement[Any]:
        use_by = self._hour + int(self.campaign.use_within.total_seconds() * 1_000_000)
        if self.due.deadline is None:
            return use_by
        deadline = sa.type_coerce(self.due.deadline, sa.BigInteger)
        return sa.case((sa.and_(deadline > self._hour, deadline < use_by), deadline), else_=use_by)

    def rows(self, between: Ids | None = None) -> sa.Select[Any]:
        """Return the rows as planning writes them, one column per name in `PLAN_COLUMNS`.

        `between` narrows to customer ids from the first to the second, both included.
        """
        subject = sa.null() if self.due.subject is None else self.due.subject
        whom = self.qualifies if between is None else sa.and_(customer.c.id.between(*between), self.qualifies)
        owed = (
            sa.select(
                customer.c.id.label("customer_id"),
                self._occasion.label("occasion"),
                subject.label("subject"),
                self._due_at.label("due_at"),
                self._use_by.label("use_by"),
                self.reason().label("reason"),
            )
            .select_from(self.source)
            .where(whom)
            .offset(0)  # a fence: else both databases work the reason out once per mention below
        ).subquery("owed")
        late = owed.c.use_by <= to_micros(self.now)
        status = sa.case(
            (owed.c.reason.is_not(None), sa.literal(str(MessageStatus.SKIPPED))),
            (late, sa.literal(str(MessageStatus.EXPIRED))),
            else_=sa.literal(str(MessageStatus.HELD if self.waits else MessageStatus.PLANNED)),
        )
        stays: sa.ColumnElement[Any] = sa.literal(WAITS_FOR_APPROVAL) if self.waits else sa.null()
        at = sa.literal(self.now, Instant)
        constants: dict[str, Any] = {
            "campaign_id": sa.literal(self.campaign.id),
            "occasion": owed.c.occasion,
            "customer_id": owed.c.customer_id,
            "leg": sa.literal(self.leg),
            "occasion_on": sa.literal(self.occasion_on, sa.Date),
            "subject": owed.c.subject,
            "purpose": sa.literal(str(self.campaign.purpose)),
            "lane": sa.literal(self.campaign.purpose.lane),
            "status": status,
            "reason": sa.case((owed.c.reason.is_not(None), owed.c.reason), (late, sa.literal(LATE)), else_=stays),
            "due_at": owed.c.due_at,
            "use_by": owed.c.use_by,
            "wake_at": owed.c.use_by if self.waits else owed.c.due_at,
            "plan_digest": sa.literal(self.campaign.digest[:16]),
            "planned_at": at,
            "status_at": at,
        }
        columns = (constants[name].label(name) for name in PLAN_COLUMNS)
        return sa.select(*columns).where(sa.true())  # SQLite reads "FROM owed ON CONFLICT" as a join otherwise


def owed_sets(
    campaign: Campaign,
    *,
    days: Iterator[date],
    zone: str,
    rules: PlanningRules,
    now: datetime,
    waits: Collection[date] = (),
) -> Iterator[OwedSet]:
    """Yield every set of a campaign for the given local days in one zone; those of days in `waits` wait."""
    clock_zone = clock_of(zone, rules.operator_zone)
    for day in days:
        for due in campaign.occasion.select_due(day, clock_zone):
            for leg, channels in ((REMINDER_LEG, campaign.channels),) if due.is_reminder else campaign.legs:
                yield OwedSet(
                    campaign=campaign,
                    leg=leg,
                    channels=channels,
                    zone=zone,
                    due=due,
                    rules=rules,
                    now=now,
                    waits=due.occasion_on in waits,
                )
