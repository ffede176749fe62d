"""Figures with their uncertainty: shares, scores, means, comparisons. Pure functions on the standard library."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from care.base.student import quantile, tail

LEVEL = 0.95
"""Confidence of every interval where none is named."""

ENOUGH = 30
"""Fewer than this and a figure is not printed as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One figure with its interval. `value` is None where there is nothing to compute it from."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None

    def is_enough(self, least: int = ENOUGH) -> bool:
        """Tell whether it rests on at least so many answers."""
        return self.value is not None and self.n >= least


NOTHING = Estimate(n=0)


def not_enough(n: int, least: int = ENOUGH) -> str:
    """Return why a figure is not printed, '' when there is enough to print it."""
    return "" if n >= least else f"not enough data ({n} of {least})"


def z_of(level: float = LEVEL) -> float:
    """Return how many standard deviations hold so much of a normal distribution, both sides together."""
    return NormalDist().inv_cdf((1 + level) / 2)


def share(hits: int, n: int, level: float = LEVEL) -> Estimate:
    """Return hits / n with Wilson's interval, which stays inside 0 and 1 also at none and all."""
    if not n:
        return NOTHING
    z, p = z_of(level), hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if hits == 0 else max(0.0, middle - reach)
    high = 1.0 if hits == n else min(1.0, middle + reach)
    return Estimate(n=n, value=p, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Second share minus first, with Newcombe's interval and the p-value of a two-proportion test."""

    value: float
    low: float
    high: float
    p_value: float

    def is_significant(self, alpha: float = 1 - LEVEL) -> bool:
        """Tell whether chance alone would hardly bring it about."""
        return self.p_value < alpha


def difference(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> Difference | None:
    """Compare two shares, each as (hits, n); None where one side is empty.

    The p-value pools both sides and looks both ways; where both are all or none there is no difference: 1.
    """
    (x1, n1), (x2, n2) = first, second
    if not n1 or not n2:
        return None
    one, two = share(x1, n1, level), share(x2, n2, level)
    p1, l1, h1 = _known(one)
    p2, l2, h2 = _known(two)
    value = p2 - p1
    low = value - math.hypot(p2 - l2, h1 - p1)
    high = value + math.hypot(h2 - p2, p1 - l1)
    pooled = (x1 + x2) / (n1 + n2)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    p_value = 1.0 if spread == 0 else 2 * (1 - NormalDist().cdf(abs(value) / spread))
    return Difference(value=value, low=low, high=high, p_value=p_value)


def mean_of(counts: Mapping[float, int], level: float = LEVEL) -> Estimate:
    """Return the mean of scores given as score -> how often, with Student's interval; one answer has no interval."""
    n, mean, variance = moments(counts)
    if not n:
        return NOTHING
    if n == 1:
        return Estimate(n=1, value=mean)
    reach = quantile((1 + level) / 2, n - 1) * math.sqrt(variance / n)
    return Estimate(n=n, value=mean, low=mean - reach, high=mean + reach)


def moments(counts: Mapping[float, int]) -> tuple[int, float, float]:
    """Return how many, their mean and their sample variance (0 for fewer than two)."""
    n = sum(counts.values())
    if not n:
        return 0, 0.0, 0.0
    mean = sum(score * count for score, count in counts.items()) / n
    squares = sum(count * (score - mean) ** 2 for score, count in counts.items())
    return n, mean, squares / (n - 1) if n > 1 else 0.0


def nps(counts: Mapping[float, int], level: float = LEVEL) -> Estimate:
    """Return the net promoter score of 0..10, from -100 to 100: share of 9 and 10 minus share of 0 to 6.

    The interval is that of a difference of two shares of one sample.
    """
    n = sum(counts.values())
    if not n:
        return NOTHING
    promoters = sum(count for score, count in counts.items() if score >= 9) / n  # noqa: PLR2004 - 9 and 10
    detractors = sum(count for score, count in counts.items() if score <= 6) / n  # noqa: PLR2004 - 0 to 6
    value = promoters - detractors
    reach = z_of(level) * math.sqrt(max(0.0, promoters + detractors - value * value) / n)
    return Estimate(n=n, value=100 * value, low=100 * max(-1.0, value - reach), high=100 * min(1.0, value + reach))


def index(counts: Mapping[float, int], *, low: int, high: int, level: float = LEVEL) -> Estimate:
    """Return (mean - lowest) / (highest - lowest) * 100: every scale on 0 to 100."""
    mean = mean_of(counts, level)
    ends = [None if x is None else (x - low) / (high - low) * 100 for x in (mean.value, mean.low, mean.high)]
    value, least, most = ends
    return Estimate(
        n=mean.n,
        value=value,
        low=None if least is None else max(0.0, least),
        high=None if most is None else min(100.0, most),
    )


def shrunken(mean: float, n: int, *, overall: float, weight: float) -> float:
    """Return a group's mean drawn towards the whole: as if `weight` answers more had said what all say."""
    return overall if n + weight == 0 else (mean * n + overall * weight) / (n + weight)


def shrink_weight(groups: Sequence[tuple[int, float, float]]) -> float:
    """Return the weight for `shrunken` from (n, mean, variance) per group: variance inside over variance between.

    Large where groups differ no more than chance makes them, small where they truly differ.
    """
    filled = [(n, mean, variance) for n, mean, variance in groups if n]
    total = sum(n for n, _, _ in filled)
    if len(filled) < 2 or total <= len(filled):  # noqa: PLR2004 - one group differs from nothing
        return 0.0
    overall = sum(n * mean for n, mean, _ in filled) / total
    within = sum((n - 1) * variance for n, _, variance in filled) / (total - len(filled))
    around = sum(n * (mean - overall) ** 2 for n, mean, _ in filled)
    evened = total - sum(n * n for n, _, _ in filled) / total
    between = (around - (len(filled) - 1) * within) / evened
    return within / between if between > 0 and within / between < total else float(total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a control chart for one point of n answers."""

    low: float
    middle: float
    high: float


def control_limits(hits: int, n: int, of: int, *, sigmas: float = 3.0) -> Limits | None:
    """Return the p-chart's limits for a point of `of` answers around the share hits / n; None without answers."""
    if not n or not of:
        return None
    middle = hits / n
    reach = sigmas * math.sqrt(middle * (1 - middle) / of)
    return Limits(low=max(0.0, middle - reach), middle=middle, high=min(1.0, middle + reach))


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation of n pairs, with interval and two-sided p-value."""

    n: int
    value: float
    low: float
    high: float
    p_value: float


def spearman(pairs: Sequence[tuple[float, float]], level: float = LEVEL) -> Correlation | None:
    """Return the correlation of ranks; None for fewer than four pairs, or where one side never changes.

    Ties share the mean of their ranks. The interval is Fisher's with the standard error of Bonett and Wright.
    """
    n = len(pairs)
    if n < 4:  # noqa: PLR2004 - the interval needs four
        return None
    rho = _pearson(ranks([x for x, _ in pairs]), ranks([y for _, y in pairs]))
    if rho is None:
        return None
    if abs(rho) >= 1:
        return Correlation(n=n, value=rho, low=rho, high=rho, p_value=0.0)
    reach = z_of(level) * math.sqrt((1 + rho * rho / 2) / (n - 3))
    t = rho * math.sqrt((n - 2) / (1 - rho * rho))
    return Correlation(
        n=n,
        value=rho,
        low=math.tanh(math.atanh(rho) - reach),
        high=math.tanh(math.atanh(rho) + reach),
        p_value=2 * tail(abs(t), n - 2),
    )


def ranks(values: Sequence[float]) -> list[float]:
    """Return each value's rank from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for place in order[at : end + 1]:
            found[place] = (at + end) / 2 + 1
        at = end + 1
    return found


def false_discoveries(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Benjamini and Hochberg, for when many groups are compared at once."""
    m = len(p_values)
    adjusted, least = [1.0] * m, 1.0
    for place, at in zip(range(m, 0, -1), sorted(range(m), key=p_values.__getitem__, reverse=True), strict=True):
        least = min(least, p_values[at] * m / place)
        adjusted[at] = least
    return adjusted


def _known(one: Estimate) -> tuple[float, float, float]:
    assert one.value is not None
    assert one.low is not None
    assert one.high is not None
    return one.value, one.low, one.high


def _pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    x_mean, y_mean = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    x_spread = math.fsum((x - x_mean) ** 2 for x in xs)
    y_spread = math.fsum((y - y_mean) ** 2 for y in ys)
    if x_spread == 0 or y_spread == 0:
        return None
    together = math.fsum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return max(-1.0, min(1.0, together / math.sqrt(x_spread * y_spread)))
