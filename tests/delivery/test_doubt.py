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
    is_taken_before=st.booleans(),
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

    @pytest.mark.parametrize("delivery", Delivery)
    def test_repeats_where_the_provider_knows_a_repeat(self, delivery: Delivery) -> None:
        """Of every class, whoever lives, while the provider remembers and there is time; not what it is seen to have."""
        soon, over = NOW + timedelta(minutes=1), NOW
        for seen in (Seen.ABSENT, Seen.NOT_TOLD, Seen.UNCLEAR):
            found = doubt(delivery, is_sender_gone=False, requests_in_doubt=5, repeat_before=soon)
            assert next_step(found, seen, NOW) is Step.SEND_AGAIN
        forgotten = doubt(delivery, is_sender_gone=False, requests_in_doubt=5, repeat_before=over)
        late = doubt(delivery, requests_in_doubt=5, repeat_before=soon, use_by=NOW)
        assert next_step(forgotten, Seen.NOT_TOLD, NOW) is next_step(late, Seen.NOT_TOLD, NOW) is Step.LEAVE
        assert next_step(doubt(delivery, repeat_before=soon), Seen.LISTED, NOW) is Step.TAKEN

    def test_sends_what_must_arrive_once_more_and_no_third_time(self) -> None:
        """Two of its requests may both have been taken."""
        steps = [
            next_step(doubt(Delivery.AT_LEAST_ONCE, requests_in_doubt=n), Seen.NOT_TOLD, NOW)
            for n in (MOST_COPIES - 1, MOST_COPIES)
        ]
        assert steps == [Step.SEND_AGAIN, Step.LEAVE]

    def test_waits_as_long_as_the_list_may_lag_behind(self) -> None:
        """An adapter whose provider lists late says so."""
        slow = doubt(Delivery.RECONCILED, settle=SETTLE * 2)
        assert next_step(slow, Seen.ABSENT, NOW) is Step.WAIT
        assert next_step(slow, Seen.ABSENT, NOW + SETTLE) is Step.SEND_AGAIN

    @given(found=DOUBTS, seen=st.sampled_from(Seen))
    def test_never_guesses(self, found: Doubt, seen: Seen) -> None:
        """Again only after the time to settle and in time; `once` only with two proofs; what is listed is taken."""
        step = next_step(found, seen, NOW)
        assert (step is Step.TAKEN) == (seen is Seen.LISTED)
        if step is Step.SEND_AGAIN:
            assert found.since + SETTLE <= NOW < found.use_by
            assert seen in (Seen.ABSENT, Seen.NOT_TOLD)
            assert not found.is_taken_before
        if step is Step.SEND_AGAIN and found.delivery is Delivery.ONCE:
            assert seen is Seen.ABSENT
            assert found.is_sender_gone
        if step is Step.SEND_AGAIN and seen is Seen.NOT_TOLD:
            assert found.delivery is Delivery.AT_LEAST_ONCE
            assert found.requests_in_doubt < MOST_COPIES

    def test_greets_nobody_twice(self) -> None:
        """No campaign file can loosen it."""
        assert DELIVERIES[Purpose.GREETING] == DELIVERIES[Purpose.OFFER] == (Delivery.ONCE,)
