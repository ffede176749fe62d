"""When will it be done: messages of several lanes through one sender at a steady rate, worked out, not tried."""

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

Spans = Sequence[tuple[datetime, datetime]]
"""Half-open stretches of time in order."""

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Parts of one sort of message. They may leave within `spans`, half-open and in order, the last before use_by."""

    key: int  # the caller's
    lane: int  # 0 goes first
    parts: float
    spans: Spans
    use_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """How a load gets through: `start` and `finish` of its parts, and how many are left when its time is over."""

    start: datetime | None = None
    finish: datetime | None = None
    left: float = 0.0


def without(spans: Spans, closed: Spans) -> Spans:
    """Return what is left of stretches when others, in order and apart, are cut out of them."""
    left = list[tuple[datetime, datetime]]()
    for begin, end in spans:
        at = begin
        for opens, closes in closed:
            if closes <= at or opens >= end:
                continue
            if opens > at:
                left.append((at, opens))
            at = closes
        if at < end:
            left.append((at, end))
    return left


def time_for(parts: float, rate_per_second: float | Fraction) -> timedelta:
    """Return how long a sender takes for so many parts, rounded up to a whole microsecond."""
    return timedelta(microseconds=math.ceil(Fraction(parts) * 1_000_000 / Fraction(rate_per_second)))


def pass_through(loads: Sequence[Load], *, rate_per_second: float | Fraction) -> dict[int, Passage]:
    """Return the passage of each load by key: more important lanes first, then the earliest deadline.

    Between two instants at which anything opens or closes the sender works through what is open in that order. Work
    is counted in whole microseconds of sending, so the result is exact for a steady rate.
    """
    needs = {load.key: time_for(load.parts, rate_per_second) for load in loads}
    left = dict(needs)
    found = {load.key: Passage(left=load.parts) for load in loads}
    edges = sorted({edge for load in loads for span in load.spans for edge in span})
    coming = deque(sorted((load for load in loads if load.spans), key=lambda load: load.spans[0][0]))
    alive: list[Load] = []
    for begin, end in itertools.pairwise(edges):
        while coming and coming[0].spans[0][0] <= begin:
            alive.append(coming.popleft())
        alive = [load for load in alive if left[load.key] and load.spans[-1][1] > begin]
        alive.sort(key=lambda load: (load.lane, load.use_by, load.key))
        at = begin
        for load in alive:
            if at >= end or not any(opened <= begin < closes for opened, closes in load.spans):
                continue
            taken = min(left[load.key], end - at)
            left[load.key] -= taken
            found[load.key] = Passage(
                start=found[load.key].start or at,
                finish=at + taken,
                left=load.parts * (left[load.key] / needs[load.key]) if left[load.key] > _NONE else 0.0,
            )
            at += taken
    return found
