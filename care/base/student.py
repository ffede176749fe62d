"""Student's t distribution, which the standard library lacks: tail and quantile."""

import math

_MOST_STEPS = 300
_CLOSE = 1e-15
_TINY = 1e-300


def tail(t: float, freedom: int) -> float:
    """Return the chance of a value above t >= 0 with so many degrees of freedom."""
    return _beta_share(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def quantile(p: float, freedom: int) -> float:
    """Return the value below which the share p (0.5 or more) of the distribution lies."""
    low, high = 0.0, 1.0
    while tail(high, freedom) > 1 - p:
        high *= 2
    for _ in range(_MOST_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if tail(middle, freedom) > 1 - p else (low, middle)
    return (low + high) / 2


def _beta_share(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _away(x: float) -> float:
    """Return x, moved off zero."""
    return x if abs(x) > _TINY else _TINY
