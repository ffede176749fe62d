"""May this be promised: does what is due by each deadline fit into the hours before it, with room to spare?

For every deadline the parts due by then must fit into the allowed hours before it at nine tenths of the rate,
together with everything in equally or more urgent lanes. Asked at the time of planning, when it can still be mended.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from care.base.vocabulary import Purpose
from care.planning.capacity import Load, Passage, Spans, pass_through, time_for

HEADROOM = Fraction(1, 10)
"""Share of the rate that no promise counts on: less urgent lanes, second tries and slow minutes live on it."""

PROMISED = (Purpose.EMERGENCY, Purpose.SERVICE)
"""What is refused when it does not fit; the others are warned of."""

_FIRST_REACH = timedelta(days=3)
_LONGEST_REACH = timedelta(days=60)
_SECOND = timedelta(seconds=1)

Earlier = Callable[[Load, datetime], Spans]
"""A load and an instant -> the allowed hours from then to the end of the load's use, as if it were due already."""


class Word(StrEnum):
    """What admission says."""

    FITS = "fits"
    WARNED = "warned"  #: some would be too late; nothing was promised
    REFUSED = "refused"  #: a promise that cannot be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The answer for one subject: messages that are told about together.

    They may be of several zones, each with a deadline of its own. `key` is a load of the group that `deadline` and
    `margin` or `latest_start` belong to: the one with the least time to spare, or the one that has to begin first.
    """

    word: Word
    parts: float
    needs: timedelta  # of sending, at the rate that may be promised
    deadline: datetime
    finish: datetime | None  # of the last of all
    margin: timedelta | None  # least time between the last part and its deadline, where all fits
    missing: float  # parts without time
    latest_start: datetime | None  # when what is late would have to start to fit; None where all fits, or never can
    key: int | None = None


class Start(NamedTuple):
    """When loads would have to begin, all at one time unless they do already, for all to be in time."""

    at: datetime | None  # a whole second before the last deadline; None: not within two months
    first: Load  # late if they begin a second later
    moved: frozenset[int]  # their keys


def promised_rate(rate_per_second: float) -> Fraction:
    """Return the parts per second that promises may count on."""
    return Fraction(rate_per_second) * (1 - HEADROOM)


def admit(
    loads: Sequence[Load],
    mine: Collection[int],
    passages: Mapping[int, Passage],
    *,
    rate_per_second: float,
    is_promised: bool,
    earlier: Earlier,
) -> Admission:
    """Judge the loads whose keys are `mine` among all of one sender.

    `passages` are those of all loads at `promised_rate`.
    """
    own = [load for load in loads if load.key in mine]
    rate = promised_rate(rate_per_second)
    parts = sum(load.parts for load in own)
    finishes = {load.key: finish for load in own if (finish := passages[load.key].finish) is not None}
    margins = {load.key: load.use_by - finishes[load.key] for load in own if load.key in finishes}
    start = None
    if late := [load.key for load in own if passages[load.key].left]:
        start = latest_start(loads, late, mine=mine, rate_per_second=rate, earlier=earlier)
        told = start.first
    else:
        told = min(own, key=lambda load: (margins.get(load.key, timedelta.max), load.use_by, load.key))
    return Admission(
        word=Word.FITS if start is None else Word.REFUSED if is_promised else Word.WARNED,
        parts=parts,
        needs=time_for(parts, rate),
        deadline=told.use_by,
        finish=max(finishes.values(), default=None),
        margin=margins.get(told.key) if start is None else None,
        missing=sum(passages[load.key].left for load in own),
        latest_start=start.at if start else None,
        key=told.key,
    )


def latest_start(
    loads: Sequence[Load],
    late: Collection[int],
    *,
    mine: Collection[int] = (),
    rate_per_second: float | Fraction,
    earlier: Earlier,
) -> Start:
    """Return when the loads with keys `late` would have to begin, so that they and all of `mine` are in time.

    What is in time keeps its hours, unless it is late once the others begin earlier: then it begins with them.
    """
    moved = frozenset(late)
    while True:
        shift = _Shift(loads, moved, rate_per_second, earlier)
        found = shift.latest()
        pushed = frozenset() if found.at is None else shift.late_of(mine, found.at) - moved
        if not pushed:
            return found
        moved |= pushed


class _Shift:
    """Some loads begin earlier; the others keep their hours."""

    def __init__(
        self, loads: Sequence[Load], keys: frozenset[int], rate_per_second: float | Fraction, earlier: Earlier
    ) -> None:
        self._keys = keys
        self._moved = [load for load in loads if load.key in keys]
        lowest = max(load.lane for load in self._moved)
        self._others = [load for load in loads if load.key not in keys and load.lane <= lowest]
        self._rate, self._earlier = rate_per_second, earlier
        self._end = max(load.use_by for load in self._moved)
        self._open_to: dict[int, Spans] = {}

    def latest(self) -> Start:
        """Return the answer, found by halving the time between: all begun at once, an earlier start makes none late.

        Some may begin before that anyway. They only gain by it, so the answer holds; now and then a later one would.
        """
        needs = time_for(sum(load.parts for load in self._moved), self._rate)
        reach = min(max(_FIRST_REACH, 2 * needs), _LONGEST_REACH)
        while True:
            since = self._end - reach
            self._open_to = {load.key: self._earlier(load, since) for load in self._moved}
            if not (missed := self._missed(since)):
                at = _last(lambda begin: not self._missed(begin), since, self._end)
                return Start(at, self._missed(at + _SECOND)[0], self._keys)
            if reach >= _LONGEST_REACH:
                return Start(None, missed[0], self._keys)
            reach = min(2 * reach, _LONGEST_REACH)

    def late_of(self, keys: Collection[int], begin: datetime) -> frozenset[int]:
        """Return which of some loads are late if those that move begin at this time."""
        found = self._pass(begin)
        return frozenset(key for key in keys if key in found and found[key].left)

    def _missed(self, begin: datetime) -> list[Load]:
        found = self._pass(begin)
        return sorted((load for load in self._moved if found[load.key].left), key=lambda load: (load.use_by, load.key))

    def _pass(self, begin: datetime) -> dict[int, Passage]:
        begun = [replace(load, spans=self._spans(load, begin)) for load in self._moved]
        return pass_through([*self._others, *begun], rate_per_second=self._rate)

    def _spans(self, load: Load, begin: datetime) -> Spans:
        if load.spans and load.spans[0][0] <= begin:
            return load.spans
        return [(max(opens, begin), closes) for opens, closes in self._open_to[load.key] if closes > begin]


def _last(fits: Callable[[datetime], bool], good: datetime, bad: datetime) -> datetime:
    """Return the last second that is good, given one that is and one that is not."""
    while bad - good > _SECOND:
        middle = good + max(1, (bad - good) // (2 * _SECOND)) * _SECOND
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good
