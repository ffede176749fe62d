"""Rules over customers: nested all/any/none with leaves that compare one declared field."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a rule stands in its file, for errors and explanations; 1-based."""

    path: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One comparison: `tenure_years: {at_least: 5}`."""

    field: str
    operator: str
    value: Any
    place: Place = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRef:
    """A named segment used inside a rule."""

    name: str
    place: Place = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`all`, `any` or `none` of the parts; an empty `all` is everyone."""

    kind: str
    parts: "tuple[Rule, ...]"
    place: Place = Place()


Rule = Leaf | SegmentRef | Group
EVERYONE = Group(kind="all", parts=())
