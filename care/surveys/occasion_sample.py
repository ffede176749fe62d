"""The occasion of a random sample: would you recommend us, asked of a share of the households in each round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final, Literal, Self

import sqlalchemy as sa
from pydantic import Field, model_validator

from care.base.ids import MERSENNE_31
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.scalars import Duration, Share, TenByDefault, mistake, write_duration
from care.customers.tables import customer
from care.messages.tables import message
from care.surveys.model import Survey
from care.surveys.obstacles import RESTS, asked_lately, drawn_lately, open_matters
from care.surveys.sampling import SHORTEST, Every, Lottery, Round, round_of

PREFIX: Final = "nps"
"""How the occasion of a message begins that asks a random sample: nps:2026Q4."""

_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSample:
    """Owed once per round to those drawn, on the day their lot names, unless something keeps them from being asked."""

    kind: ClassVar[str] = "sample"
    survey: ClassVar[Survey] = Survey.NPS
    lottery: Lottery
    not_again_within: timedelta
    at: time

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return those whose lot names this day and whom nothing keeps from being asked."""
        places = self.lottery.places_on(day)
        if places is None:
            return []
        free = (sa.not_(standing) for standing in self.obstacles(day, zone).values())
        return [
            Due(
                occasion=self.key(day),
                occasion_on=day,
                due_at=self._due_at(day, zone),
                where=sa.and_(self._has_place(day, places), *free),
            )
        ]

    def key(self, day: date) -> str:
        """Return the key of the round of a day: nps:2026Q4."""
        return f"{PREFIX}:{self._round(day).name}"

    def obstacles(self, day: date, zone: str) -> Mapping[str, sa.ColumnElement[bool]]:
        """Return what keeps a customer who is drawn for a day from being asked on it, by its words."""
        who, campaign, key = customer.c.id, self.lottery.campaign, self.key(day)
        at = self._due_at(day, zone)
        before = day - timedelta(days=self.not_again_within.days)
        return {
            **open_matters(who),
            f"was asked something in the {RESTS.days} days before": asked_lately(who, campaign, key, at - RESTS, at),
            f"was drawn before, within {write_duration(self.not_again_within)}": drawn_lately(
                who, campaign, key, before
            ),
            "is one of our staff": customer.c.customer_type == "staff",
        }

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return: nothing of the customer is open, and nothing else was asked of them meanwhile."""
        who = message.c.customer_id
        since = sa.type_coerce(message.c.due_at, sa.BigInteger) - int(RESTS.total_seconds()) * _MICROS
        lately = asked_lately(who, self.lottery.campaign, message.c.occasion, since)
        return sa.not_(sa.or_(lately, *open_matters(who).values()))

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day."""
        return {"date": format_day(facts.occasion_on, facts.locale)}

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return frozenset({"date"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        lottery = self.lottery
        last = lottery.first_day + lottery.days - 1
        return (
            f"for {100 * lottery.share:.4g}% of the households, drawn by lot in each {lottery.every.words} and asked "
            f"from its day {lottery.first_day} to its day {last} at {format_clock(self.at)}, nobody again within "
            f"{write_duration(self.not_again_within)}"
        )

    def _round(self, day: date) -> Round:
        return round_of(day, self.lottery.every)

    def _due_at(self, day: date, zone: str) -> datetime:
        return instant_at(day, self.at, load_zone(zone))

    def _has_place(self, day: date, places: tuple[int, int]) -> sa.ColumnElement[bool]:
        """Return: the household's place lies between; the same arithmetic as in `Lottery.draw`."""
        a, b = self.lottery.line(self._round(day))
        lot, big = sa.cast(customer.c.draw, sa.BigInteger), sa.BigInteger
        place = (lot * sa.literal(a, big) + sa.literal(b, big)) % sa.literal(MERSENNE_31, big)
        first, end = places
        return sa.and_(place >= sa.literal(first, big), place < sa.literal(end, big))


class RandomSampleSpec(OccasionSpec):
    """A random sample in each round: `{kind: sample, share: 5%, every: quarter, not_again_within: 180d}`."""

    kind: Literal["sample"]
    share: Share = Field(description="of the households of the audience, drawn by lot", examples=["5%"])
    every: Every = Field(Every.QUARTER, description="how often the sample is drawn anew")
    not_again_within: Duration = Field(timedelta(days=180), description="nobody is asked twice within, whole days")
    first_day: int = Field(1, ge=1, le=365, description="day of the round on which asking begins")
    days: int | None = Field(None, ge=1, le=365, description="over how many days; to the end of the round by default")
    at: TenByDefault = time(10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        room = SHORTEST[self.every]
        if self.first_day + (self.days or 1) - 1 > room:
            problem = f"asking would go on after the {self.every.words}, which may have only {room} days"
            raise mistake(problem, "Let 'first_day' and 'days' end before it")
        if self.not_again_within < timedelta(days=1) or self.not_again_within % timedelta(days=1):
            raise mistake("'not_again_within' is not whole days", "Write it as 180d")
        return self

    def build(self, around: Surroundings) -> Occasion:
        """Return the occasion."""
        room = SHORTEST[self.every] - self.first_day + 1
        lottery = Lottery(
            campaign=around.campaign,
            installation=around.installation(),
            every=self.every,
            share=self.share,
            first_day=self.first_day,
            days=self.days or room,
        )
        return RandomSample(lottery=lottery, not_again_within=self.not_again_within, at=self.at)
