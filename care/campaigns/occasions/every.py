"""Again and again, by a cron line on the customer's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field, field_validator

from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.occasions.cron import Cron, CronError, parse_cron
from care.campaigns.scalars import mistake

_MOST_TIMES_A_DAY = 4
_EXAMPLE = '"0 10 15 2,5,8,11 *" is 10:00 on the 15th of four months: minute hour day month weekday'


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Owed at each local time that the cron line names; once per local time, also when a clock is set back."""

    kind: ClassVar[str] = "every"
    cron: str
    times: Cron = field(repr=False)

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return everyone, once per time of the day."""
        clock = load_zone(zone)
        return [
            Due(
                occasion=f"every:{day.isoformat()}T{format_clock(at)}",
                occasion_on=day,
                due_at=instant_at(day, at, clock),
                where=sa.true(),
            )
            for at in self.times.times_on(day)
        ]

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return nothing: the hour stands."""
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day."""
        return {"date": format_day(facts.occasion_on, facts.locale)}

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return frozenset({"date"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        at = [format_clock(time(hour, minute)) for hour in self.times.hours for minute in self.times.minutes]
        return f"again and again at {' and '.join(sorted(at))} on the days of the cron line '{self.cron}'"


class EverySpec(OccasionSpec):
    """By a cron line on the customer's clock: `{kind: every, cron: "0 10 15 2,5,8,11 *"}`."""

    kind: Literal["every"]
    cron: str = Field(description="minute hour day month weekday", examples=["0 10 15 2,5,8,11 *"])

    @field_validator("cron", mode="before")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        try:
            times = parse_cron(str(value))
        except CronError as error:
            raise mistake(f"cron line '{value}': {error}", _EXAMPLE) from None
        if len(times.minutes) * len(times.hours) > _MOST_TIMES_A_DAY:
            raise mistake(
                f"cron line '{value}' is due more than {_MOST_TIMES_A_DAY} times a day", f"Name fewer times: {_EXAMPLE}"
            )
        return value

    def build(self, around: Surroundings) -> Occasion:  # noqa: ARG002 - local time is one everywhere
        """Return the occasion."""
        return Every(cron=self.cron, times=parse_cron(self.cron))
