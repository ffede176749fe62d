"""An occasion that adds what a test says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

import sqlalchemy as sa

from care.campaigns.occasion import Due, OccasionFacts


@dataclass(frozen=True)
class PlainOccasion:
    """Owes nothing to anyone; its variables are those given."""

    kind: ClassVar[str] = "plain"
    given: Mapping[str, str | int] = field(default_factory=dict)

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        return ()

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        return None

    def variables(self, facts: OccasionFacts) -> Mapping[str, str | int]:
        return self.given

    def variable_names(self) -> frozenset[str]:
        return frozenset(self.given)

    def describe(self) -> str:
        return "never"
