"""From pydantic's errors to one line each: file, line, column, what is wrong, what to write."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from care.base.errors import FileError
from care.base.yamlfile import did_you_mean, place_along
from care.campaigns.occasion import OccasionSpec
from care.campaigns.schema import CampaignFile, HoldoutSpec

_KINDS_OF_VALUE = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "tuple_type": "a list such as [sms, email]",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}


def file_errors(
    error: ValidationError, node: Any, path: Path, *, model: type[CampaignFile], kinds: Mapping[str, type[OccasionSpec]]
) -> list[FileError]:
    """Return every mistake of one file, each at its deepest known place; none twice."""
    found: dict[tuple[int, int, str], FileError] = {}
    details = error.errors(include_url=False)
    for detail in details:
        if _is_echo(detail, details):
            continue
        where, problem, fix = _explain(detail, model, kinds)
        problem = " ".join(problem.split())  # what stands in the file may be several lines
        line, column = place_along(node, where)
        found.setdefault((line, column, problem), FileError(path, problem, fix, line=line, column=column))
    return [found[key] for key in sorted(found)]


def _is_echo(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Tell whether another mistake already says it: a misspelt key is not also missing."""
    where, siblings = detail["loc"], [other for other in details if other["type"] == "extra_forbidden"]
    if detail["type"] == "too_short":
        return bool(detail["input"])
    unknown = [str(other["loc"][-1]) for other in siblings if other["loc"][:-1] == where[:-1]]
    return detail["type"] == "missing" and bool(difflib.get_close_matches(str(where[-1]), unknown, 1))


def _explain(
    detail: ErrorDetails, model: type[CampaignFile], kinds: Mapping[str, type[OccasionSpec]]
) -> tuple[Sequence[Any], str, str]:
    """Return the path to the place, the problem and the fix."""
    where, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    key = _key_of(where)
    fields = _model_at(where, model, kinds).model_fields
    if kind == "care" and detail["input"] is not None:
        return where, str(context["problem"]), str(context["fix"])
    if kind == "extra_forbidden":
        return where, f"the key '{key}' is not known", did_you_mean(key, fields)
    if kind == "missing":
        examples = fields[key].examples if key in fields else None
        return where[:-1], f"the key '{key}' is missing", f"Add {key}: {examples[0] if examples else '…'}"
    if kind == "union_tag_invalid":
        word = str(context["tag"])
        return (*where, "kind"), f"occasion kind '{word}' is not known", did_you_mean(word, kinds)
    if kind == "union_tag_not_found":
        return where, "the occasion has no 'kind'", f"Add kind: one of {', '.join(kinds)}"
    return where, *_wrong_value(key, detail)


def _wrong_value(key: str, detail: ErrorDetails) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if value is None:
        return f"'{key}' is empty", "Give it a value, or remove the line"
    if kind in ("literal_error", "enum"):
        words = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        plain = key in ("purpose", "channels")
        problem = f"'{value}' is not a {key.removesuffix('s')}" if plain else f"'{key}' cannot be '{value}'"
        return problem, did_you_mean(str(value), words)
    if kind in ("too_short", "string_too_short"):
        return f"'{key}' is empty", "Name at least one"
    if kind in _KINDS_OF_VALUE:
        return f"'{key}' is not {_KINDS_OF_VALUE[kind]}", f"Write {_KINDS_OF_VALUE[kind]}"
    return f"'{key}': {detail['msg'][:1].lower()}{detail['msg'][1:]}", "Correct the value"


def _model_at(
    where: Sequence[Any], model: type[CampaignFile], kinds: Mapping[str, type[OccasionSpec]]
) -> type[BaseModel]:
    if where[:1] == ("holdout",) and len(where) > 1:
        return HoldoutSpec
    if where[:1] == ("occasion",) and len(where) > 1:
        return kinds.get(str(where[1]), next(iter(kinds.values())))
    return model


def _key_of(where: Sequence[Any]) -> str:
    return next((str(step) for step in reversed(where) if isinstance(step, str)), "file")
