"""How an outcome is put into words: `tenure_years 3.2 < 5`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from care.segments.conditions import MONTHS_A_YEAR, condition_of, full_months, full_years
from care.segments.evaluate import Profile, attribute_text, customer_value_in, stored_values
from care.segments.fields import IS, TOP_PERCENT, Field, Kind, Source
from care.segments.model import Leaf, band_key

_WORDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "at_least": (">=", "<", ">="),
        "at_most": ("<=", ">", "<="),
        "more_than": (">", "<=", ">"),
        "less_than": ("<", ">=", "<"),
        "equals": ("is", "is not", "to be"),
        "one_of": ("is one of", "is none of", "to be one of"),
        "contains": ("contains", "does not contain", "to contain"),
        "within_next": ("is within the next", "is not within the next", "to be within the next"),
        "within_last": ("is within the last", "is not within the last", "to be within the last"),
    }
)
"""What is said of a value that passes, of one that does not, and of what is needed."""
_TENTHS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is the case, in words: the actual value, the needed one, and both in one line."""

    text: str
    actual: str
    needed: str


def statement_of(
    leaf: Leaf, field: Field, profile: Profile, *, passed: bool, as_of: date, minor_digits: int
) -> Statement:
    """Return the words for one comparison of a customer; a value that is missing `is not known`."""
    needed = _needed(leaf, field, minor_digits)
    if leaf.operator == IS:
        actual = _word(leaf.value is passed)
        return Statement(text=f"{leaf.field} is {actual}", actual=actual, needed=needed)
    if leaf.operator == TOP_PERCENT:
        return _rank_statement(leaf, profile, needed, passed=passed)
    passing, failing, needing = _WORDS[leaf.operator]
    actual = ", ".join(sorted(set(_actual(leaf, field, profile, as_of, minor_digits))))
    if not actual:
        return Statement(text=f"{leaf.field} is not known, needs {needing} {needed}", actual="", needed=needed)
    words = passing if passed else failing
    return Statement(text=f"{leaf.field} {actual} {words} {needed}", actual=actual, needed=needed)


def fact_statement(leaf: Leaf, *, passed: bool) -> Statement:
    """Return the words for a fact, of which only the outcome is known."""
    if leaf.operator == IS:
        actual = _word(leaf.value is passed)
        return Statement(text=f"{leaf.field} is {actual}", actual=actual, needed=_word(leaf.value))
    needed = _value_words(leaf.value)
    outcome = f"{leaf.field} {leaf.operator.replace('_', ' ')} {needed}"
    return Statement(text=outcome if passed else f"not: {outcome}", actual="", needed=needed)


def _rank_statement(leaf: Leaf, profile: Profile, needed: str, *, passed: bool) -> Statement:
    percent = profile.percents.get(leaf.field)
    if percent is None:
        return Statement(text=f"{leaf.field} is not ranked, needs {needed}", actual="", needed=needed)
    actual = f"top {percent}%"
    if passed and percent > leaf.value.enter:
        return Statement(text=f"{leaf.field} {actual} stays in {needed}", actual=actual, needed=needed)
    stays = "" if band_key(leaf.field, leaf.value) in profile.bands else ", was not in before"
    outside = f"is outside {needed}{stays if percent <= leaf.value.leave else ''}"
    return Statement(
        text=f"{leaf.field} {actual} {f'is within {needed}' if passed else outside}", actual=actual, needed=needed
    )


def _actual(leaf: Leaf, field: Field, profile: Profile, as_of: date, minor_digits: int) -> list[str]:
    """Return the stored values in the unit the rule speaks of; lengths of time are rounded down."""
    if field.source is Source.ATTRIBUTE:
        text = attribute_text((profile.row.get("attributes") or {}).get(field.column))
        return [] if text is None else [text]
    condition = condition_of(leaf, field, as_of=as_of)
    values = stored_values(field, profile, condition, as_of=as_of)
    if field.kind in (Kind.YEARS, Kind.MONTHS):
        return [_length(field, customer_value_in(profile.row, field.column), as_of) for _ in values]
    if field.kind is Kind.AGE:
        return [str(full_years(value, as_of)) for value in values]
    if field.kind is Kind.MONEY:
        return [_major(value, minor_digits) for value in values]
    return [_value_words(value) for value in values]


def _length(field: Field, since: date, as_of: date) -> str:
    months = full_months(since, as_of)
    if field.kind is Kind.MONTHS:
        return str(months)
    return str(Decimal(months * _TENTHS // MONTHS_A_YEAR) / _TENTHS)


def _major(minor: int, minor_digits: int) -> str:
    return f"{Decimal(minor).scaleb(-minor_digits):.{minor_digits}f}"


def _needed(leaf: Leaf, field: Field, minor_digits: int) -> str:
    if field.kind is Kind.MONEY and isinstance(leaf.value, int):
        return _major(leaf.value, minor_digits).removesuffix("." + "0" * minor_digits)
    return _value_words(leaf.value)


def _value_words(value: Any) -> str:
    if isinstance(value, bool):
        return _word(value)
    return ", ".join(_value_words(one) for one in value) if isinstance(value, tuple) else str(value)


def _word(value: bool) -> str:
    return "true" if value else "false"
