"""Birthdays, solar and lunar, each in the calendar in which the customer keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field

from care.calendars.birthdays import Feb29Policy, month_day_key, solar_birthdays_on
from care.calendars.lunar import LunarBirthdayKey, lunar_birthdays_on
from care.calendars.walltime import instant_at, load_zone
from care.campaigns.formats import format_clock, format_day
from care.campaigns.occasion import Due, Occasion, OccasionFacts, OccasionSpec, Surroundings
from care.campaigns.scalars import Day, TenByDefault
from care.customers.tables import customer

PLACEHOLDERS = (date(1900, 1, 1), date(1970, 1, 1))
"""Days that other systems write for 'not known': greeting them would wish half the base well on 1 January."""

_FEB29_WORDS = {
    Feb29Policy.FEB28: "29 February kept on the 28th in other years",
    Feb29Policy.MAR1: "29 February kept on 1 March in other years",
    Feb29Policy.SKIP: "29 February kept in leap years only",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Birthday:
    """Owed on each birthday: once per solar year, or once per lunar year to those who keep the lunar date.

    A lunar birthday that falls twice in one Gregorian year is greeted twice: it belongs to two lunar years.
    """

    kind: ClassVar[str] = "birthday"
    at: time
    feb29: Feb29Policy = Feb29Policy.FEB28
    lunar: bool = True
    placeholders: tuple[date, ...] = PLACEHOLDERS

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return those born on this day of a solar year, and those whose lunar date it is."""
        due_at = instant_at(day, self.at, load_zone(zone))
        return [self._solar(day, due_at), *(self._lunar(day, due_at) if self.lunar else [])]

    def _solar(self, day: date, due_at: datetime) -> Due:
        keys = solar_birthdays_on(day, self.feb29)
        born = sa.and_(customer.c.birth_calendar == "solar", customer.c.birth_mmdd.in_(keys))
        unknown = [p.year for p in self.placeholders if month_day_key(p) in keys]
        if unknown:
            born = sa.and_(born, sa.func.coalesce(customer.c.birth_year, 0).not_in(unknown))
        return Due(occasion=f"birthday:solar-{day.year}", occasion_on=day, due_at=due_at, where=born)

    def _lunar(self, day: date, due_at: datetime) -> list[Due]:
        keys = lunar_birthdays_on(day)
        born = sa.and_(
            customer.c.birth_calendar == "lunar",
            customer.c.birth_mmdd.in_(sorted({_stored(key) for key in keys})),
            sa.or_(*(_is_born(key) for key in keys)),
        )
        return [Due(occasion=f"birthday:lunar-{keys[0].lunar_year}", occasion_on=day, due_at=due_at, where=born)]

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return nothing: a birthday stays one."""
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        """Return the day; never the age, which is nobody's business."""
        return {"date": format_day(facts.occasion_on, facts.locale)}

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives."""
        return frozenset({"date"})

    def describe(self) -> str:
        """Return the occasion in plain English."""
        calendars = "solar and lunar" if self.lunar else "solar only"
        return f"on each birthday at {format_clock(self.at)} ({calendars}; {_FEB29_WORDS[self.feb29]})"


class BirthdaySpec(OccasionSpec):
    """On each birthday: `{kind: birthday, at: "10:00", feb29: feb28, lunar: true}`."""

    kind: Literal["birthday"]
    at: TenByDefault = time(10)
    feb29: Feb29Policy = Field(Feb29Policy.FEB28, description="when 29 February is kept in other years")
    lunar: bool = Field(True, description="greet those who keep a lunar date on that date")
    placeholders: tuple[Day, ...] = Field(PLACEHOLDERS, description="birthdays that mean 'not known'")

    def build(self, around: Surroundings) -> Occasion:  # noqa: ARG002 - a birthday is one everywhere
        """Return the occasion."""
        return Birthday(at=self.at, feb29=self.feb29, lunar=self.lunar, placeholders=self.placeholders)


def _stored(key: LunarBirthdayKey) -> int:
    return key.month * 100 + key.day


def _is_born(key: LunarBirthdayKey) -> sa.ColumnElement[bool]:
    return sa.and_(customer.c.birth_mmdd == _stored(key), customer.c.birth_leap.is_(key.leap))
