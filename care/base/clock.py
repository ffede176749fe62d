"""The only module that reads the clock. Everything else takes `now` as an argument or asks a `Clock`."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never steps; only differences mean something."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may

    def monotonic(self) -> float:
        """Return seconds since some fixed point."""
        return time.monotonic()


class VirtualClock:
    """A clock that moves only when told: for tests, the demo's past week and simulations."""

    def __init__(self, start: datetime) -> None:
        """Start at an aware instant."""
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Return the instant the clock was moved to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced so far; setting the wall clock does not change them."""
        return self._elapsed

    def advance(self, by: timedelta) -> None:
        """Move forward by a duration."""
        self._now += by
        self._elapsed += by.total_seconds()

    def set(self, to: datetime) -> None:
        """Step the wall clock, as an administrator would; the monotonic clock stays."""
        self._now = to.astimezone(UTC)
