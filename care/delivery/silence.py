"""What left for a provider and has no answer: when it answers nothing at all, no more leaves until it does.

The breaker hears of lost answers only when the waits for them are over. Until then everything that leaves would be in
doubt, so what is on its way counts before.
"""

from dataclasses import dataclass

from care.delivery.breaker import IN_ROW, Door
from care.delivery.pace import INTENT_SECONDS

SILENT_SECONDS = INTENT_SECONDS * 3 / 4
"""So long without an answer, while several wait for one, is silence: with the time that each process needs to notice
it, what leaves meanwhile stays below one group."""


@dataclass(slots=True)
class _Waiting:
    count: int
    since: float  # monotonic: of the last answer, or since something waits for one


class Silence:
    """The doors of one process."""

    def __init__(self) -> None:
        """Begin with nothing on its way."""
        self._waiting: dict[Door, _Waiting] = {}

    def left(self, door: Door, monotonic: float) -> None:
        """Note that a request leaves."""
        waiting = self._waiting.get(door)
        if waiting is None:
            self._waiting[door] = _Waiting(1, monotonic)
        else:
            waiting.count += 1

    def ended(self, door: Door, monotonic: float, *, is_answer: bool) -> None:
        """Note that nobody waits for a request any more; `is_answer` False: nothing came, or nothing certain."""
        waiting = self._waiting[door]
        waiting.count -= 1
        if not waiting.count:
            del self._waiting[door]
        elif is_answer:
            waiting.since = monotonic

    def is_silent(self, door: Door, monotonic: float) -> bool:
        """Tell whether several requests wait and no answer has come for so long."""
        waiting = self._waiting.get(door)
        return waiting is not None and waiting.count >= IN_ROW and monotonic - waiting.since >= SILENT_SECONDS
