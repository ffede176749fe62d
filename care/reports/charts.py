"""Geometry of a report's charts: shares in, places out. The template draws them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from care.reports.document import Bars, Line

WIDTH = 720
_LABEL, _RIGHT, _ROW, _TOP = 190, 96, 24, 8
_LINE_HEIGHT, _LINE_LEFT, _LINE_RIGHT, _LINE_TOP, _LINE_BOTTOM = 230, 44, 16, 12, 44
_MOST_LABELS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnBar:
    """A bar, the whisker of its interval, its name and its words."""

    y: float
    width: float | None
    low: float | None
    high: float | None
    label: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnBars:
    """Bars ready to be drawn."""

    height: int
    bars: Sequence[DrawnBar]
    ticks: Sequence[Mark]
    width: int = WIDTH
    left: int = _LABEL
    row: int = _ROW


def draw_bars(chart: Bars) -> DrawnBars:
    """Return horizontal bars from 0 to 100%."""
    span = WIDTH - _LABEL - _RIGHT
    bars = [
        DrawnBar(
            y=_TOP + _ROW * place,
            width=None if bar.value is None else round(span * bar.value / 100, 1),
            low=None if bar.low is None else round(_LABEL + span * bar.low / 100, 1),
            high=None if bar.high is None else round(_LABEL + span * bar.high / 100, 1),
            label=_short(bar.label),
            words=bar.note if bar.value is None else f"{bar.value:.0f}%  n {bar.n:,}",
        )
        for place, bar in enumerate(chart.bars)
    ]
    height = _TOP + _ROW * len(bars) + 22
    ticks = [Mark(x=_LABEL + span * p / 100, y=height - 6, text=f"{p}%") for p in range(0, 101, 25)]
    return DrawnBars(height=height, bars=bars, ticks=ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a line."""

    x: float
    y: float
    is_out: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLine:
    """A line with its limits, ready to be drawn; `limits` are the corners of an area."""

    dots: Sequence[Dot]
    path: str
    limits: str
    middle: float | None
    ticks: Sequence[Mark]
    days: Sequence[Mark]
    width: int = WIDTH
    height: int = _LINE_HEIGHT
    left: int = _LINE_LEFT
    right: int = WIDTH - _LINE_RIGHT


def draw_line(chart: Line) -> DrawnLine:
    """Return a line whose axis begins at a round share below everything on it."""
    lowest = min((s.limits.low * 100 if s.limits else s.value for s in chart.steps), default=0.0)
    floor = int(max(0, min([lowest, *(s.value for s in chart.steps)]) // 20 * 20))
    span = _LINE_HEIGHT - _LINE_TOP - _LINE_BOTTOM

    def y_of(percent: float) -> float:
        return round(_LINE_TOP + span * (100 - percent) / (100 - floor or 1), 1)

    slot = (WIDTH - _LINE_LEFT - _LINE_RIGHT) / max(1, len(chart.steps))
    xs = [round(_LINE_LEFT + slot * (place + 0.5), 1) for place in range(len(chart.steps))]
    dots = [
        Dot(x=x, y=y_of(s.value), is_out=s.is_out, words=f"{s.first:%m-%d}: {s.value:.0f}% of {s.n}")
        for x, s in zip(xs, chart.steps, strict=True)
    ]
    limited = [(x, s.limits) for x, s in zip(xs, chart.steps, strict=True) if s.limits]
    corners = [(x, y_of(100 * one.high)) for x, one in limited] + [
        (x, y_of(100 * one.low)) for x, one in reversed(limited)
    ]
    every = -(-len(xs) // _MOST_LABELS)
    return DrawnLine(
        dots=dots,
        path=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        limits=" ".join(f"{x},{y}" for x, y in corners),
        middle=y_of(100 * limited[0][1].middle) if limited else None,
        ticks=[Mark(x=_LINE_LEFT - 6, y=y_of(p), text=f"{p}%") for p in range(floor, 101, 20)],
        days=[
            Mark(x=x, y=_LINE_HEIGHT - 26, text=f"{s.first:%m-%d}")
            for place, (x, s) in enumerate(zip(xs, chart.steps, strict=True))
            if place % every == 0
        ],
    )


def _short(label: str, most: int = 24) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
