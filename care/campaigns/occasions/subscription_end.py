"""The end of a subscription's term, told some days and hours before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field, field_validator
from sqlalchemy.ext.compiler import compiles

from care.base.database import Instant
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day, format_end, format_money
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.scalars import Lead, LeadTime, TenByDefault, mistake
from care.customers.tables import customer, subscription
from care.messages.tables import message

_MIDNIGHT = time(0)
_MICROS_PER_HOUR = 3_600_000_000
_TERM_WORDS = ("plan", "service", "area")
_VARIABLES = frozenset(
    {"date", *_TERM_WORDS, "subscription_id", "amount", "end_date", "end_at", "days_left", "renew_date", "cancel_by"}
)


class AutoRenew(StrEnum):
    """Whether terms that renew by themselves are told of their end."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"  #: nobody else: the notice before a renewal that nobody has to ask for


_RENEWING = {AutoRenew.EXCLUDE: "but not", AutoRenew.INCLUDE: "also", AutoRenew.ONLY: "only"}


class _IsoDay(sa.sql.functions.GenericFunction[str]):
    """A day as 2027-01-31, whatever date style a server is set to: keys must never change their form."""

    type = sa.String()
    inherit_cache = True
    name = "care_iso_day"


@compiles(_IsoDay)
def _iso_day(element: Any, compiler: Any, **options: Any) -> str:
    return f"strftime('%Y-%m-%d', {compiler.process(element.clauses, **options)})"


@compiles(_IsoDay, "postgresql")
def _iso_day_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)}, 'YYYY-MM-DD')"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnd:
    """Owed before a term ends, once per subscription, end date and lead; stops when the end date moves."""

    kind: ClassVar[str] = "subscription_end"
    before: tuple[Lead, ...]
    at: time
    auto_renew: AutoRenew = AutoRenew.EXCLUDE

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return the terms whose lead begins on this local day: one set per lead, longest first."""
        return [
            self._by_days(lead, day, zone) if lead.days else self._by_hours(lead, day, zone) for lead in self.before
        ]

    def _by_days(self, lead: Lead, day: date, zone: str) -> Due:
        return Due(
            occasion=_key(lead),
            occasion_on=day,
            due_at=instant_at(day, self.at, load_zone(zone)),
            where=sa.and_(subscription.c.ends_on == day + timedelta(days=lead.days), self._counts()),
            joined=subscription,
            on=subscription.c.customer_id == customer.c.id,
            subject=subscription.c.external_id,
        )

    def _by_hours(self, lead: Lead, day: date, zone: str) -> Due:
        clock, ahead = load_zone(zone), timedelta(hours=lead.hours)
        first = instant_at(day, _MIDNIGHT, clock) + ahead
        last = instant_at(day + timedelta(days=1), _MIDNIGHT, clock) + ahead
        ends = subscription.c.ends_at
        micros = sa.type_coerce(ends, sa.BigInteger) - sa.literal(lead.hours * _MICROS_PER_HOUR, sa.BigInteger)
        return Due(
            occasion=_key(lead),
            occasion_on=day,
            due_at=sa.type_coerce(micros, Instant),
            where=sa.and_(ends >= first, ends < last, subscription.c.ends_on.is_not(None), self._counts()),
            joined=subscription,
            on=subscription.c.customer_id == customer.c.id,
            subject=subscription.c.external_id,
        )

    def _counts(self) -> sa.ColumnElement[bool]:
        if self.auto_renew is AutoRenew.INCLUDE:
            return sa.true()
        return subscription.c.auto_renew.is_(self.auto_renew is AutoRenew.ONLY)

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return whether the subscription still ends on the day the key names, for a customer who has not left."""
        term = sa.select(sa.literal(1)).select_from(
            subscription.join(customer, customer.c.id == subscription.c.customer_id)
        )
        return (
            term.where(
                subscription.c.external_id == message.c.subject,
                customer.c.id == message.c.customer_id,
                customer.c.status == "active",
                message.c.occasion.in_([_key(lead) for lead in self.before]),
                self._counts(),
            )
            .correlate(message)
            .exists()
        )

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return plan, service, area, amount, the end and the days left; what is not known is left out."""
        term = facts.subject or {}
        given: dict[str, str | int] = {"date": format_day(facts.occasion_on, facts.locale)}
        given |= {name: term[name] for name in _TERM_WORDS if term.get(name)}
        if term.get("external_id"):
            given["subscription_id"] = term["external_id"]
        if term.get("monthly_amount_minor") is not None:
            given["amount"] = format_money(term["monthly_amount_minor"], facts.currency, facts.locale)
        ends_on = term.get("ends_on")
        if ends_on is not None:
            given["end_date"] = given["cancel_by"] = format_day(ends_on, facts.locale)
            given["renew_date"] = format_day(ends_on + timedelta(days=1), facts.locale)
            given["days_left"] = (ends_on - facts.occasion_on).days
            given["end_at"] = format_end(_local_end(term, facts.zone), facts.locale)
        return given

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return _VARIABLES

    def describe(self) -> str:
        """Return the occasion in plain English."""
        days = [f"{lead.days}" for lead in self.before if lead.days]
        hours = [f"{lead.hours}" for lead in self.before if lead.hours]
        parts = [f"{_listed(days)} day{'s' * (days != ['1'])} at {format_clock(self.at)}"] if days else []
        parts += [f"exactly {_listed(hours)} hour{'s' * (hours != ['1'])}"] if hours else []
        return (
            f"{' and '.join(parts)} before a subscription ends, {_RENEWING[self.auto_renew]} where it renews by itself"
        )


class SubscriptionEndSpec(OccasionSpec):
    """Before a term ends: `{kind: subscription_end, before: [60d, 30d, 7d, 24h], at: "10:00"}`."""

    kind: Literal["subscription_end"]
    before: tuple[LeadTime, ...] = Field(min_length=1, description="days at the hour of `at`, or exact hours")
    at: TenByDefault = time(10)
    auto_renew: AutoRenew = Field(AutoRenew.EXCLUDE, description="terms that renew by themselves")

    @field_validator("before", mode="before")
    @classmethod
    def _one_is_a_list_too(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("before")
    @classmethod
    def _each_once(cls, value: tuple[Lead, ...]) -> tuple[Lead, ...]:
        if len(set(value)) < len(value):
            raise mistake("a lead is named twice", "Name each lead once")
        return value

    def build(self, around: Surroundings) -> Occasion:  # noqa: ARG002 - a term ends the same way everywhere
        """Return the occasion."""
        longest_first = tuple(sorted(self.before, key=Lead.as_timedelta, reverse=True))
        return SubscriptionEnd(before=longest_first, at=self.at, auto_renew=self.auto_renew)


def _key(lead: Lead) -> sa.ColumnElement[str]:
    """Return the key as SQL: subscription_end:S77:2027-01-31:30d."""
    day: sa.ColumnElement[str] = _IsoDay(subscription.c.ends_on)
    return sa.literal("subscription_end:") + subscription.c.external_id + ":" + day + f":{lead}"


def _local_end(term: Mapping[str, Any], zone: str) -> datetime:
    ends_at: datetime | None = term.get("ends_at")
    if ends_at is None:
        return datetime.combine(term["ends_on"] + timedelta(days=1), _MIDNIGHT)
    return ends_at.astimezone(load_zone(zone))


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
