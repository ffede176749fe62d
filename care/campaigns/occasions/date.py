"""One named day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import ClassVar, Literal

import sqlalchemy as sa

from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.scalars import Day, TenByDefault


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDate:
    """Owed once, on one day of the calendar, at an hour of the customer's clock."""

    kind: ClassVar[str] = "date"
    on: date
    at: time

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return everyone on that day, nobody on others."""
        if day != self.on:
            return []
        due_at = instant_at(day, self.at, load_zone(zone))
        return [Due(occasion=f"date:{day.isoformat()}", occasion_on=day, due_at=due_at, where=sa.true())]

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return nothing: the day stands."""
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day."""
        return {"date": format_day(facts.occasion_on, facts.locale)}

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return frozenset({"date"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        return f"on {self.on.isoformat()} at {format_clock(self.at)}"


class DateSpec(OccasionSpec):
    """On one day: `{kind: date, on: 2027-01-01, at: "10:00"}`."""

    kind: Literal["date"]
    on: Day
    at: TenByDefault = time(10)

    def build(self, around: Surroundings) -> Occasion:  # noqa: ARG002 - a date is one everywhere
        """Return the occasion."""
        return OnDate(on=self.on, at=self.at)
