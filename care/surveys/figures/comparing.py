"""Groups side by side: each with its interval, drawn towards the whole where it is small, and held against the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from care.base.statistics import (
    LEVEL,
    Difference,
    Estimate,
    difference,
    false_discoveries,
    moments,
    shrink_weight,
    shrunken,
)
from care.surveys.figures.ballot import Ballot


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group of answers. `drawn` is its mean score, 1 to 5, drawn towards that of all the more the fewer it has."""

    key: str
    n: int
    satisfied: int
    satisfaction: Estimate
    index: Estimate
    drawn: float
    against_rest: Difference | None
    adjusted_p: float  # of that difference, since as many groups are compared

    @property
    def verdict(self) -> str:
        """Return whether it differs from the rest: above, below, or nothing that could not be chance."""
        if self.against_rest is None or self.adjusted_p >= 1 - LEVEL:
            return ""
        return "above the rest" if self.against_rest.value > 0 else "below the rest"


def compare(ballots: Mapping[str, Ballot], *, least: int) -> list[Group]:
    """Return the groups in the order given; those with fewer than `least` answers are not held against the rest."""
    hits, n = sum(b.satisfied for b in ballots.values()), sum(b.n for b in ballots.values())
    means = {key: _moments(ballot) for key, ballot in ballots.items()}
    weight = shrink_weight(list(means.values()))
    overall = sum(count * mean for count, mean, _ in means.values()) / n if n else 0.0
    apart = {key: difference((hits - b.satisfied, n - b.n), (b.satisfied, b.n)) for key, b in ballots.items()}
    asked = [key for key, found in apart.items() if found and least <= ballots[key].n <= n - least]
    adjusted = dict(zip(asked, false_discoveries([_p(apart[key]) for key in asked]), strict=True))
    return [
        Group(
            key=key,
            n=ballot.n,
            satisfied=ballot.satisfied,
            satisfaction=ballot.satisfaction(),
            index=ballot.index(),
            drawn=shrunken(means[key][1], ballot.n, overall=overall, weight=weight),
            against_rest=apart[key] if key in adjusted else None,
            adjusted_p=adjusted.get(key, 1.0),
        )
        for key, ballot in ballots.items()
    ]


def _moments(ballot: Ballot) -> tuple[int, float, float]:
    evened: dict[float, int] = {}
    for (low, high, score), count in ballot.counts.items():
        value = 1 + 4 * (score - low) / (high - low)
        evened[value] = evened.get(value, 0) + count
    return moments(evened)


def _p(found: Difference | None) -> float:
    assert found is not None
    return found.p_value
