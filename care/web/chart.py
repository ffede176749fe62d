"""Geometry of the bar chart: counts in, rectangles out. The template draws them as SVG."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 1000, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 12, 30
_TICKS = 4
_FILL = 0.7  # of a day's width


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """What became of the messages of one local day."""

    day: date
    delivered: int
    on_the_way: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One rectangle; `kind` is its style class."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart ready to be drawn."""

    segments: Sequence[Segment]
    ticks: Sequence[Label]
    days: Sequence[Label]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    width: int = WIDTH
    height: int = HEIGHT


def round_up(count: int) -> int:
    """Return the least end of an axis in four even steps that holds `count`: 4, 8, 20, 40, 80, 200 and so on."""
    steps: Iterator[int] = (base * int(10**power) for power in itertools.count() for base in (1, 2, 5))
    return next(step * _TICKS for step in steps if step * _TICKS >= count)


def draw_days(counts: Sequence[DayCount]) -> Chart:
    """Return stacked bars, one per day."""
    top = round_up(max((c.delivered + c.on_the_way + c.failed for c in counts), default=0))
    floor, span = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(counts))
    segments: list[Segment] = []
    days: list[Label] = []
    for index, count in enumerate(counts):
        x, y = _LEFT + slot * (index + (1 - _FILL) / 2), float(floor)
        for kind, n in (("delivered", count.delivered), ("way", count.on_the_way), ("failed", count.failed)):
            height = span * n / top
            y -= height
            if n:
                words = f"{count.day:%m-%d}: {n} {_WORDS[kind]}"
                segments.append(
                    Segment(
                        kind=kind,
                        x=round(x, 1),
                        y=round(y, 1),
                        width=round(slot * _FILL, 1),
                        height=round(height, 1),
                        words=words,
                    )
                )
        days.append(Label(x=round(_LEFT + slot * (index + 0.5), 1), y=HEIGHT - 8, text=f"{count.day:%m-%d}"))
    ticks = [
        Label(x=_LEFT - 10, y=round(floor - span * n / _TICKS, 1), text=f"{top * n // _TICKS:,}")
        for n in range(_TICKS + 1)
    ]
    return Chart(segments=segments, ticks=ticks, days=days)


_WORDS = {"delivered": "delivered", "way": "handed over, not confirmed", "failed": "not delivered"}
