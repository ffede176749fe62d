"""What every mail provider's webhook has in common."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

MOST_BODY_BYTES = 1024 * 1024
_LONGEST_KEY = 80
_LONGEST_TEXT = 2_000


class HookRefusedError(Exception):
    """Not signed by the provider, too old, or no key is set for it; the text says which."""


class HookUnreadableError(ValueError):
    """Signed, but not what the provider sends; the text names the field."""


class HookNotYetError(Exception):
    """It cannot be checked now; the provider shall come again."""


class EmailHook(Protocol):
    """One provider's webhook."""

    def take(self, body: bytes, headers: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
        """Check a request and return the rows of the inbox that it makes; may wait for the network.

        Raises:
            HookRefusedError, HookUnreadableError, HookNotYetError.
        """
        ...


def load(body: bytes) -> Any:
    """Return the JSON of a body.

    Raises:
        HookUnreadableError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HookUnreadableError("JSON") from None


def table(value: Any, *path: str) -> dict[str, Any]:
    """Return a table inside a table, empty where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: Any, *path: str) -> str:
    """Return a text inside a table, '' where there is none; characters that no database keeps are dropped."""
    found = table(value, *path[:-1]).get(path[-1]) if path else value
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        found = str(found)
    kept = found[:_LONGEST_TEXT].encode("utf-8", "ignore").decode() if isinstance(found, str) else ""
    return kept.replace("\0", "")


def tables(value: Any) -> list[dict[str, Any]]:
    """Return the tables of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def make_row(kind: str, key: str, payload: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a row of the inbox; `key` is the provider's own id of what it reports."""
    if not key or len(key) > _LONGEST_KEY:
        key = hashlib.sha256((key or json.dumps(payload, sort_keys=True)).encode("utf-8", "replace")).hexdigest()
    row = {"kind": kind, "dedupe": f"{kind}:{key}", "token": None, "payload": dict(payload)}
    return row | {"received_at": now, "wake_at": now}


def check_age(stamp: str, now: datetime, tolerance: timedelta) -> None:
    """Refuse a timestamp, in seconds since 1970, that is too far from now.

    Raises:
        HookRefusedError: it is no time, or too far.
    """
    if not (stamp.isdecimal() and stamp.isascii() and len(stamp) <= 12):  # noqa: PLR2004 - seconds of ten thousand years
        raise HookRefusedError("no timestamp")
    if abs(now.timestamp() - int(stamp)) > tolerance.total_seconds():
        raise HookRefusedError("too old, or from the future")
