"""The past week's clock: the wall clock moves when told, the stop-watch is the machine's own."""

from datetime import datetime

from care.base.clock import SystemClock, VirtualClock


class WeekClock(VirtualClock):
    """A virtual wall clock; durations are measured for real, so that the speeds shown are true."""

    def __init__(self, start: datetime) -> None:
        """Start at an aware instant."""
        super().__init__(start)
        self._stopwatch = SystemClock()

    def monotonic(self) -> float:
        """Return real seconds."""
        return self._stopwatch.monotonic()
