"""Festivals of the calendar, on the day itself or some days before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field

from care.base.errors import InputError
from care.calendars.festivals import FESTIVALS, UnknownFestivalError, festival_date
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, OptionError, Surroundings
from care.campaigns.scalars import TenByDefault

_ANY_YEAR = 2026  # names are looked up around it


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """Owed once for each festival of that name; nothing is due where the festival does not exist."""

    kind: ClassVar[str] = "holiday"
    name: str
    at: time
    country: str
    days_before: int = 0

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return everyone, if the festival is kept `days_before` days after `day`."""
        kept = day + timedelta(days=self.days_before)
        if festival_date(self.name, kept.year, self.country) != kept:
            return []
        return [
            Due(
                occasion=f"holiday:{self.name}:{kept.year}",
                occasion_on=day,
                due_at=instant_at(day, self.at, load_zone(zone)),
                where=sa.true(),
            )
        ]

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return nothing: a festival is not called off."""
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day of the festival and how many days are left until it."""
        kept = facts.occasion_on + timedelta(days=self.days_before)
        return {"date": format_day(kept, facts.locale), "days_left": self.days_before}

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return frozenset({"date", "days_left"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        festival = FESTIVALS.get(self.name)
        called = festival.english if festival else self.name.partition(":")[2]
        when = {0: "on", 1: "on the day before"}.get(self.days_before, f"{self.days_before} days before")
        return f"{when} {called} at {format_clock(self.at)} (as kept in {self.country})"


class HolidaySpec(OccasionSpec):
    """On a festival: `{kind: holiday, name: mid_autumn, days_before: 1, at: "10:00"}`."""

    kind: Literal["holiday"]
    name: str = Field(description="see `care calendar list`, or COUNTRY:English name of a public holiday")
    at: TenByDefault = time(10)
    days_before: int = Field(0, ge=0, le=60)
    country: str | None = Field(None, pattern="^[A-Z]{2}$", description="whose calendar; the operator's by default")

    def build(self, around: Surroundings) -> Occasion:
        """Return the occasion; the festival must be one the calendar knows.

        Raises:
            OptionError: no festival has this name, or the country keeps none so called.
        """
        country = self.country or around.country
        own = self.name.partition(":")[0].strip().upper() if ":" in self.name else country
        name = f"{own}:{self.name.partition(':')[2].strip()}" if ":" in self.name else self.name
        try:
            kept = [festival_date(name, _ANY_YEAR + n, country) for n in range(4)]
        except UnknownFestivalError as error:
            raise OptionError("name", f"festival '{error.name}' is not known", error.fix) from None
        except InputError as error:
            raise OptionError("name", str(error).rstrip("."), "See: care calendar list") from None
        if not any(kept):
            raise OptionError(
                "name", f"festival '{name}' is not kept in {country}", "Name the country: country: GB, for example"
            )
        return Holiday(name=name, at=self.at, days_before=self.days_before, country=own)
