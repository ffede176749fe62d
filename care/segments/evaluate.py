"""The same comparisons as the SQL predicate makes, on values at hand: for explanations, also of past days."""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from care.segments.conditions import (
    NUMBER_LENGTH,
    NUMBER_PATTERN,
    Condition,
    Test,
    condition_of,
)
from care.segments.fields import BIRTH_MONTH, BORN, TOP_PERCENT, Field, Source
from care.segments.model import Leaf, Share, band_key

_NUMBER = re.compile(NUMBER_PATTERN)
_TESTS: Mapping[Test, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        Test.IS: lambda actual, value: bool(actual) is value,
        Test.EQUAL: operator.eq,
        Test.AT_LEAST: operator.ge,
        Test.AT_MOST: operator.le,
        Test.MORE: operator.gt,
        Test.LESS: operator.lt,
        Test.IN: lambda actual, values: actual in values,
        Test.CONTAINS: lambda actual, part: part in actual,
        Test.BETWEEN: lambda actual, ends: ends[0] <= actual <= ends[1],
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What rules may ask about one customer, apart from facts.

    `row` holds the columns of `customer`; `percents` the rank by measure; `bands` the remembered memberships.
    """

    row: Mapping[str, Any]
    subscriptions: Sequence[Mapping[str, Any]] = ()
    channels: frozenset[str] = frozenset()
    percents: Mapping[str, int] = field(default_factory=dict)
    bands: frozenset[str] = frozenset()


def passes(leaf: Leaf, field: Field, profile: Profile, *, as_of: date) -> bool:
    """Return whether a customer passes a comparison; not for facts, which only SQL can answer."""
    if leaf.operator == TOP_PERCENT:
        return _ranks_within(field.name, leaf.value, profile)
    condition = condition_of(leaf, field, as_of=as_of)
    if field.source is Source.CONTACT:
        return (field.column in profile.channels) is condition.value
    return any(_holds(condition, actual) for actual in stored_values(field, profile, condition, as_of=as_of))


def stored_values(field: Field, profile: Profile, condition: Condition, *, as_of: date) -> list[Any]:
    """Return the known values a condition is put to: one of a customer, one per subscription that counts."""
    if field.source is Source.SUBSCRIPTION:
        rows = _counting(field, profile.subscriptions, as_of)
        values = [row[field.column] for row in rows]
    elif field.source is Source.ATTRIBUTE:
        values = [_attribute(profile.row.get("attributes") or {}, field.column, condition)]
    else:
        values = [customer_value_in(profile.row, field.column)]
    return [value for value in values if value is not None]


def customer_value_in(row: Mapping[str, Any], column: str) -> Any:
    """Return the value behind a customer field: a column, or what follows from several."""
    if column not in (BORN, BIRTH_MONTH):
        return row[column]
    if row["birth_calendar"] != "solar" or row["birth_mmdd"] is None:
        return None
    if column == BIRTH_MONTH:
        return row["birth_mmdd"] // 100
    return None if row["birth_year"] is None else row["birth_year"] * 10_000 + row["birth_mmdd"]


def attribute_text(value: Any) -> str | None:
    """Return a member of the attributes as text; None for null, lists and objects."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (bool, int, float)) else None


def _attribute(attributes: Mapping[str, Any], name: str, condition: Condition) -> str | float | None:
    text = attribute_text(attributes.get(name))
    first = condition.value[0] if condition.test is Test.IN else condition.value
    if text is None or not isinstance(first, float):
        return text
    is_number = len(text) <= NUMBER_LENGTH and _NUMBER.fullmatch(text)
    return float(text) if is_number else None


def _counting(field: Field, rows: Sequence[Mapping[str, Any]], as_of: date) -> list[Mapping[str, Any]]:
    if field.column == "ends_on":
        return list(rows)
    return [row for row in rows if row["ends_on"] is None or row["ends_on"] >= as_of]


def _holds(condition: Condition, actual: Any) -> bool:
    return _TESTS[condition.test](actual, condition.value)


def _ranks_within(measure: str, share: Share, profile: Profile) -> bool:
    percent = profile.percents.get(measure)
    if percent is None:
        return False
    return percent <= share.enter or (percent <= share.leave and band_key(measure, share) in profile.bands)
