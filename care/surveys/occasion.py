"""The occasion of a resolved ticket: asked at the moment its follow-up names, reminded once, stopped when reopened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from care.base.database import Instant
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_day
from care.campaigns.model import REMINDER_LEG, Campaign
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.occasions import KINDS
from care.campaigns.scalars import Duration, Name, TimeOfDay, write_duration
from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages.tables import message
from care.surveys.commitments import Promise
from care.surveys.model import FollowUpState, Survey
from care.surveys.occasion_open import TicketOpenSpec
from care.surveys.occasion_sample import RandomSampleSpec
from care.surveys.occasion_words import Within, default_result, event_word
from care.surveys.reminding import has_been_heard
from care.surveys.tables import follow_up

PREFIX = "ticket"
"""How the occasion of a message begins that asks about a ticket; its subject is the follow-up's external id."""

LONGEST_RESULT = 60
_VARIABLES = frozenset({"date", "ref", "service_event", "result", "staff", "area"})
_MIDNIGHT = time(0)
_S = FollowUpState

asked_ticket = (
    sa.select(
        follow_up.c.external_id,
        follow_up.c.kind,
        follow_up.c.is_capped,
        follow_up.c.resolved_at,
        follow_up.c.call_deadline_at,
        ticket.c.external_id.label("ref"),
        ticket_resolution.c.address_hash,
        ticket_resolution.c.result,
        ticket_resolution.c.staff,
        ticket_resolution.c.area,
    )
    .select_from(
        follow_up.join(ticket_resolution, ticket_resolution.c.id == follow_up.c.resolution_id).join(
            ticket, ticket.c.id == ticket_resolution.c.ticket_id
        )
    )
    .subquery("asked_ticket")
)
"""What an invitation speaks of: the ticket as it was when it was resolved, and the number that reported it."""


def _newest(column: sa.ColumnElement[Any]) -> Any:
    newest = sa.func.coalesce(sa.func.max(sa.type_coerce(column, sa.BigInteger)), 0)
    return sa.type_coerce(sa.select(newest).scalar_subquery(), sa.BigInteger)


NEWS = sa.select(_newest(follow_up.c.id), _newest(follow_up.c.state_at))
"""Changes whenever something may have become due; two look-ups at the end of an index, each a query of its own:
asked for both at once SQLite reads all of it."""


def unplanned(campaign: Campaign) -> sa.CompoundSelect[Any]:
    """Return zone and moment of whom to ask or remind, `:since` to `:until`, where the ledger has no message for it.

    One look at an index for all days and zones, so that a tick with nothing to plan costs next to nothing.
    """
    return _unplanned(campaign.id, tuple(leg for leg, _ in campaign.legs))


@lru_cache(maxsize=64)
def _unplanned(campaign_id: str, legs: tuple[str, ...]) -> sa.CompoundSelect[Any]:
    mine = follow_up.c.campaign_id == campaign_id
    since, until = (sa.bindparam(name, type_=Instant) for name in ("since", "until"))

    def rows(at: sa.Column[datetime], states: list[str], legs: Sequence[str]) -> sa.Select[Any]:
        is_reminder = sa.literal(at is follow_up.c.remind_at, sa.Boolean)
        found = sa.select(customer.c.timezone, at.label("at"), is_reminder.label("is_reminder")).join_from(
            follow_up, customer, follow_up.c.customer_id == customer.c.id
        )
        waits = sa.or_(*(sa.not_(_is_planned(leg)) for leg in legs))
        return found.where(mine, follow_up.c.state.in_(states), at >= since, at < until, waits)

    return sa.union_all(
        rows(follow_up.c.due_at, [str(_S.DUE)], legs), rows(follow_up.c.remind_at, _REMINDABLE, [REMINDER_LEG])
    )


def _is_planned(leg: str) -> sa.ColumnElement[bool]:
    there = sa.exists().where(
        message.c.campaign_id == follow_up.c.campaign_id,
        message.c.occasion == occasion_key(),
        message.c.customer_id == follow_up.c.customer_id,
        message.c.leg == leg,
    )
    return there.correlate(follow_up)


