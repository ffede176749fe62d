"""The JSON Schema of `segments.yaml`, so that editors complete names and mark mistakes while typing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from care.segments.fields import LEAVE_BELOW, OPERATORS, TOP_PERCENT, Field, Fields, Kind
from care.segments.rules import GROUPS
from care.segments.ticket_facts import DECLARED_FIELDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FREE = "attributes"
_RULE = {"$ref": "#/$defs/rule"}
_RULES = {"type": "array", "items": _RULE, "minItems": 1}
_WORDS = {"type": "string", "minLength": 1}
_PERCENT = {"type": "integer", "minimum": 1, "maximum": 100}
_REACH = {"type": "string", "pattern": "^[0-9]{1,4}[dw]$"}
_VALUES: Mapping[Kind, Mapping[str, Any]] = MappingProxyType(
    {
        Kind.TEXT: _WORDS,
        Kind.NUMBER: {"type": "integer"},
        Kind.MONEY: {"type": "number"},
        Kind.DAY: {"type": "string", "format": "date"},
        Kind.YEARS: {"type": "integer", "minimum": 0, "maximum": 150},
        Kind.MONTHS: {"type": "integer", "minimum": 0, "maximum": 1800},
        Kind.AGE: {"type": "integer", "minimum": 0, "maximum": 150},
        Kind.FREE: {"type": ["string", "number", "boolean"]},
    }
)


def rule_definitions(fields: Fields = DECLARED_FIELDS) -> dict[str, Any]:
    """Return what belongs under `$defs` of a schema that speaks of rules as `{"$ref": "#/$defs/rule"}`."""
    rule = {
        "anyOf": [
            {"type": "string", "description": "A segment, or a field that is yes or no."},
            {**_RULES, "description": "Any of these."},
            _mapping(fields, {}),
        ]
    }
    free = Field(name=_FREE, kind=Kind.FREE, description="A column of the import without a field of its own")
    compared = (*fields.named.values(), free)
    return {"rule": rule, **{f"field.{field.name}": _comparison(field) for field in compared}}


def segments_schema(fields: Fields = DECLARED_FIELDS) -> dict[str, Any]:
    """Return the schema of a whole file of segments."""
    titles = {"anyOf": [_WORDS, {"type": "object", "additionalProperties": _WORDS}]}
    extras = {"title": titles, "description": {"type": "string"}}
    return {
        "$schema": DIALECT,
        "title": "Segments",
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
        "additionalProperties": {"anyOf": [_WORDS, _RULES, _mapping(fields, extras)]},
        "$defs": rule_definitions(fields),
    }


def _mapping(fields: Fields, extras: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {
            **extras,
            **dict.fromkeys(GROUPS, _RULES),
            **{name: {"$ref": f"#/$defs/field.{name}"} for name in fields.named},
        },
        "patternProperties": {r"^attributes\.": {"$ref": f"#/$defs/field.{_FREE}"}},
        "additionalProperties": {"type": "boolean", "description": "A segment: true for in it, false for not in it."},
    }


def _comparison(field: Field) -> dict[str, Any]:
    if field.kind is Kind.TRUTH:
        return {"type": "boolean", "description": field.description}
    properties = {name: {"description": OPERATORS[name], **_operand(field, name)} for name in field.allowed}
    if TOP_PERCENT in properties:
        properties[LEAVE_BELOW] = _PERCENT
    comparison = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}
    if field.kind is Kind.FREE:
        return {"anyOf": [{"type": "boolean"}, comparison], "description": field.description}
    return {**comparison, "description": field.description}


def _operand(field: Field, operator: str) -> Mapping[str, Any]:
    if operator == TOP_PERCENT:
        return _PERCENT
    if operator in ("within_next", "within_last"):
        return _REACH
    if operator == "contains":
        return _WORDS
    value = {"enum": list(field.choices)} if field.choices else _VALUES[field.kind]
    return {"type": "array", "items": value, "minItems": 1} if operator == "one_of" else value
