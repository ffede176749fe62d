"""A node of a YAML file becomes a rule; every mistake in it is kept with its place."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from care.base.errors import FileError, ManyErrors
from care.base.yamlfile import did_you_mean, place_of
from care.segments.book import EVERYONE_NAME
from care.segments.fields import IS, LEAVE_BELOW, OPERATORS, STANDARD_FIELDS, TOP_PERCENT, Field, Fields, Kind
from care.segments.literals import ValueProblem, read_share, read_value, shown
from care.segments.model import EVERYONE, Group, Leaf, Place, Rule, SegmentRef

GROUPS = ("all", "any", "none")
DEEPEST = 12
At = tuple[int, int]


def parse_rule(
    node: Any,
    path: Path,
    *,
    fields: Fields = STANDARD_FIELDS,
    segments: Collection[str] = (),
    at: At = (0, 0),
) -> Rule:
    """Return the rule in a node: a bare name, a list (any of it), or a mapping (all of its lines).

    `segments` are the names that may be mentioned (`SegmentBook.names`); `at` is the place of a bare name, which
    does not know its own.

    Raises:
        ManyErrors: every mistake, each a FileError with line, column and what to do.
    """
    parser = RuleParser(path=path, fields=fields, segments=frozenset(segments))
    rule = parser.rule(node, at if at != (0, 0) else place_of(node))
    parser.raise_errors()
    return rule


class RuleParser:
    """Reads nodes of one file and collects the mistakes in `errors` instead of stopping at the first."""

    def __init__(self, *, path: Path, fields: Fields, segments: frozenset[str]) -> None:
        """Start without mistakes; `segments` are the known names."""
        self.path, self.fields, self.segments = path, fields, segments | {EVERYONE_NAME}
        self.errors: list[FileError] = []

    def raise_errors(self) -> None:
        """Raise every mistake found so far, in the order of the file."""
        if self.errors:
            raise ManyErrors([*sorted(self.errors, key=lambda error: (error.line, error.column))])

    def complain(self, at: At, problem: str, fix: str) -> Rule:
        """Keep one mistake; return a rule that stands in for what could not be read."""
        self.errors.append(FileError(self.path, problem, fix, line=at[0], column=at[1]))
        return EVERYONE

    def rule(self, node: Any, at: At, depth: int = 0) -> Rule:
        """Return the rule of a node of any shape."""
        if depth > DEEPEST:
            return self.complain(at, f"the rule is nested deeper than {DEEPEST}", "Name parts of it as segments")
        if isinstance(node, str):
            return self._name(str(node), at)
        if isinstance(node, Mapping):
            return self._mapping(node, at, depth)
        if isinstance(node, Sequence):
            return self._group("any", node, at, depth)
        return self.complain(at, f"a rule is a name, a list or a mapping, not {shown(node)}", "Name a segment")

    def _place(self, at: At) -> Place:
        return Place(path=str(self.path), line=at[0], column=at[1])

    def _name(self, name: str, at: At) -> Rule:
        if name in self.segments:
            return SegmentRef(name=name, place=self._place(at))
        field = self.fields.get(name)
        if field is not None and field.kind is Kind.TRUTH:
            return Leaf(field=name, operator=IS, value=True, place=self._place(at))
        if field is not None:
            fix = f"Write {name}: {{{field.allowed[0]}: …}}"
            return self.complain(at, f"'{name}' is a field that needs a comparison", fix)
        truths = {one.name for one in self.fields.named.values() if one.kind is Kind.TRUTH}
        return self.complain(at, f"segment '{name}' is not known", did_you_mean(name, self.segments | truths))

    def _mapping(self, node: Mapping[Any, Any], at: At, depth: int) -> Rule:
        if not node:
            return self.complain(at, "the rule is empty", f"Name a field or a segment, or '{EVERYONE_NAME}'")
        parts = [self._entry(str(key), value, place_of(node, key), depth) for key, value in node.items()]
        return parts[0] if len(parts) == 1 else Group(kind="all", parts=tuple(parts), place=self._place(at))

    def _entry(self, key: str, node: Any, at: At, depth: int) -> Rule:
        if key in GROUPS:
            if isinstance(node, Sequence) and not isinstance(node, str):
                return self._group(key, node, at, depth)
            return self.complain(at, f"'{key}' needs a list, not {shown(node)}", f"Write {key}: [first, second]")
        field = self.fields.get(key)
        if field is not None:
            return self._comparison(field, node, at)
        if key in self.segments:
            return self._truth_of_segment(key, node, at)
        if key in OPERATORS:
            return self.complain(at, f"'{key}' has no field to compare", f"Write tenure_years: {{{key}: …}}")
        known = {*self.fields.named, *self.segments, *GROUPS}
        return self.complain(at, f"field '{key}' is not known", did_you_mean(key, known))

    def _group(self, kind: str, nodes: Sequence[Any], at: At, depth: int) -> Rule:
        if not nodes:
            return self.complain(at, f"the list of '{kind}' is empty", "Name at least one field or segment")
        parts = tuple(self.rule(part, place_of(nodes, index), depth + 1) for index, part in enumerate(nodes))
        return Group(kind=kind, parts=parts, place=self._place(at))

    def _truth_of_segment(self, name: str, node: Any, at: At) -> Rule:
        reference = SegmentRef(name=name, place=self._place(at))
        if not isinstance(node, bool):
            return self.complain(at, f"segment '{name}' is compared with {shown(node)}", f"Write {name}: true")
        return reference if node else Group(kind="none", parts=(reference,), place=self._place(at))

    def _comparison(self, field: Field, node: Any, at: At) -> Rule:
        if isinstance(node, bool) and field.kind in (Kind.TRUTH, Kind.FREE):
            return self._truth(field, node, at)
        if field.kind is Kind.TRUTH:
            return self.complain(at, f"'{field.name}' is yes or no, not {shown(node)}", f"Write {field.name}: true")
        if not isinstance(node, Mapping) or not node:
            fix = f"Write {field.name}: {{{_suggested(field, node)}: …}}"
            return self.complain(at, f"'{field.name}' needs a comparison, not {shown(node)}", fix)
        pairs = [self._operator(field, str(key), node, key) for key in node if key != LEAVE_BELOW]
        if LEAVE_BELOW in node and TOP_PERCENT not in node:
            fix = f"Write {field.name}: {{{TOP_PERCENT}: 20, {LEAVE_BELOW}: 25}}"
            return self.complain(place_of(node, LEAVE_BELOW), f"{LEAVE_BELOW} needs {TOP_PERCENT}", fix)
        return pairs[0] if len(pairs) == 1 else Group(kind="all", parts=tuple(pairs), place=self._place(at))

    def _truth(self, field: Field, node: bool, at: At) -> Rule:
        if field.kind is Kind.TRUTH:
            return Leaf(field=field.name, operator=IS, value=node, place=self._place(at))
        return Leaf(field=field.name, operator="equals", value="true" if node else "false", place=self._place(at))

    def _operator(self, field: Field, operator: str, node: Mapping[Any, Any], key: Any) -> Rule:
        at = place_of(node, key)
        if operator not in OPERATORS:
            problem = f"operator '{operator}' is not known"
            return self.complain(at, problem, did_you_mean(operator, field.allowed))
        if operator not in field.allowed:
            problem = f"'{operator}' does not fit '{field.name}' ({field.kind})"
            return self.complain(at, problem, f"Use {', '.join(field.allowed)}")
        try:
            if operator == TOP_PERCENT:
                value: Any = read_share(node[key], node.get(LEAVE_BELOW))
            else:
                value = read_value(node[key], field, operator, minor_digits=self.fields.minor_digits)
        except ValueProblem as wrong:
            return self.complain(at, f"{field.name}: {wrong.problem}", wrong.fix)
        return Leaf(field=field.name, operator=operator, value=value, place=self._place(at))


def _suggested(field: Field, node: Any) -> str:
    if isinstance(node, Sequence) and not isinstance(node, str) and "one_of" in field.allowed:
        return "one_of"
    return "equals" if "equals" in field.allowed else field.allowed[0]
