"""Replies as JSON objects: which fields they may have, and what is wrong with one that cannot be used."""

from collections.abc import Mapping
from typing import Any

from care.base.errors import InputError
from care.base.yamlfile import did_you_mean
from care.surveys.replies.model import Reply, Stage
from care.surveys.replies.scales import scale_named


def reply_of(row: Mapping[str, Any], *, scale: str) -> Reply:
    """Return the reply that an object describes; fields that are missing or null take their default.

    Raises:
        InputError: a field has the wrong type, or names no scale or stage; it says which.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise InputError('no field \'text\' with a string. Write {"text": "…"}')
    context = row.get("context") or {}
    if not isinstance(context, Mapping):
        raise InputError("'context' is not an object. Leave it out, or write {\"open\": […]}")
    name = _word(row, "scale", scale)
    return Reply(
        text=text,
        scale=scale_named(name).name,
        stage=_stage(_word(row, "stage", Stage.SCORE.value)),
        lang=_word(row, "lang", ""),
        context=context,
    )


def _word(row: Mapping[str, Any], name: str, default: str) -> str:
    value = row.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise InputError(f"'{name}' is not a string. Put it in quotation marks")
    return value


def _stage(name: str) -> Stage:
    try:
        return Stage(name)
    except ValueError:
        raise InputError(f"stage: '{name}' is not known. {did_you_mean(name, Stage)}") from None
