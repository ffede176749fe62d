"""The values that rules write after an operator, read by the kind of their field."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from care.base.yamlfile import did_you_mean
from care.segments.fields import LEAVE_BELOW, TOP_PERCENT, Field, Kind
from care.segments.model import Days, Share

MOST_DAYS = 3_660
LARGEST = 10**15
LARGEST_WHOLE = 2**31 - 1  # as integer columns hold
LONGEST_TEXT = 200
LONGEST_LIST = 500
_MOST: Mapping[Kind, int] = MappingProxyType({Kind.YEARS: 150, Kind.MONTHS: 1_800, Kind.AGE: 150})
_DAYS = re.compile(r"([0-9]{1,4})([dw])")
WHOLE_SHARE = 100


class ValueProblem(ValueError):  # noqa: N818 - reads as what it is
    """A value that cannot be used: what is wrong, and what to write instead."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem, self.fix = problem, fix


def read_value(node: Any, field: Field, operator: str, *, minor_digits: int) -> Any:
    """Return the value of one comparison, ready for `Leaf.value`.

    Text stays text, days become `date`, money an int in minor units, numbers of attributes `Decimal`, lists tuples.

    Raises:
        ValueProblem: the wrong type, out of range, an empty list.
    """
    if operator == "one_of":
        return _list(node, field, minor_digits)
    if operator in ("within_next", "within_last"):
        return _days(node)
    if operator == "contains":
        return _text(node)
    value = _READERS[field.kind](node, field, minor_digits)
    if field.kind is Kind.FREE and operator != "equals" and not isinstance(value, Decimal):
        raise ValueProblem(f"'{operator}' needs a number, not {shown(node)}", "Write a number without quotes")
    return value


def read_share(enter: Any, leave: Any) -> Share:
    """Return the value of `top_percent` with its optional `leave_below`.

    Raises:
        ValueProblem: not whole percents, or leaving is stricter than entering.
    """
    first = _percent(enter, TOP_PERCENT)
    last = first if leave is None else _percent(leave, LEAVE_BELOW)
    if last < first:
        raise ValueProblem(f"{LEAVE_BELOW} {last} is less than {TOP_PERCENT} {first}", f"Use at least {first}")
    return Share(enter=first, leave=last)


def shown(node: Any) -> str:
    """Return a value as an error names it, cut to a readable length."""
    if isinstance(node, bool):
        return "true" if node else "false"
    if node is None:
        return "nothing"
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence) and not isinstance(node, str):
        return "a list"
    return f"'{str(node)[:40]}'" if isinstance(node, str) else str(node)


def _percent(node: Any, name: str) -> int:
    if isinstance(node, bool) or not isinstance(node, int) or not 1 <= node <= WHOLE_SHARE:
        raise ValueProblem(f"{name} needs a whole number from 1 to 100, not {shown(node)}", f"Write {name}: 20")
    return int(node)


def _days(node: Any) -> Days:
    match = _DAYS.fullmatch(node) if isinstance(node, str) else None
    if match is None:
        raise ValueProblem(f"needs a number of days or weeks, not {shown(node)}", "Write 30d or 4w")
    days = int(match[1]) * (7 if match[2] == "w" else 1)
    if days > MOST_DAYS:
        raise ValueProblem(f"{node} is longer than {MOST_DAYS} days", "Use a shorter time")
    return Days(days=days)


def _list(node: Any, field: Field, minor_digits: int) -> tuple[Any, ...]:
    if not isinstance(node, Sequence) or isinstance(node, str):
        raise ValueProblem(f"needs a list, not {shown(node)}", "Write [first, second], or use equals for one value")
    if not node:
        raise ValueProblem("the list is empty", "Name at least one value")
    if len(node) > LONGEST_LIST:
        raise ValueProblem(f"the list has more than {LONGEST_LIST} values", "Import an attribute and compare that")
    values = tuple(_READERS[field.kind](one, field, minor_digits) for one in node)
    if len({isinstance(one, str) for one in values}) > 1:
        raise ValueProblem("the list mixes numbers and texts", "Put every value in quotes, or none")
    return values


def _text(node: Any, field: Field | None = None, _minor_digits: int = 0) -> str:
    if not isinstance(node, str):
        raise ValueProblem(f"needs text, not {shown(node)}", f'Put it in quotes: "{node}"')
    text = str(node)
    if not text or len(text) > LONGEST_TEXT or not text.isprintable():
        raise ValueProblem("the text is empty, too long or not printable", f"Write 1 to {LONGEST_TEXT} letters")
    if field is not None and field.choices and text not in field.choices:
        raise ValueProblem(f"'{text[:40]}' is not a {field.name}", did_you_mean(text, field.choices))
    return text


def _whole(node: Any, field: Field, _minor_digits: int) -> int:
    most = _MOST.get(field.kind, LARGEST_WHOLE)
    least = 0 if field.kind in _MOST else -LARGEST_WHOLE
    if isinstance(node, bool) or not isinstance(node, int):
        hint = "Use tenure_months for parts of a year" if field.kind is Kind.YEARS else "Write digits only"
        raise ValueProblem(f"needs a whole number, not {shown(node)}", hint)
    if not least <= node <= most:
        raise ValueProblem(f"{node} is out of range", f"Use {least} to {most}")
    return int(node)


def _decimal(node: Any) -> Decimal:
    if isinstance(node, bool) or not isinstance(node, (int, float)):
        raise ValueProblem(f"needs a number, not {shown(node)}", "Write digits without quotes or currency")
    value = Decimal(int(node)) if isinstance(node, int) else Decimal(repr(float(node)))
    if not value.is_finite() or abs(value) > LARGEST:
        raise ValueProblem(f"{node} is out of range", "Use a smaller number")
    return value


def _money(node: Any, _field: Field, minor_digits: int) -> int:
    minor = _decimal(node).scaleb(minor_digits)
    if minor != minor.to_integral_value():
        raise ValueProblem(f"{node} has more than {minor_digits} decimals", "Round it to the smallest coin")
    return int(minor)


def _day(node: Any, _field: Field, _minor_digits: int) -> date:
    if isinstance(node, date) and not isinstance(node, datetime):
        return node
    try:
        return date.fromisoformat(node)
    except (TypeError, ValueError):
        raise ValueProblem(f"needs a day, not {shown(node)}", "Write 2026-09-25") from None


def _free(node: Any, _field: Field, _minor_digits: int) -> Decimal | str:
    if isinstance(node, bool):
        return "true" if node else "false"
    return _text(node) if isinstance(node, str) else _decimal(node)


_READERS: Mapping[Kind, Callable[[Any, Field, int], Any]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.NUMBER: _whole,
        Kind.MONEY: _money,
        Kind.DAY: _day,
        Kind.YEARS: _whole,
        Kind.MONTHS: _whole,
        Kind.AGE: _whole,
        Kind.FREE: _free,
    }
)
