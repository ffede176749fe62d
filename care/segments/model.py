"""Rules over customers: nested all/any/none with leaves that compare one declared field."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a rule stands in its file, for errors and explanations; 1-based."""

    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `segments.yaml:12`, or nothing where the place is not known."""
        name = PurePath(self.path).name
        return f"{name}:{self.line}" if name and self.line else name


NOWHERE = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One comparison: `tenure_years: {at_least: 5}`."""

    field: str
    operator: str
    value: Any
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRef:
    """A named segment used inside a rule."""

    name: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`all`, `any` or `none` of the parts; an empty `all` is everyone."""

    kind: str
    parts: "tuple[Rule, ...]"
    place: Place = NOWHERE


Rule = Leaf | SegmentRef | Group
EVERYONE = Group(kind="all", parts=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The value of `top_percent`: who ranks within `enter` comes in, who stays within `leave` may stay.

    Both are whole percents, 1 .. 100, of the customers of one type; `leave` equals `enter` without hysteresis.
    """

    enter: int
    leave: int

    def __str__(self) -> str:
        """Return it as a person would say it."""
        return f"top {self.enter}%" if self.enter == self.leave else f"top {self.enter}% (stays to {self.leave}%)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The value of `within_next` and `within_last`: a number of days, the day itself included."""

    days: int

    def __str__(self) -> str:
        """Return it as it is written: `30d`."""
        return f"{self.days}d"


def band_key(field: str, share: Share) -> str:
    """Return the name under which the members of a ranked group with hysteresis are remembered."""
    return f"{field}:{share.enter}:{share.leave}"
