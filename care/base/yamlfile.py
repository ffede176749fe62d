"""YAML 1.2 files with the place of every key, small by rule and free of tags and alias bombs."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from care.base.errors import FileError

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}


class _Constructor(RoundTripConstructor):
    """Gives the place of a date that no calendar has."""

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        """Return the date, or say where the impossible one stands."""
        try:
            return super().construct_yaml_timestamp(node, values)
        except ValueError:
            problem = f"'{node.value}' is not a date that exists"
            raise ConstructorError(None, None, problem, node.start_mark) from None


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


def load_yaml(path: Path) -> CommentedMap:
    """Return the mapping in a file; its nodes remember line and column.

    Raises:
        FileError: missing, not UTF-8, not YAML, a duplicate key, too large, not a mapping; with the exact place.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path and its permissions") from None
    if len(raw) > MAX_BYTES:
        raise FileError(path, f"is larger than {MAX_BYTES} bytes", "Split it into several files")
    try:
        return parse_yaml(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileError(path, "is not UTF-8", "Save the file as UTF-8", line=line) from None


def parse_yaml(text: str, path: Path) -> CommentedMap:
    """Return the mapping in a text, as `load_yaml` does."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    yaml.allow_duplicate_keys = False
    try:
        document = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problem = str(error.problem or error.context or "is not YAML").split("\n")[0]
        raise FileError(path, problem, "Correct the YAML here", line=line, column=column) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise FileError(path, f"is not YAML ({type(error).__name__})", "Correct the file") from None
    if document is None:
        document = CommentedMap()
    if not isinstance(document, CommentedMap):
        raise FileError(
            path, "is not a mapping of keys to values", "Begin with a line such as 'name: birthday'", line=1
        )
    _refuse_bombs(document, path)
    return document


def _refuse_bombs(document: Any, path: Path) -> None:
    stack, seen = [document], 0
    while stack:
        node = stack.pop()
        seen += 1
        if seen > MAX_NODES:
            raise FileError(path, f"unfolds to more than {MAX_NODES} values", "Remove the nested aliases")
        tag = getattr(getattr(node, "tag", None), "value", None)
        if tag is not None and tag not in _PLAIN_TAGS:
            line = getattr(getattr(node, "lc", None), "line", None)
            raise FileError(path, f"uses the tag {tag}", "Write plain values", line=0 if line is None else line + 1)
        if isinstance(node, Mapping):
            stack.extend(node.values())
        elif isinstance(node, Sequence) and not isinstance(node, str):
            stack.extend(node)


def place_of(node: Any, key: Any = None) -> tuple[int, int]:
    """Return the 1-based (line, column) of a key or item in a node, or of the node itself; (0, 0) if unknown."""
    try:
        if key is None:
            return node.lc.line + 1, node.lc.col + 1
        at = node.lc.item(key) if isinstance(node, CommentedSeq) else node.lc.key(key)
    except (AttributeError, KeyError, TypeError, IndexError):
        return 0, 0
    else:
        return at[0] + 1, at[1] + 1


def place_along(node: Any, location: Sequence[Any]) -> tuple[int, int]:
    """Return the deepest known place along a path of keys, as validation errors give it."""
    place = place_of(node)
    for step in location:
        is_list = isinstance(node, Sequence) and not isinstance(node, str)
        if (isinstance(node, Mapping) and step in node) or (is_list and isinstance(step, int) and step < len(node)):
            place, node = place_of(node, step), node[step]
    return place


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return 'Did you mean 'x'?' or the sorted choices, as the fix of an unknown name."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, 1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(choices[:12])}{' …' if len(choices) > 12 else ''}"  # noqa: PLR2004 - a line's worth