def occasion_key() -> sa.ColumnElement[str]:
    """Return the key of the message about a follow-up: ticket:T-881:r1."""
    return sa.literal(f"{PREFIX}:") + follow_up.c.external_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketResolved:
    """Owed once per resolution that the follow-up took on for this campaign; once more as a reminder."""

    kind: ClassVar[str] = "ticket_resolved"
    campaign: str
    of: tuple[str, ...]
    survey: Survey
    delay: timedelta
    promise: Promise
    call_promise: Promise | None
    remind_after: timedelta | None
    close_after: timedelta
    is_capped: bool
    office_closes: time

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return those whose moment lies on this local day, and those to be reminded on it."""
        clock = load_zone(zone)
        first = instant_at(day, _MIDNIGHT, clock)
        last = instant_at(day + timedelta(days=1), _MIDNIGHT, clock)
        mine = follow_up.c.campaign_id == self.campaign
        due = sa.and_(mine, follow_up.c.state == str(_S.DUE), _between(follow_up.c.due_at, first, last))
        asked = sa.and_(mine, follow_up.c.state.in_(_REMINDABLE), _between(follow_up.c.remind_at, first, last))
        reminder = [self._due(day, follow_up.c.remind_at, asked, is_reminder=True)] if self.remind_after else []
        return [self._due(day, follow_up.c.due_at, due, is_reminder=False), *reminder]

    def _due(self, day: date, at: sa.Column[datetime], where: sa.ColumnElement[bool], *, is_reminder: bool) -> Due:
        reporter = sa.select(ticket_resolution.c.address_hash).where(
            ticket_resolution.c.id == follow_up.c.resolution_id
        )
        return Due(
            occasion=occasion_key(),
            occasion_on=day,
            due_at=at,
            where=where,
            joined=follow_up,
            on=follow_up.c.customer_id == customer.c.id,
            subject=follow_up.c.external_id,
            deadline=None if is_reminder else follow_up.c.deadline_at,
            also_to=reporter.correlate(follow_up).scalar_subquery(),
            told=asked_ticket,
            is_reminder=is_reminder,
        )

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return: the ticket stands resolved as it was, and nobody has asked; for a reminder, nor been heard."""
        invite = sa.and_(message.c.leg != REMINDER_LEG, follow_up.c.state.in_([str(_S.DUE), str(_S.INVITED)]))
        reminder = sa.and_(
            message.c.leg == REMINDER_LEG,
            follow_up.c.state.in_([*_REMINDABLE, str(_S.REMINDED)]),
            sa.not_(has_been_heard()),
        )
        asked = sa.select(sa.literal(1)).select_from(
            follow_up.join(ticket_resolution, ticket_resolution.c.id == follow_up.c.resolution_id).join(
                ticket, ticket.c.id == ticket_resolution.c.ticket_id
            )
        )
        return (
            asked.where(
                follow_up.c.external_id == message.c.subject,
                follow_up.c.customer_id == message.c.customer_id,
                follow_up.c.campaign_id == self.campaign,
                stands_resolved(),
                sa.or_(invite, reminder),
            )
            .correlate(message)
            .exists()
        )

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day of the resolution, the ticket's number, what it was, and its result in short."""
        said = facts.subject or {}
        resolved_at: datetime | None = said.get("resolved_at")
        day = resolved_at.astimezone(load_zone(facts.zone)).date() if resolved_at else facts.occasion_on
        given: dict[str, str | int] = {
            "date": format_day(day, facts.locale),
            "service_event": event_word(str(said.get("kind") or self.of[0]), facts.locale),
            "result": _shortened(said.get("result") or "") or default_result(facts.locale),
        }
        return given | {name: str(said[name]) for name in ("ref", "staff", "area") if said.get(name)}

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return _VARIABLES

    def describe(self) -> str:
        """Return the occasion in plain English."""
        parts = [f"{write_duration(self.delay)} after {_one(self.of)} is resolved, {self.promise.describe()}"]
        if self.survey is Survey.CES:
            parts.append("asking how easy it was")
        if self.call_promise is not None:
            parts.append(f"{self.call_promise.describe()} of the first call")
        if self.remind_after is not None:
            parts.append(f"one reminder after {write_duration(self.remind_after)}")
        return ", ".join(parts)


