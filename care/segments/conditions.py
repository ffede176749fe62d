"""A leaf brought down to one plain comparison of one stored value, the same for SQL and for Python."""

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from care.segments.fields import IS, Field, Kind
from care.segments.model import Leaf

MONTHS_A_YEAR = 12
NUMBER_LENGTH = 15  # characters: as many digits as a double carries exactly
NUMBER_PATTERN = r"-?[0-9]+(\.[0-9]+)?"  # what spells a number in an attribute
ONE_DAY = timedelta(days=1)


class Test(StrEnum):
    """How a stored value is compared. A value that is missing passes none of them."""

    __test__ = False  # not a class of tests

    IS = "is"
    EQUAL = "="
    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    IN = "in"
    CONTAINS = "contains"
    BETWEEN = "between"  # both ends included


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Compare the stored value of `field` with `value`; `value` has the type of the column (money in minor units)."""

    field: Field
    test: Test
    value: Any


_PLAIN: Mapping[str, Test] = MappingProxyType(
    {
        IS: Test.IS,
        "equals": Test.EQUAL,
        "at_least": Test.AT_LEAST,
        "at_most": Test.AT_MOST,
        "more_than": Test.MORE,
        "less_than": Test.LESS,
        "one_of": Test.IN,
        "contains": Test.CONTAINS,
    }
)


def months_before(day: date, months: int) -> date:
    """Return the latest day from which `months` months are full on `day`.

    A month that is too short counts as full on its last day, so 29 February has its anniversary on 28 February:
    one year is full on 28 February 2025 for all who joined up to 29 February 2024.
    """
    index = day.year * MONTHS_A_YEAR + day.month - 1 - months
    year, month = divmod(index, MONTHS_A_YEAR)
    last = calendar.monthrange(year, month + 1)[1]
    is_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return date(year, month + 1, last if is_last else min(day.day, last))


def full_months(since: date, day: date) -> int:
    """Return how many months are full on `day` since a day, by the same count; negative before it."""
    months = (day.year - since.year) * MONTHS_A_YEAR + day.month - since.month
    last = calendar.monthrange(day.year, day.month)[1]
    return months if day.day >= min(since.day, last) else months - 1


def day_number(day: date) -> int:
    """Return year * 10000 + month * 100 + day, which orders as days do."""
    return day.year * 10_000 + day.month * 100 + day.day


def full_years(born: int, day: date) -> int:
    """Return how many years are full on `day` since a `day_number`, by the same count."""
    years = day.year - born // 10_000
    return years if born <= day_number(months_before(day, years * MONTHS_A_YEAR)) else years - 1


def condition_of(leaf: Leaf, field: Field, *, as_of: date) -> Condition:
    """Return the comparison that a leaf means on a day; not for `top_percent` and facts."""
    lower = _BY_KIND.get(field.kind)
    if lower is not None:
        return lower(leaf, field, as_of)
    if leaf.operator in ("within_next", "within_last"):
        return _near(leaf, field, as_of)
    value = leaf.value
    if isinstance(value, Decimal):
        value = float(value)
    elif leaf.operator == "one_of" and any(isinstance(one, Decimal) for one in value):
        value = tuple(float(one) for one in value)
    return Condition(field=field, test=_PLAIN[leaf.operator], value=value)


def _near(leaf: Leaf, field: Field, as_of: date) -> Condition:
    reach = timedelta(days=leaf.value.days)
    span = (as_of, as_of + reach) if leaf.operator == "within_next" else (as_of - reach, as_of)
    return Condition(field=field, test=Test.BETWEEN, value=span)


def _since(leaf: Leaf, field: Field, as_of: date) -> Condition:
    """Turn a length of time since a day into a cut-off day. The length grows evenly: 3.2 years is more than 3."""
    months = leaf.value * (MONTHS_A_YEAR if field.kind is Kind.YEARS else 1)
    day = as_of if leaf.operator in ("at_least", "less_than") else as_of - ONE_DAY
    is_lower_bound = leaf.operator in ("at_least", "more_than")
    return Condition(field=field, test=Test.AT_MOST if is_lower_bound else Test.MORE, value=months_before(day, months))


def _age(leaf: Leaf, field: Field, as_of: date) -> Condition:
    """Turn completed years into a bound on the day of birth: somebody of 30 and a half is 30."""

    def born_by(years: int) -> int:
        return day_number(months_before(as_of, years * MONTHS_A_YEAR))

    value: int = leaf.value
    if leaf.operator == "equals":
        return Condition(field=field, test=Test.BETWEEN, value=(born_by(value + 1) + 1, born_by(value)))
    if leaf.operator in ("at_least", "more_than"):
        bound = born_by(value + (leaf.operator == "more_than"))
        return Condition(field=field, test=Test.AT_MOST, value=bound)
    return Condition(field=field, test=Test.MORE, value=born_by(value + (leaf.operator == "at_most")))


_BY_KIND: Mapping[Kind, Callable[[Leaf, Field, date], Condition]] = MappingProxyType(
    {Kind.YEARS: _since, Kind.MONTHS: _since, Kind.AGE: _age}
)
