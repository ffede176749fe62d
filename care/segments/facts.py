"""The port of facts: what other capabilities know about a customer and rules may ask."""

from datetime import date
from typing import Any, Protocol

import sqlalchemy as sa

from care.segments.fields import Field, Kind, Source


class Fact(Protocol):
    """One fact, such as `last_score`: its name, what may be asked of it, and the predicate that answers."""

    @property
    def name(self) -> str:
        """The name rules use."""
        ...

    @property
    def kind(self) -> Kind:
        """What the fact holds; decides how a rule's value is read."""
        ...

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators rules may use, a subset of those of the kind."""
        ...

    @property
    def description(self) -> str:
        """One line for the documentation."""
        ...

    def predicate(self, operator: str, value: Any, as_of: date) -> sa.ColumnElement[bool]:
        """Return a predicate over `customer`, correlated, that is true or false and never NULL."""
        ...


def fact_field(fact: Fact) -> Field:
    """Return the declared field that stands for a fact."""
    return Field(
        name=fact.name,
        kind=fact.kind,
        description=fact.description,
        column=fact.name,
        source=Source.FACT,
        operators=tuple(fact.operators),
    )
