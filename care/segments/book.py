"""The named segments of a house: what `campaigns/segments.yaml` says, checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from care.segments.fields import STANDARD_FIELDS, Fields
from care.segments.model import EVERYONE, NOWHERE, Group, Leaf, Place, Rule, SegmentRef

EVERYONE_NAME = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One named group of customers. `title` maps locale to words; `""` stands for every locale."""

    name: str
    rule: Rule
    title: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentBook:
    """All segments by name, and the fields that rules may use beside them."""

    segments: Mapping[str, Segment] = field(default_factory=dict)
    fields: Fields = STANDARD_FIELDS
    path: Path | None = None

    @property
    def names(self) -> frozenset[str]:
        """Return every name that may stand for a segment, `everyone` included."""
        return frozenset({*self.segments, EVERYONE_NAME})

    def rule(self, name: str) -> Rule:
        """Return the rule of a segment.

        Raises:
            KeyError: if there is no such segment; loading has refused unknown names before.
        """
        return EVERYONE if name == EVERYONE_NAME else self.segments[name].rule

    def __iter__(self) -> Iterator[Segment]:
        """Iterate over the segments in the order of the file."""
        return iter(self.segments.values())

    def leaves(self, rule: Rule) -> Iterator[Leaf]:
        """Return every comparison a rule comes down to, named segments unfolded."""
        if isinstance(rule, Leaf):
            yield rule
        elif isinstance(rule, SegmentRef):
            yield from self.leaves(self.rule(rule.name))
        else:
            for part in rule.parts:
                yield from self.leaves(part)

    def names_field(self, rule: Rule, field_name: str) -> bool:
        """Tell whether a rule asks about a field, itself or through named segments."""
        return any(leaf.field == field_name for leaf in self.leaves(rule))


def references(rule: Rule) -> Iterator[SegmentRef]:
    """Return the named segments a rule mentions, not unfolded."""
    if isinstance(rule, SegmentRef):
        yield rule
    elif isinstance(rule, Group):
        for part in rule.parts:
            yield from references(part)
