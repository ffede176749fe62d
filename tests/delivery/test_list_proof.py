"""Whether a provider's list may be trusted, and why not, from what was seen."""

from datetime import timedelta

import pytest

from care.delivery.doubt import SETTLE
from care.delivery.list_proof import Proof

HALF = SETTLE.total_seconds() / 2


class TestProof:
    @pytest.mark.parametrize(
        ("listed_after", "why_not"),
        [
            ((0.0, 0.2, HALF), ""),
            ((None, None), "it never showed 2 of what the provider took"),
            ((0.2, None), "it never showed 1 of what the provider took"),
            ((0.2, HALF + 1), "it showed 1 later than 60 seconds after the request"),
        ],
    )
    def test_says_why_a_list_is_not_trusted(self, listed_after: tuple[float | None, ...], why_not: str) -> None:
        """In words, and nothing where it is trusted."""
        proof = Proof(listed_after=listed_after)
        assert (proof.why_not, proof.is_complete) == (why_not, not why_not)

    def test_of_nothing_proves_nothing(self) -> None:
        """Nothing was sent, so nothing was seen."""
        assert not Proof(listed_after=()).is_complete

    def test_gives_a_slow_list_the_time_that_its_adapter_asks_for(self) -> None:
        """Half of it, since nothing is decided before all of it is over."""
        assert Proof(listed_after=(HALF + 1,), settle=timedelta(hours=1)).is_complete
