"""When will it be done: messages of several lanes through one sender at a steady rate, worked out, not tried."""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_NOTHING = 1e-6  # parts; below it a load counts as done


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Parts of one sort of message. They may leave within `spans`, half-open and in order, the last before use_by."""

    key: int  # the caller's
    lane: int  # 0 goes first
    parts: float
    spans: Sequence[tuple[datetime, datetime]]
    use_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """How a load gets through: `start` and `finish` of its parts, and how many are left when its time is over."""

    start: datetime | None = None
    finish: datetime | None = None
    left: float = 0.0


def pass_through(loads: Sequence[Load], *, rate_per_second: float) -> dict[int, Passage]:
    """Return the passage of each load by key: more important lanes first, then the earliest deadline.

    Between two instants at which anything opens or closes the sender works through what is open in that order, so
    the result is exact for a steady rate.
    """
    left = {load.key: load.parts for load in loads}
    found = {load.key: Passage(left=load.parts) for load in loads}
    edges = sorted({edge for load in loads for span in load.spans for edge in span})
    coming = deque(sorted((load for load in loads if load.spans), key=lambda load: load.spans[0][0]))
    alive: list[Load] = []
    for begin, end in itertools.pairwise(edges):
        while coming and coming[0].spans[0][0] <= begin:
            alive.append(coming.popleft())
        alive = [load for load in alive if left[load.key] > _NOTHING and load.spans[-1][1] > begin]
        alive.sort(key=lambda load: (load.lane, load.use_by, load.key))
        at = begin
        for load in alive:
            if at >= end or not any(opened <= begin < closes for opened, closes in load.spans):
                continue
            sent = min(left[load.key], (end - at).total_seconds() * rate_per_second)
            done = at + timedelta(seconds=sent / rate_per_second)
            left[load.key] -= sent
            found[load.key] = Passage(
                start=found[load.key].start or at,
                finish=done,
                left=left[load.key] if left[load.key] > _NOTHING else 0.0,
            )
            at = done
    return found
