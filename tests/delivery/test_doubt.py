"""What follows a lost answer: never a second greeting, once more a notice that must arrive, and names for the rest."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.vocabulary import DELIVERIES, Delivery, Purpose
from care.delivery.doubt import MOST_COPIES, SETTLE, Doubt, Seen, Step, next_step

NOW = datetime(2026, 9, 25, 12, tzinfo=UTC)


def doubt(delivery: Delivery, **known: object) -> Doubt:
    facts: dict[str, object] = {"since": NOW - SETTLE, "use_by": NOW + timedelta(hours=1), "is_sender_gone": True}
    return Doubt(delivery=delivery, **{**facts, "requests_in_doubt": 1, **known})  # type: ignore[arg-type]


DOUBTS = st.builds(
    Doubt,
    delivery=st.sampled_from(Delivery),
    since=st.integers(0, 600).map(lambda s: NOW - timedelta(seconds=s)),
    use_by=st.integers(-600, 600).map(lambda s: NOW + timedelta(seconds=s)),
    is_sender_gone=st.booleans(),
    requests_in_doubt=st.integers(1, 3),
)


class TestNextStep:
    @pytest.mark.parametrize(
        ("delivery", "seen", "gone", "step"),
        [
            (Delivery.ONCE, Seen.ABSENT, True, Step.SEND_AGAIN),
            (Delivery.ONCE, Seen.ABSENT, False, Step.LEAVE),  # a frozen sender may still let it go
            (Delivery.ONCE, Seen.NOT_TOLD, True, Step.LEAVE),
            (Delivery.RECONCILED, Seen.ABSENT, False, Step.SEND_AGAIN),
            (Delivery.RECONCILED, Seen.NOT_TOLD, True, Step.LEAVE),
            (Delivery.AT_LEAST_ONCE, Seen.NOT_TOLD, False, Step.SEND_AGAIN),
            (Delivery.AT_LEAST_ONCE, Seen.UNCLEAR, True, Step.LEAVE),
        ],
    )
    def test_follows_the_class(self, delivery: Delivery, seen: Seen, gone: bool, step: Step) -> None:
        """The table of the guarantees, line by line."""
        assert next_step(doubt(delivery, is_sender_gone=gone), seen, NOW) is step

    @given(found=DOUBTS, seen=st.sampled_from(Seen))
    def test_never_guesses(self, found: Doubt, seen: Seen) -> None:
        """Again only after the time to settle and in time; `once` only with two proofs; what is listed is taken."""
        step = next_step(found, seen, NOW)
        assert (step is Step.TAKEN) == (seen is Seen.LISTED)
        if step is Step.SEND_AGAIN:
            assert found.since + SETTLE <= NOW < found.use_by
            assert seen in (Seen.ABSENT, Seen.NOT_TOLD)
        if step is Step.SEND_AGAIN and found.delivery is Delivery.ONCE:
            assert seen is Seen.ABSENT
            assert found.is_sender_gone
        if step is Step.SEND_AGAIN and seen is Seen.NOT_TOLD:
            assert found.delivery is Delivery.AT_LEAST_ONCE
            assert found.requests_in_doubt < MOST_COPIES

    def test_greets_nobody_twice(self) -> None:
        """No campaign file can loosen it."""
        assert DELIVERIES[Purpose.GREETING] == DELIVERIES[Purpose.OFFER] == (Delivery.ONCE,)
