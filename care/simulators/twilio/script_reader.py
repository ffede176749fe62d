"""Reads a fault script from JSON; every mistake names its key."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

from care.simulators.twilio.catalogue import FAILURES, REFUSALS
from care.simulators.twilio.faults import KINDS, CallbackFaults, Script, ScriptError

T = TypeVar("T")


def read_script(text: str, *, seed: int = 0) -> Script:
    """Return the script that JSON `text` describes; keys it leaves out keep their defaults.

    Raises:
        ScriptError: for anything that is not a script.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise ScriptError(f"the script is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ScriptError("the script must be a JSON object")
    values: dict[str, Any] = {"seed": seed}
    for key, value in raw.items():
        if key not in _READERS:
            raise ScriptError(f"{key!r} is not a key of a script; known: {', '.join(_READERS)}")
        values[key] = _READERS[key](key, value)
    return Script(**values)


def _fault(key: str, value: object) -> str:
    name = str(value)
    if name in KINDS or (name.isdecimal() and int(name) in REFUSALS):
        return name
    raise ScriptError(f"{key}: {name!r} is neither a fault ({', '.join(sorted(KINDS))}) nor a refusal's code")


def _outcome(key: str, value: object) -> int:
    code = str(value)
    if code in ("0", "ok") or (code.isdecimal() and int(code) in FAILURES):
        return 0 if code == "ok" else int(code)
    raise ScriptError(f"{key}: {code!r} is not a code of a message that fails")


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ScriptError(f"{key}: {value!r} is not a number of at least 0")
    return float(value)


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScriptError(f"{key}: {value!r} is not a whole number")
    return value


def _probability(key: str, value: object) -> float:
    rate = _number(key, value)
    if rate > 1:
        raise ScriptError(f"{key}: a rate lies between 0 and 1, not {rate:g}")
    return rate


def _list_of(read: Callable[[str, object], T]) -> Callable[[str, object], deque[T]]:
    def read_list(key: str, value: object) -> deque[T]:
        if not isinstance(value, list):
            raise ScriptError(f"{key}: must be a list")
        return deque(read(key, item) for item in value)

    return read_list


def _rates_of(read: Callable[[str, object], T]) -> Callable[[str, object], dict[T, float]]:
    def read_rates(key: str, value: object) -> dict[T, float]:
        rates = {read(key, name): _probability(f"{key}.{name}", rate) for name, rate in _object(key, value)}
        if sum(rates.values()) > 1:
            raise ScriptError(f"{key}: the rates add up to more than 1")
        return rates

    return read_rates


def _object(key: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise ScriptError(f"{key}: must be an object")
    return list(value.items())


def _callbacks(key: str, value: object) -> CallbackFaults:
    given: dict[str, Any] = {}
    known = {each.name for each in fields(CallbackFaults)}
    for name, setting in _object(key, value):
        if name not in known:
            raise ScriptError(f"{key}.{name} is not known; known: {', '.join(sorted(known))}")
        place = f"{key}.{name}"
        given[name] = _span(place, setting) if name == "delay_seconds" else _probability(place, setting)
    return CallbackFaults(**given)


def _span(key: str, value: object) -> tuple[float, float]:
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) != 2:  # noqa: PLR2004 - from and to
        raise ScriptError(f"{key}: must be seconds, or [from, to]")
    return _number(key, pair[0]), _number(key, pair[1])


_READERS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "seed": _whole,
    "create": _list_of(_fault),
    "create_rates": _rates_of(_fault),
    "outcomes": _list_of(_outcome),
    "outcome_rates": _rates_of(_outcome),
    "hang_seconds": _number,
    "max_in_flight": _whole,
    "callbacks": _callbacks,
}
