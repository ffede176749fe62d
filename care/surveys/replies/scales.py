"""The scales that questions use: their ends, which one is best, what is low, and which words name a point."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from care.base.errors import InputError
from care.base.yamlfile import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One kind of question. `points` maps grades of words (-2 worst … 2 best) to what they are worth here."""

    name: str
    low: int
    high: int
    best_is_low: bool = False
    alarming: frozenset[int] = frozenset()  # scores after which a person calls
    points: Mapping[int, int] = field(default_factory=dict)
    words: str = "verdict"  # which lists of words judge on it
    digits: int = 1  # how many answers one reply holds

    def holds(self, value: float) -> bool:
        """Tell whether the scale has this point."""
        return self.low <= value <= self.high and value == int(value)

    @property
    def best(self) -> int:
        """Return the point for full marks."""
        return self.low if self.best_is_low else self.high

    def side_of(self, value: int) -> int:
        """Return 1 for a point on the good side, -1 on the bad side, 0 around the middle."""
        share = (value - self.low) / (self.high - self.low)
        side = 1 if share > 0.65 else -1 if share < 0.35 else 0  # noqa: PLR2004 - a third of the scale at each end
        return -side if self.best_is_low else side


_FIVE = {-2: 1, -1: 2, 0: 3, 1: 4, 2: 5}
_ALL = (
    Scale(name="csat5", low=1, high=5, alarming=frozenset({1, 2}), points=_FIVE),
    Scale(
        name="csat5r",
        low=1,
        high=5,
        best_is_low=True,
        alarming=frozenset({4, 5}),
        points={grade: 6 - point for grade, point in _FIVE.items()},
    ),
    Scale(name="csat10", low=1, high=10, alarming=frozenset({1, 2, 3, 4})),
    Scale(name="nps", low=0, high=10, alarming=frozenset(range(7)), words="none"),
    Scale(
        name="ces7",
        low=1,
        high=7,
        alarming=frozenset({1, 2, 3}),
        points={-2: 1, 2: 7},
        words="ease",
    ),
    Scale(name="yn", low=0, high=1, alarming=frozenset({0}), words="yes"),
    Scale(name="csat5x4", low=1, high=5, alarming=frozenset({1, 2}), points=_FIVE, digits=4),
    Scale(name="reason4", low=1, high=4, words="none"),
)
SCALES: Final[Mapping[str, Scale]] = {scale.name: scale for scale in _ALL}


def scale_named(name: str) -> Scale:
    """Return the scale.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return SCALES[name]
    except KeyError:
        raise InputError(f"scale: '{name}' is not known. {did_you_mean(name, SCALES)}") from None
