"""The occasion of a ticket that stays open: asked once per round of it how it is being dealt with, while it is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Final, Literal

import sqlalchemy as sa
from pydantic import Field

from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.scalars import Duration, Name, TenByDefault, write_duration
from care.customers.tables import customer
from care.customers.tickets.tables import ticket
from care.messages.tables import message
from care.surveys.model import Survey
from care.surveys.occasion_words import event_word
from care.surveys.tables import survey_session

PREFIX: Final = "in_process"
"""How the occasion of a message begins that asks about an open ticket; its subject is the ticket's own id."""

_VARIABLES: Final = frozenset({"date", "days", "ref", "service_event"})

begun_at = sa.func.coalesce(ticket.c.reopened_at, ticket.c.opened_at)
"""When the round began in which a ticket is open now."""

open_ticket = sa.select(
    ticket.c.external_id,
    ticket.c.external_id.label("ref"),
    ticket.c.kind,
    begun_at.label("begun_at"),
    ticket.c.contact_hash.label("address_hash"),
).subquery("open_ticket")
"""What the question speaks of: the ticket as it stands, and the number that reported it."""


def open_key() -> sa.ColumnElement[str]:
    """Return the key of the question about a ticket: in_process:T-881:0, the number of times it was resolved last."""
    return sa.literal(f"{PREFIX}:") + ticket.c.external_id + ":" + sa.cast(ticket.c.resolutions, sa.String)


def about_open_ticket() -> sa.ColumnElement[bool]:
    """Return: the subject of this `message` is an open ticket."""
    return message.c.occasion.startswith(f"{PREFIX}:", autoescape=True)


def ticket_of_session(session_id: sa.ColumnElement[Any]) -> sa.ScalarSelect[str | None]:
    """Return the open ticket that a conversation asks about, NULL for other surveys."""
    asked = sa.select(message.c.subject).join(survey_session, survey_session.c.message_id == message.c.id)
    return (
        asked.where(survey_session.c.id == session_id, about_open_ticket())
        .correlate_except(message, survey_session)
        .scalar_subquery()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOpen:
    """Owed once to whoever's ticket has been open for so long; over when it is resolved before the question leaves."""

    kind: ClassVar[str] = "ticket_open"
    survey: ClassVar[Survey] = Survey.IN_PROCESS
    campaign: str
    of: tuple[str, ...]
    after: timedelta
    at: time

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return the tickets that are old enough at the hour of this day, those of days before among them."""
        due_at = instant_at(day, self.at, load_zone(zone))
        old_enough = sa.and_(self.is_open(), begun_at <= due_at - self.after)
        return [
            Due(
                occasion=open_key(),
                occasion_on=day,
                due_at=due_at,
                where=sa.and_(old_enough, customer.c.customer_type != "staff", sa.not_(self.was_asked_before(day))),
                joined=ticket,
                on=ticket.c.customer_id == customer.c.id,
                subject=ticket.c.external_id,
                also_to=ticket.c.contact_hash,
            )
        ]

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return: the ticket is open, in the same round."""
        same = sa.and_(ticket.c.external_id == message.c.subject, ticket.c.customer_id == message.c.customer_id)
        found = sa.select(sa.literal(1)).select_from(ticket)
        return found.where(same, self.is_open(), open_key() == message.c.occasion).correlate(message).exists()

    def was_asked_before(self, day: date) -> sa.ColumnElement[bool]:
        """Return: the ledger has the question about this round of the `ticket`, for another day than this."""
        asked = message.alias("asked")
        same = sa.and_(asked.c.campaign_id == self.campaign, asked.c.occasion == open_key())
        found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(asked)
        mine = found.where(same, asked.c.customer_id == ticket.c.customer_id, asked.c.occasion_on != day)
        return mine.correlate_except(asked).exists()

    def is_open(self) -> sa.ColumnElement[bool]:
        """Return: a `ticket` of the kinds asked about is open, and no try."""
        return sa.and_(
            ticket.c.kind.in_(self.of),
            ticket.c.resolved_at.is_(None),
            ticket.c.closed_at.is_(None),
            ticket.c.is_test.is_(False),
        )

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day on which it began, the days since, the ticket's number and what it is."""
        said = facts.subject or {}
        begun: datetime | None = said.get("begun_at")
        day = begun.astimezone(load_zone(facts.zone)).date() if begun else facts.occasion_on - self.after
        given: dict[str, str | int] = {
            "date": format_day(day, facts.locale),
            "days": (facts.occasion_on - day).days,
            "service_event": event_word(str(said.get("kind") or self.of[0]), facts.locale),
        }
        return given | ({"ref": str(said["ref"])} if said.get("ref") else {})

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return _VARIABLES

    def describe(self) -> str:
        """Return the occasion in plain English."""
        what = " or ".join(self.of)
        return (
            f"once while a {what} is open, {write_duration(self.after)} after it was opened, at {format_clock(self.at)}"
        )


class TicketOpenSpec(OccasionSpec):
    """While a ticket stays open: `{kind: ticket_open, of: [complaint], after: 5d}`."""

    kind: Literal["ticket_open"]
    of: tuple[Name, ...] = Field(min_length=1, description="kinds of tickets", examples=["[complaint]"])
    after: Duration = Field(timedelta(days=5), description="how long it has been open; a reopening counts anew")
    at: TenByDefault = time(10)

    def build(self, around: Surroundings) -> Occasion:
        """Return the occasion."""
        return TicketOpen(campaign=around.campaign, of=self.of, after=self.after, at=self.at)
