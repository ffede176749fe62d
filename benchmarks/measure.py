"""How rows are measured and told: rounds take turns, medians count, of the rate and of the CPU spent."""

import math
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

SINK_FACTOR = 3
"""A sink must be this many times as fast as what is measured on it."""


class Spent(NamedTuple):
    """Seconds on the wall, and seconds of CPU of whoever did the work."""

    wall: float
    cpu: float


Work = Callable[[], Spent]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. Ratios above 1 mean that ours is faster, or for limits that ours is larger."""

    row: str
    work: str
    ours: str
    reference: str
    ratio: float
    cpu_ratio: float | None = None
    must: float
    stretch: float
    is_limit: bool = False  # the ratio may be at most `must`; else it must be at least `must`
    sink: str = ""
    is_sink_bound: bool = False
    also: str = ""  # a second condition that failed, in words

    @property
    def verdict(self) -> str:
        """Return what the row says: sink-bound, missed, must or stretch."""
        if self.is_sink_bound:
            return "sink-bound"
        ratios = [self.ratio] if self.cpu_ratio is None else [self.ratio, self.cpu_ratio]
        worst = max(ratios) if self.is_limit else min(ratios)
        met = [worst <= level if self.is_limit else worst >= level for level in (self.must, self.stretch)]
        if self.also or not met[0]:
            return "missed"
        return "stretch" if met[1] else "must"

    @property
    def passed(self) -> bool:
        """Tell whether the row reached its must."""
        return self.verdict in {"must", "stretch"}

    def as_json(self) -> dict[str, Any]:
        """Return the row for machines."""
        return {**asdict(self), "verdict": self.verdict}


def timed(work: Callable[[], object], *, cpu: Callable[[], float] = time.process_time) -> Spent:
    """Return what a call took."""
    used, started = cpu(), time.perf_counter()
    work()
    return Spent(time.perf_counter() - started, cpu() - used)


def in_turn(rounds: int, *works: Work, quiet: bool = False) -> list[list[Spent]]:
    """Run each work once a round, so that all suffer the same neighbours; return the rounds."""
    found = []
    for number in range(rounds):
        found.append([work() for work in works])
        walls = ", ".join(f"{spent.wall:.2f} s" for spent in found[-1])
        if not quiet:
            say(f"  round {number + 1} of {rounds}: {walls}")
    return found


class Compared(NamedTuple):
    """Ours beside one reference: medians over rounds."""

    ours: Spent
    reference: Spent
    ratio: float
    cpu_ratio: float


def compare(rounds: Sequence[Sequence[Spent]], ours: int = 0, reference: int = 1) -> Compared:
    """Return the medians of two works and of their ratios within each round."""
    pairs = [(each[ours], each[reference]) for each in rounds]
    return Compared(
        *(
            Spent(statistics.median(p[i].wall for p in pairs), statistics.median(p[i].cpu for p in pairs))
            for i in (0, 1)
        ),
        statistics.median(theirs.wall / mine.wall for mine, theirs in pairs),
        statistics.median(theirs.cpu / mine.cpu for mine, theirs in pairs) if pairs[0][0].cpu else math.nan,
    )


def slope(costs: Mapping[int, float]) -> float:
    """Return the slope of log cost over log size, by least squares."""
    xs, ys = [math.log(size) for size in costs], [math.log(cost) for cost in costs.values()]
    middle_x, middle_y = statistics.fmean(xs), statistics.fmean(ys)
    over = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return over / sum((x - middle_x) ** 2 for x in xs)


class Growth(NamedTuple):
    """How fast a cost grows: the slope of log cost over log size, and what it ought to be."""

    work: str
    slope: float
    expected: float
    tolerance: float = 0.1

    @property
    def passed(self) -> bool:
        """Tell whether the slope is what it ought to be; to grow more slowly is no fault."""
        return self.slope <= self.expected + self.tolerance


def growth_table(growth: Sequence[Growth]) -> str:
    """Return the slopes as one Markdown table."""
    lines = ["| growth | slope | expected | verdict |", "|---|---|---|---|"]
    lines += [
        f"| {each.work} | {each.slope:.2f} | {each.expected:g} ± {each.tolerance:g} "
        f"| {'must' if each.passed else 'missed'} |"
        for each in growth
    ]
    return "\n".join(lines)


def rate(count: int, spent: Spent) -> str:
    """Return `4,210/s, 230 µs CPU`."""
    return f"{count / spent.wall:,.0f}/s, {spent.cpu / count * 1e6:,.0f} µs CPU"


def peak_rss_mb() -> float:
    """Return the most memory this process ever held, in MB of 1,000,000 bytes.

    Linux tells it per program; `getrusage` there still counts what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def process_cpu(parent: int) -> float:
    """Return the CPU seconds of a process and all of its children, living and gone; 0 where /proc is missing."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == parent:
            ticks += sum(int(part) for part in fields[11:15])
        elif int(fields[1]) == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    """Tell the person who waits what happens now."""
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as one Markdown table."""
    lines = [
        "| row | work | ours | reference | ratio | CPU | must | stretch | sink alone | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        sign = "≤" if row.is_limit else "≥"
        cpu = "–" if row.cpu_ratio is None else f"{row.cpu_ratio:.2f}"
        verdict = f"{row.verdict} ({row.also})" if row.also else row.verdict
        lines.append(
            f"| {row.row} | {row.work} | {row.ours} | {row.reference} | {row.ratio:.2f} | {cpu} | {sign} {row.must:g} "
            f"| {sign} {row.stretch:g} | {row.sink or '–'} | {verdict} |"
        )
    return "\n".join(lines)
