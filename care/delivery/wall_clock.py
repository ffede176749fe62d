"""Notices that the clock on the wall was set: what is due and what is late may have changed at a stroke."""

from datetime import timedelta

from care.base.clock import Clock

STEP = timedelta(minutes=5)
"""Less is what time servers correct."""


class WallClock:
    """Compares the wall clock with one that never steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = self._ahead_now()

    def step(self) -> timedelta:
        """Return by how much the wall clock was set since the last look; nothing, if by less than a step."""
        before, self._ahead = self._ahead, self._ahead_now()
        moved = timedelta(seconds=self._ahead - before)
        return moved if abs(moved) >= STEP else timedelta(0)

    def _ahead_now(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
