"""What left for a provider and has no answer: when it answers nothing at all, no more leaves until it does.

The breaker hears of lost answers only when the waits for them are over. Until then everything that leaves would be in
doubt, so what is on its way counts before.
"""

import math
from dataclasses import dataclass

from care.delivery.breaker import IN_ROW
from care.delivery.pace import INTENT_SECONDS

SILENT_SECONDS = INTENT_SECONDS * 3 / 4
"""So long without an answer, while several wait for one, is silence."""


@dataclass(slots=True)
class Line:
    """What one process knows of one door: few leave before the first answer, more while answers keep coming."""

    waiting: int = 0
    heard_at: float = -math.inf  # monotonic: of the last answer

    def is_silent(self, monotonic: float) -> bool:
        """Tell whether several requests wait and no answer has come for so long, or ever."""
        return self.waiting >= IN_ROW and monotonic - self.heard_at >= SILENT_SECONDS
