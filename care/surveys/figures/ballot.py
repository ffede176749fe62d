"""Scores counted by what was said, and the figures they give."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from care.base.statistics import Estimate, index, mean_of, nps, share
from care.surveys.asked import USUAL_SCALE
from care.surveys.model import Question
from care.surveys.replies.scales import SCALES

_SATISFIED_FROM = {1: 1, 5: 4, 7: 5, 10: 8}
"""Per highest point: the least that counts as satisfied. 4 of 5, 5 of 7, 8 of 10, yes."""


def ends_of(question: Question, scale: str | None) -> tuple[int, int]:
    """Return the lowest and highest point of the scale an answer was given on."""
    known = SCALES.get(scale or "") or SCALES[USUAL_SCALE[question]]
    return known.low, known.high


@dataclass(frozen=True, slots=True)
class Ballot:
    """Answers to one question, counted: (lowest point, highest point, score) -> how often; the best is the highest."""

    counts: Mapping[tuple[int, int, int], int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Return how many answered."""
        return sum(self.counts.values())

    @property
    def satisfied(self) -> int:
        """Return how many gave a score that counts as satisfied on their scale."""
        return sum(count for (_, high, score), count in self.counts.items() if score >= _SATISFIED_FROM[high])

    def __add__(self, other: "Ballot") -> "Ballot":
        return Ballot(Counter(self.counts) + Counter(other.counts))

    def satisfaction(self) -> Estimate:
        """Return the share of the satisfied, 0 to 1."""
        return share(self.satisfied, self.n)

    def index(self) -> Estimate:
        """Return the mean on 0 to 100, whatever the scales: (mean - lowest) / (highest - lowest) * 100."""
        evened: Counter[float] = Counter()
        for (low, high, score), count in self.counts.items():
            evened[100 * (score - low) / (high - low)] += count
        return index(evened, low=0, high=100)

    def mean(self, low: int = 1, high: int = 5) -> Estimate:
        """Return the mean on a scale from `low` to `high`; scores of other scales are stretched onto it."""
        evened: Counter[float] = Counter()
        for (least, most, score), count in self.counts.items():
            evened[low + (high - low) * (score - least) / (most - least)] += count
        return mean_of(evened)

    def thirds(self) -> tuple[int, int, int]:
        """Return how many are promoters (9 and 10), passives (7 and 8) and detractors (0 to 6) of 0 to 10."""
        scores = Counter(dict.fromkeys(range(11), 0))
        for (_, _, score), count in self.counts.items():
            scores[score] += count
        promoters, passives = scores[9] + scores[10], scores[7] + scores[8]
        return promoters, passives, self.n - promoters - passives

    def nps(self) -> Estimate:
        """Return promoters minus detractors, -100 to 100, of answers on 0 to 10."""
        counts: Counter[float] = Counter()
        for (_, _, score), count in self.counts.items():
            counts[score] += count
        return nps(counts)
