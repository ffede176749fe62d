"""`campaigns/segments.yaml` becomes a `SegmentBook`; every mistake in it is reported in one pass."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from care.base.yamlfile import load_yaml, place_of
from care.segments.book import EVERYONE_NAME, Segment, SegmentBook, references
from care.segments.fields import STANDARD_FIELDS, Fields
from care.segments.literals import shown
from care.segments.model import Group, Place, Rule, SegmentRef
from care.segments.rules import GROUPS, At, RuleParser, parse_rule

__all__ = ["load_segments", "parse_rule"]

TITLE, DESCRIPTION = "title", "description"
RESERVED = frozenset({*GROUPS, TITLE, DESCRIPTION, EVERYONE_NAME})
MOST_COMPARISONS = 1_000  # of one segment, unfolded
DEEPEST_UNFOLDED = 60
LONGEST_CHAIN = 12  # of segments that name each other
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def load_segments(path: Path, *, fields: Fields = STANDARD_FIELDS) -> SegmentBook:
    """Return the segments of a file.

    Raises:
        FileError: the file cannot be read as YAML.
        ManyErrors: every mistake in it, each with line, column and what to do.
    """
    document = load_yaml(path)
    parser = RuleParser(path=path, fields=fields, segments=frozenset(str(name) for name in document))
    segments: dict[str, Segment] = {}
    for name, node in document.items():
        segments[str(name)] = _segment(parser, str(name), node, place_of(document, name))
    book = SegmentBook(segments=segments, fields=fields, path=path)
    _refuse_cycles(book, parser)
    if not parser.errors:
        _refuse_giants(book, parser)
    parser.raise_errors()
    return book


def _segment(parser: RuleParser, name: str, node: Any, at: At) -> Segment:
    if not _NAME.fullmatch(name) or name in RESERVED:
        fix = "Use small letters, digits and _, beginning with a letter, such as long_tenure"
        parser.complain(at, f"'{name[:80]}' cannot name a segment", fix)
    title: Mapping[str, str] = {}
    description = ""
    if isinstance(node, Mapping):
        title = _title(parser, node)
        description = _description(parser, node)
        node = _without(node, {TITLE, DESCRIPTION})
    place = Place(path=str(parser.path), line=at[0], column=at[1])
    return Segment(name=name, rule=parser.rule(node, at), title=title, description=description, place=place)


def _title(parser: RuleParser, node: Mapping[Any, Any]) -> Mapping[str, str]:
    title = node.get(TITLE)
    if title is None:
        return {}
    if isinstance(title, str):
        return {"": str(title)}
    if isinstance(title, Mapping) and title and all(isinstance(words, str) for words in title.values()):
        return {str(locale): str(words) for locale, words in title.items()}
    parser.complain(place_of(node, TITLE), f"'title' needs words, not {shown(title)}", "Write title: {en: …, zh-CN: …}")
    return {}


def _description(parser: RuleParser, node: Mapping[Any, Any]) -> str:
    words = node.get(DESCRIPTION, "")
    if isinstance(words, str):
        return str(words)
    parser.complain(place_of(node, DESCRIPTION), f"'description' needs text, not {shown(words)}", "Put it in quotes")
    return ""


def _without(node: Mapping[Any, Any], keys: set[str]) -> Any:
    rest = node.copy()  # type: ignore[attr-defined]  # a CommentedMap, whose copy keeps the places
    for key in keys & set(rest):
        del rest[key]
    return rest


def _refuse_cycles(book: SegmentBook, parser: RuleParser) -> None:
    done: set[str] = set()
    for name in book.segments:
        if name not in done:
            _walk(book, parser, (name,), done)


def _walk(book: SegmentBook, parser: RuleParser, trail: tuple[str, ...], done: set[str]) -> None:
    done.add(trail[-1])
    for reference in _known(book, book.segments[trail[-1]].rule):
        at = (reference.place.line, reference.place.column)
        if reference.name in trail:
            chain = " → ".join([*trail[trail.index(reference.name) :], reference.name])
            parser.complain(at, f"segments name each other in a circle: {chain}", "Remove one of the names")
        elif reference.name in done:
            continue
        elif len(trail) < LONGEST_CHAIN:
            _walk(book, parser, (*trail, reference.name), done)
        else:
            parser.complain(at, f"more than {LONGEST_CHAIN} segments name one another in a row", "Shorten the chain")


def _known(book: SegmentBook, rule: Rule) -> Iterator[SegmentRef]:
    return (one for one in references(rule) if one.name in book.segments)


def _refuse_giants(book: SegmentBook, parser: RuleParser) -> None:
    sizes: dict[str, tuple[int, int]] = {}
    for segment in book:
        leaves, depth = _size(book, segment.rule, sizes)
        if leaves > MOST_COMPARISONS or depth > DEEPEST_UNFOLDED:
            problem = f"'{segment.name}' unfolds to {leaves} comparisons, {depth} deep"
            fix = f"Keep to {MOST_COMPARISONS} comparisons and a depth of {DEEPEST_UNFOLDED}"
            parser.complain((segment.place.line, segment.place.column), problem, fix)


def _size(book: SegmentBook, rule: Rule, sizes: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Return (comparisons, depth) of a rule, named segments unfolded; `sizes` remembers those already counted."""
    if isinstance(rule, SegmentRef):
        if rule.name not in sizes:
            sizes[rule.name] = _size(book, book.rule(rule.name), sizes)
        return sizes[rule.name]
    if not isinstance(rule, Group):
        return 1, 1
    parts = [_size(book, part, sizes) for part in rule.parts]
    return sum(leaves for leaves, _ in parts), 1 + max((depth for _, depth in parts), default=0)
