"""A random sample of the households, drawn anew in each round: by lot, so that it can be drawn again. Pure rules.

Every household has a lot, and every round shuffles the lots afresh. Those below the share are drawn; the part of the
share in which a lot lies names the day on which it is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from care.base.ids import MERSENNE_31, group_line


class Every(StrEnum):
    """How long a round is, in calendar terms."""

    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"

    @property
    def words(self) -> str:
        """Return the word for people: 'half year'."""
        return self.replace("_", " ")


_MONTHS: Final[Mapping[Every, int]] = {Every.MONTH: 1, Every.QUARTER: 3, Every.HALF_YEAR: 6, Every.YEAR: 12}
SHORTEST: Final[Mapping[Every, int]] = {Every.MONTH: 28, Every.QUARTER: 90, Every.HALF_YEAR: 181, Every.YEAR: 365}
"""Days that every round of a length has."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: its name, as 2026Q4, and its first day."""

    name: str
    first: date


def round_of(day: date, every: Every) -> Round:
    """Return the round that a day lies in."""
    months = _MONTHS[every]
    number = (day.month - 1) // months + 1
    first = date(day.year, (number - 1) * months + 1, 1)
    name = {
        Every.MONTH: f"{day.year}-{day.month:02}",
        Every.QUARTER: f"{day.year}Q{number}",
        Every.HALF_YEAR: f"{day.year}H{number}",
        Every.YEAR: f"{day.year}",
    }[every]
    return Round(name, first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What was drawn for one household in one round: the day it is asked on, None where it was not drawn."""

    round: Round
    position: float  # 0.0 up to but without 1.0; below the share means drawn
    asked_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lottery:
    """How a campaign draws: so much of the households in each round, asked on the days from `first_day` on."""

    campaign: str
    installation: str  # two installations draw differently
    every: Every
    share: float  # of the households, 0.0 to 1.0
    first_day: int  # of the round, 1 for its first
    days: int  # over so many days those drawn are asked

    def line(self, one: Round) -> tuple[int, int]:
        """Return `(a, b)` so that `(lot * a + b) % MERSENNE_31` is a household's place in a round."""
        return group_line(f"sample:{self.campaign}:{one.name}:{self.installation}")

    def places_on(self, day: date) -> tuple[int, int] | None:
        """Return the first place asked on a day and the first that is not any more; None where nobody is asked."""
        index = (day - round_of(day, self.every).first).days - (self.first_day - 1)
        if not 0 <= index < self.days:
            return None
        return self._drawn * index // self.days, self._drawn * (index + 1) // self.days

    def draw(self, lot: int, day: date) -> Draw:
        """Return what was drawn for a household's lot in the round of a day."""
        one = round_of(day, self.every)
        a, b = self.line(one)
        place = (lot * a + b) % MERSENNE_31
        asked_on = None
        if place < self._drawn:
            index = ((place + 1) * self.days - 1) // self._drawn
            asked_on = one.first + timedelta(days=self.first_day - 1 + index)
        return Draw(round=one, position=place / MERSENNE_31, asked_on=asked_on)

    @property
    def _drawn(self) -> int:
        """Return the first place that is not drawn."""
        return int(self.share * MERSENNE_31)