def _one(kinds: Sequence[str]) -> str:
    """Return the kinds with their article: a repair or complaint, an installation."""
    article = "an" if kinds[0].startswith(("a", "e", "i", "o", "u")) else "a"
    return f"{article} {' or '.join(kinds)}"


_REMINDABLE = [str(_S.INVITED), str(_S.DELIVERED)]


def stands_resolved() -> sa.ColumnElement[bool]:
    """Return: the ticket is resolved now, by this resolution and no later one."""
    return sa.and_(ticket.c.resolved_at.is_not(None), ticket.c.resolutions == ticket_resolution.c.n)


def _between(column: sa.Column[datetime], first: datetime, last: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= first, column < last)


def _shortened(text: str) -> str:
    words = " ".join(text.split()).rstrip(".。!！")
    return words if len(words) <= LONGEST_RESULT else words[: LONGEST_RESULT - 1] + "…"


class PromiseSpec(BaseModel):
    """One commitment: `72h`, `1 working day`, or `{within: 72h, name: repair_72h, source: service handbook}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    within: Within = Field(description="hours, or working days of the operator", examples=["72h", "1 working day"])
    name: Name | None = Field(None, description="how figures name it", max_length=32)
    source: str = Field("", max_length=200, description="where it is written")

    def build(self, about: str) -> Promise:
        """Return the promise; its name tells what it counts from and how long."""
        days = self.within if isinstance(self.within, int) else 0
        within = None if isinstance(self.within, int) else self.within
        length = f"{days}wd" if within is None else f"{within // timedelta(hours=1)}h"
        return Promise(name=self.name or f"{about}_{length}", within=within, working_days=days, source=self.source)


def _as_promise(value: Any) -> Any:
    return {"within": value} if isinstance(value, str) else value


class TicketResolvedSpec(OccasionSpec):
    """After a ticket is resolved: `{kind: ticket_resolved, of: [repair], delay: 2h, deadline: 72h}`."""

    kind: Literal["ticket_resolved"]
    of: tuple[Name, ...] = Field(min_length=1, description="kinds of tickets", examples=["[repair]"])
    asks: Literal["satisfaction", "effort"] = Field("satisfaction", description="effort: how easy it was, 1 to 7")
    delay: Duration = Field(timedelta(hours=2), description="how long after the resolution, hours permitting")
    deadline: PromiseSpec = Field(description="by when after the resolution the customer must have been asked")
    call_deadline: PromiseSpec | None = Field(None, description="by when after the customer's first call")
    remind_after: Duration | None = Field(None, description="who has not answered is reminded once, at another hour")
    close_after: Duration = Field(timedelta(days=7), description="who has not answered by then is asked no more")
    capped: bool = Field(True, description="one question per customer in 30 days; false: always asked, never merged")
    office_closes: TimeOfDay = Field(time(18), description="when the operator's working day ends")

    _deadline = field_validator("deadline", "call_deadline", mode="before")(_as_promise)

    def build(self, around: Surroundings) -> Occasion:
        """Return the occasion."""
        return TicketResolved(
            campaign=around.campaign,
            of=self.of,
            survey=Survey.CES if self.asks == "effort" else Survey.TICKET,
            delay=self.delay,
            promise=self.deadline.build(self.of[0]),
            call_promise=self.call_deadline.build("first_call") if self.call_deadline else None,
            remind_after=self.remind_after,
            close_after=self.close_after,
            is_capped=self.capped,
            office_closes=self.office_closes,
        )


OCCASIONS: Mapping[str, type[OccasionSpec]] = {
    **KINDS,
    "ticket_resolved": TicketResolvedSpec,
    "ticket_open": TicketOpenSpec,
    "sample": RandomSampleSpec,
}
"""Every kind of occasion that campaign files may name."""
