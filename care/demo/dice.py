"""Chance that tells the same story for the same seed."""

import random
from collections.abc import Mapping


class Dice(random.Random):
    """A source of chance with a seed, one per subject so that they do not disturb each other. For no secret."""

    def likely(self, share: float) -> bool:
        """Return True in a share of the cases, 0 to 1."""
        return self.random() < share

    def one_of(self, weights: Mapping[str, float]) -> str:
        """Return one of the words, each as often as its weight says."""
        return self.choices(list(weights), list(weights.values()))[0]
