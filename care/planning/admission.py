"""May this be promised: does what is due by each deadline fit into the hours before it, with room to spare?

For every deadline the parts due by then must fit into the allowed hours before it at nine tenths of the rate,
together with everything in equally or more urgent lanes. Asked at the time of planning, when it can still be mended.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

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
    """The answer for one subject: messages that are told about together."""

    word: Word
    parts: float
    needs: timedelta  # of sending, at the rate that may be promised
    deadline: datetime  # the first that is missed, or the first of all
    finish: datetime | None
    margin: timedelta | None  # least time between the last part and its deadline, where all fits
    missing: float  # parts without time
    latest_start: datetime | None  # when it would have to start to fit; None where it fits, or never can


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
    late = [load for load in own if passages[load.key].left]
    rate = promised_rate(rate_per_second)
    parts = sum(load.parts for load in own)
    done = [(passages[load.key].finish, load.use_by) for load in own]
    margins = [use_by - finish for finish, use_by in done if finish is not None]
    return Admission(
        word=Word.FITS if not late else Word.REFUSED if is_promised else Word.WARNED,
        parts=parts,
        needs=time_for(parts, rate),
        deadline=min(load.use_by for load in late or own),
        finish=max((finish for finish, _ in done if finish is not None), default=None),
        margin=min(margins, default=None) if not late else None,
        missing=sum(passages[load.key].left for load in own),
        latest_start=latest_start(loads, mine, rate_per_second=rate, earlier=earlier) if late else None,
    )


def latest_start(
    loads: Sequence[Load], mine: Collection[int], *, rate_per_second: float | Fraction, earlier: Earlier
) -> datetime | None:
    """Return the last whole second at which `mine` may begin and still all be in time; None within two months.

    The others keep their hours. Starting earlier never makes more of it late, so halving the time between finds it.
    """
    own = [load for load in loads if load.key in mine]
    others = [load for load in loads if load.key not in mine and load.lane <= max(one.lane for one in own)]
    end = max(load.use_by for load in own)
    needs = time_for(sum(load.parts for load in own), rate_per_second)
    reach = min(max(_FIRST_REACH, 2 * needs), _LONGEST_REACH)
    while True:
        open_to = {load.key: earlier(load, end - reach) for load in own}

        def fits(begin: datetime, open_to: Mapping[int, Spans] = open_to) -> bool:
            begun = [replace(load, spans=_from(open_to[load.key], begin)) for load in own]
            found = pass_through([*others, *begun], rate_per_second=rate_per_second)
            return not any(found[load.key].left for load in own)

        if fits(end - reach):
            return _last(fits, end - reach, end)
        if reach >= _LONGEST_REACH:
            return None
        reach = min(2 * reach, _LONGEST_REACH)


def _last(fits: Callable[[datetime], bool], good: datetime, bad: datetime) -> datetime:
    """Return the last second that is good, given one that is and one that is not."""
    while bad - good > _SECOND:
        middle = good + max(1, (bad - good) // (2 * _SECOND)) * _SECOND
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def _from(spans: Spans, begin: datetime) -> list[tuple[datetime, datetime]]:
    return [(max(opens, begin), closes) for opens, closes in spans if closes > begin]
