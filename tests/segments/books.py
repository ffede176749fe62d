"""Small books of segments, written as a person would."""

from pathlib import Path
from typing import Any

from care.base.errors import FileError, ManyErrors
from care.base.yamlfile import parse_yaml, place_of
from care.segments.book import SegmentBook
from care.segments.fields import STANDARD_FIELDS, Fields
from care.segments.load import load_segments, parse_rule
from care.segments.model import Rule

FILE = Path("segments.yaml")


def rule_of(text: str, *, fields: Fields = STANDARD_FIELDS, segments: tuple[str, ...] = ()) -> Rule:
    """Return the rule written after `rule:`."""
    node: Any = parse_yaml(f"rule: {text}\n", FILE)
    return parse_rule(node["rule"], FILE, fields=fields, segments=segments, at=place_of(node, "rule"))


def book_of(folder: Path, text: str, *, fields: Fields = STANDARD_FIELDS) -> SegmentBook:
    """Write a file of segments and load it."""
    path = folder / FILE
    path.write_text(text, encoding="utf-8")
    return load_segments(path, fields=fields)


def lines(error: ManyErrors) -> list[str]:
    """Return each mistake as `line:column: problem. fix`."""
    told = [one for one in error.errors if isinstance(one, FileError)]
    return [f"{one.line}:{one.column}: {one.problem}. {one.fix}" for one in told]
