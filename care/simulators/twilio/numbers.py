"""Telephone numbers with a meaning of their own; the package's docstring lists them."""

from collections.abc import Mapping
from typing import Final

from care.simulators.twilio.catalogue import FAILURES, REFUSALS, Failure, Refusal

POOL_NUMBER: Final = "+15005550006"  #: what a Messaging Service sends from unless it was given numbers

_TWILIO_TO: Final[Mapping[str, int]] = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
_TWILIO_FROM: Final[Mapping[str, int]] = {
    "+15005550001": 21212,
    "+15005550007": 21606,
    "+15005550008": 21611,
}
_FAULTS: Final[Mapping[str, str]] = {
    "5500408": "lost-reply",
    "5500409": "cut",
    "5500429": "429",
    "5500503": "503",
    "5500504": "503-after",
}
_NEVER_CONFIRMED: Final = "5500000"
_SUFFIX: Final = 7  #: digits that decide, counted from the end
_MARK: Final = "55"  #: what they begin with


def refusal_of_recipient(number: str) -> Refusal | None:
    """Return how the API refuses to send to a reserved number, None for any other."""
    code = _TWILIO_TO.get(number) or _code(number)
    return REFUSALS.get(code) if code else None


def refusal_of_sender(number: str) -> Refusal | None:
    """Return how the API refuses to send from a reserved number, None for any other."""
    code = _TWILIO_FROM.get(number)
    return REFUSALS[code] if code else None


def fault_of(number: str) -> str | None:
    """Return the fault that every create to a reserved number meets, None for any other."""
    return _FAULTS.get(number[-_SUFFIX:])


def failure_of(number: str) -> Failure | None:
    """Return why messages to a reserved number never arrive, None for any other."""
    code = _code(number)
    return FAILURES.get(code) if code else None


def is_never_confirmed(number: str) -> bool:
    """Tell whether messages to this number stay `sent` because its carrier never reports."""
    return number.endswith(_NEVER_CONFIRMED)


def _code(number: str) -> int | None:
    tail = number[-_SUFFIX:]
    return int(tail[2:]) if tail.startswith(_MARK) and tail.isdecimal() else None
