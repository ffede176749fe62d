"""The law itself: what it forbids for each class of message, case by case."""

from collections import Counter

import pytest

from care.base.vocabulary import Delivery
from tests.chaos.law import Tally, tally

ONCE, RECONCILED, AT_LEAST_ONCE = Delivery
TO = "+8613810000001"


def one(delivery: Delivery, times: int, status: str | None, *, was_in_doubt: bool = False) -> Tally:
    """Return the tally of one message that the provider took so many times."""
    taken = Counter({TO: times} if times else {})
    return tally({TO: delivery}, taken, {TO: status} if status else {}, [TO] if was_in_doubt else [])


class TestTheLaw:
    @pytest.mark.parametrize(
        ("delivery", "times", "was_in_doubt", "forbidden"),
        [
            (ONCE, 1, False, 0),
            (ONCE, 2, False, 1),
            (ONCE, 2, True, 1),
            (RECONCILED, 2, True, 1),
            (AT_LEAST_ONCE, 2, True, 0),
            (AT_LEAST_ONCE, 2, False, 1),
            (AT_LEAST_ONCE, 3, True, 1),
        ],
    )
    def test_allows_a_copy_to_what_must_arrive_and_was_in_doubt_alone(
        self, delivery: Delivery, times: int, was_in_doubt: bool, forbidden: int
    ) -> None:
        """One copy, of one class, and only where the sender said that it did not know."""
        found = one(delivery, times, "delivered", was_in_doubt=was_in_doubt)
        assert (found.copies, found.forbidden) == (times - 1, forbidden)
        assert found.balances == (not forbidden)

    @pytest.mark.parametrize("delivery", Delivery)
    @pytest.mark.parametrize(
        ("status", "lost"), [("accepted", 1), (None, 1), ("unknown", 0), ("failed", 0), ("planned", 0)]
    )
    def test_calls_lost_what_nobody_took_and_nobody_names(
        self, delivery: Delivery, status: str | None, lost: int
    ) -> None:
        """No row, or a row that says it is done; a name for what is not done is no loss."""
        assert one(delivery, 0, status).lost == lost

    @pytest.mark.parametrize("status", ["failed", "expired", "planned", None])
    def test_calls_denied_what_the_provider_has_and_the_sender_does_not_know(self, status: str | None) -> None:
        """It says that it never went, or that it still has to go."""
        assert one(ONCE, 1, status).denied == 1

    def test_lets_what_must_arrive_wait_for_its_second_try(self) -> None:
        """Nobody could tell, so it is planned once more; a `once` may not."""
        assert one(AT_LEAST_ONCE, 1, "planned", was_in_doubt=True).balances
        assert not one(AT_LEAST_ONCE, 1, "planned").balances
        assert not one(ONCE, 1, "planned", was_in_doubt=True).balances

    def test_counts_someone_who_was_not_to_be_told(self) -> None:
        """A message to a stranger is denied by every ledger."""
        assert not tally({}, Counter({TO: 1}), {}).balances
