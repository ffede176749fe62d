"""Anniversaries of joining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, ClassVar, Literal, Self

import sqlalchemy as sa
from pydantic import Field, model_validator

from care.calendars.birthdays import Feb29Policy, tenure_anniversaries_on
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.scalars import TenByDefault, mistake
from care.customers.tables import customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """Owed on the anniversary of joining: in the years named, or in every year from one on."""

    kind: ClassVar[str] = "tenure"
    at: time
    years: tuple[int, ...] = ()
    every_from: int | None = None
    feb29: Feb29Policy = Feb29Policy.FEB28

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return those who joined on this day of a year that counts."""
        keys = tenure_anniversaries_on(day, self.feb29)
        return [
            Due(
                occasion=f"tenure:{day.year}",
                occasion_on=day,
                due_at=instant_at(day, self.at, load_zone(zone)),
                where=sa.and_(customer.c.joined_mmdd.in_(keys), self._year_counts(day)),
            )
        ]

    def _year_counts(self, day: date) -> sa.ColumnElement[bool]:
        joined = customer.c.joined_on
        if self.every_from is not None:
            return joined < date(day.year - self.every_from + 1, 1, 1)
        years = [day.year - n for n in self.years]
        return sa.or_(*(joined.between(date(year, 1, 1), date(year, 12, 31)) for year in years))

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return nothing: who has left is kept out by the rules of contact."""
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the whole years together, and the day."""
        given: dict[str, str | int] = {"date": format_day(facts.occasion_on, facts.locale)}
        joined = facts.customer.get("joined_on")
        if joined is not None:
            given["years"] = facts.occasion_on.year - joined.year
        return given

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return frozenset({"date", "years"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        if self.every_from is not None:
            which = f"each anniversary of joining from year {self.every_from} on"
        else:
            which = f"the anniversary of joining in year {', '.join(map(str, self.years))}"
        return f"on {which}, at {format_clock(self.at)}"


class TenureSpec(OccasionSpec):
    """On anniversaries of joining: `{kind: tenure, years: [1, 5, 10]}` or `{kind: tenure, every_from: 5}`."""

    kind: Literal["tenure"]
    at: TenByDefault = time(10)
    years: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field((), description="these years only")
    every_from: Annotated[int, Field(ge=1, le=99)] | None = Field(None, description="each year from this one on")
    feb29: Feb29Policy = Field(Feb29Policy.FEB28, description="when 29 February is kept in other years")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.years) == (self.every_from is not None):
            raise mistake("it needs either 'years' or 'every_from'", "Write years: [1, 5, 10] or every_from: 5")
        return self

    def build(self, around: Surroundings) -> Occasion:  # noqa: ARG002 - an anniversary is one everywhere
        """Return the occasion."""
        years = tuple(sorted(set(self.years)))
        return Tenure(at=self.at, years=years, every_from=self.every_from, feb29=self.feb29)
