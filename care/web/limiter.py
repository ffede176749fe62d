"""How often one visitor may ask: a bucket per address, refilled steadily, in memory of this process."""

from collections import OrderedDict


class Limiter:
    """Allows `burst` requests at once and `per_second` after that, for each of the latest visitors."""

    def __init__(self, *, per_second: float, burst: int, remember: int = 10_000) -> None:
        self._per_second = per_second
        self._burst = burst
        self._remember = remember
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # visitor -> (left, at)

    def allows(self, visitor: str, now: float) -> bool:
        """Count one request at `now`, in seconds of a clock that never steps; return whether it may go on."""
        left, at = self._buckets.pop(visitor, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        allowed = left >= 1
        self._buckets[visitor] = (left - 1 if allowed else left, now)
        while len(self._buckets) > self._remember:
            self._buckets.popitem(last=False)
        return allowed
