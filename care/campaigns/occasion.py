"""The port of occasion kinds: why and when a message is owed. A new kind is one new module that fills it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Protocol

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from care.base.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Those to whom something is owed for one local day in one zone: a set, not a loop.

    The planner selects from `customer` (joined to `joined` on `on` where given) with `where`.
    """

    occasion: str | sa.ColumnElement[str]  # the unambiguous key: birthday:solar-2026
    occasion_on: date  # the local day the books enter it under
    due_at: datetime | sa.ColumnElement[Any]  # aware UTC; a column expression has type Instant
    where: sa.ColumnElement[bool]
    joined: sa.Table | None = None
    on: sa.ColumnElement[bool] | None = None
    subject: sa.ColumnElement[str] | None = None  # external id of the subscription, ticket … spoken of
    deadline: sa.ColumnElement[Any] | None = None  # type Instant; ends the time of use where it lies after `due_at`
    also_to: sa.ColumnElement[str] | None = None  # hash of a phone that may be written to besides the customer's own
    told: sa.FromClause | None = None  # what texts speak of, a row per `subject`; None: the row of `joined`
    is_reminder: bool = False  # the second word about something, with the campaign's `reminder` as its text

    @property
    def spoken_of(self) -> sa.FromClause | None:
        """Return what texts speak of, to be found by its `external_id`; None for what is about nothing else."""
        return self.joined if self.told is None else self.told


class Occasion(Protocol):
    """One kind of reason to write, configured by a campaign file."""

    kind: ClassVar[str]

    def select_due(self, day: date, zone: str) -> Sequence[Due]:
        """Return the sets owed on local `day` for customers whose clock is `zone`. Pure: reads no table."""
        ...

    def still_owed(self) -> sa.ColumnElement[bool] | None:
        """Return a predicate over `message` (correlated), true while it is still owed; None means always.

        Re-checked in the intent transaction: not renewed, not paid, still resolved.
        """
        ...

    def variables(self, facts: "OccasionFacts") -> Mapping[str, str | int]:
        """Return the template variables this occasion adds, already formatted for the locale."""
        ...

    def variable_names(self) -> frozenset[str]:
        """Return the names `variables` gives, for the check of templates."""
        ...

    def describe(self) -> str:
        """Return the occasion in plain English: 'on each birthday at 10:00'."""
        ...


@dataclass(slots=True, kw_only=True)
class OccasionFacts:
    """What an occasion may speak of for one message. Not frozen, which would make it dear: one for every message."""

    occasion: str
    occasion_on: date
    locale: str
    zone: str
    currency: str
    customer: Mapping[str, Any]  # the customer row
    subject: Mapping[str, Any] | None  # the joined row (a subscription, a ticket …)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an occasion may take from the operator where its campaign file is silent."""

    country: str = "CN"  # ISO 3166, whose festivals are meant
    campaign: str = ""  # id of the campaign that the occasion belongs to
    installation: Callable[[], str] = str  # a word that is this installation's own, for drawing lots


class OptionError(InputError):
    """An option of an occasion that only the calendar, not its form, shows to be wrong."""

    def __init__(self, option: str, problem: str, fix: str) -> None:
        """Name the option's key, so that the loader can point at its place."""
        super().__init__(f"occasion.{option}: {problem}. {fix}")
        self.option, self.problem, self.fix = option, problem, fix


class OccasionSpec(BaseModel):
    """What a campaign file says under `occasion:` for one kind; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    def build(self, around: Surroundings) -> Occasion:
        """Return the occasion.

        Raises:
            OptionError: if an option names something that does not exist.
        """
        raise OptionError("kind", f"'{self.kind}' cannot be built for {around.country}", "Use another kind")
