"""What follows a failure."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.vocabulary import Channel
from care.delivery.channels.base import ErrorClass, ErrorRule, Retry, Suppress
from care.delivery.retry import (
    FIRST_WAIT,
    KEPT,
    LONGEST_WAIT,
    MAX_ATTEMPTS,
    SHORTEST_WAIT,
    TRIES,
    Again,
    GiveUp,
    after_failure,
    least_wait,
    wait_before,
    wide_wait,
)

NOW = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=8)


def rule(retry: Retry, *, certain: bool = True) -> ErrorRule:
    return ErrorRule(
        error_class=ErrorClass.UNREACHABLE,
        retry=retry,
        suppress=Suppress.NONE,
        outcome_is_certain=certain,
        meaning="",
    )


OURS = ErrorRule(
    error_class=ErrorClass.TRANSPORT,
    retry=Retry.NOW,
    suppress=Suppress.NONE,
    outcome_is_certain=True,
    meaning="",
)


def decide(retry: Retry, *, attempts: int = 1, left: tuple[Channel, ...] = (), use_by: datetime = LATER, **more):
    return after_failure(
        rule(retry), attempts=attempts, channels_left=left, now=NOW, use_by=use_by, dice=random.Random(7), **more
    )


class TestAfterFailure:
    @pytest.mark.parametrize(
        ("retry", "at_least"),
        [
            (Retry.NOW, timedelta(0)),
            (Retry.LATER, timedelta(minutes=2)),
            (Retry.AFTER_30_MIN, timedelta(minutes=30)),
        ],
    )
    def test_waits_at_least_as_long_as_the_class_asks(self, retry: Retry, at_least: timedelta) -> None:
        """Plus the jitter."""
        decision = decide(retry)
        assert isinstance(decision, Again)
        assert not decision.other_channel
        assert at_least <= decision.at - NOW <= at_least + FIRST_WAIT

    def test_waits_as_long_as_the_provider_asked(self) -> None:
        """Retry-After counts."""
        decision = decide(Retry.NOW, asked_wait=timedelta(minutes=10))
        assert isinstance(decision, Again)
        assert decision.at >= NOW + timedelta(minutes=10)

    def test_takes_the_next_channel_at_once_when_this_one_is_spent(self) -> None:
        """A dead number has an e-mail address."""
        assert decide(Retry.OTHER_CHANNEL, left=(Channel.EMAIL,)) == Again(at=NOW, other_channel=True)

    def test_ends_when_no_channel_is_left(self) -> None:
        """By name, not as expired."""
        assert decide(Retry.OTHER_CHANNEL) == GiveUp(expired=False, reason="unreachable")

    def test_ends_for_good_what_no_channel_may_repeat(self) -> None:
        """A filtered text is not tried by e-mail either."""
        assert decide(Retry.NEVER, left=(Channel.EMAIL,)) == GiveUp(expired=False, reason="unreachable")

    def test_expires_when_time_runs_out(self) -> None:
        """Late is worse than never."""
        decision = decide(Retry.AFTER_30_MIN, use_by=NOW + timedelta(minutes=10))
        assert decision == GiveUp(expired=True, reason="no time left after unreachable")

    @given(st.data())
    def test_tries_once_more_as_long_as_there_is_time(self, data: st.DataObject) -> None:
        """An unlucky draw ends nothing, nor what a provider asks for: only a wait that class or queue demands does."""
        retry = data.draw(st.sampled_from([Retry.NOW, Retry.LATER, Retry.AFTER_30_MIN, Retry.NEXT_DAY]))
        asked, queued, spare = (timedelta(seconds=data.draw(st.integers(0, 3_600))) for _ in range(3))
        demanded = max(least_wait(retry), SHORTEST_WAIT) + queued
        use_by = NOW + demanded + spare
        decision = after_failure(
            rule(retry),
            attempts=data.draw(st.integers(1, MAX_ATTEMPTS - 1)),
            channels_left=(),
            now=NOW,
            use_by=use_by,
            dice=random.Random(data.draw(st.integers())),
            asked_wait=asked,
            queued=queued,
        )
        if spare:
            assert isinstance(decision, Again)
            assert decision.at < use_by

    @pytest.mark.parametrize("away", [3, 5, 7])
    def test_reaches_a_provider_that_is_back_in_time(self, away: int) -> None:
        """Down for so many of the last ten minutes: nearly all of a thousand messages still arrive."""
        dice, arrived = random.Random(11), 0
        for _ in range(1000):
            now, attempts = NOW, 1
            while now < NOW + timedelta(minutes=away):
                decision = after_failure(
                    OURS, attempts=attempts, channels_left=(), now=now, use_by=NOW + timedelta(minutes=10), dice=dice
                )
                if isinstance(decision, GiveUp):
                    break
                now, attempts = decision.at, attempts + 1
            else:
                arrived += 1
        assert arrived > 990

    def test_takes_the_next_channel_when_only_this_one_ran_out_of_time(self) -> None:
        """E-mail can still be in time."""
        decision = decide(Retry.NEXT_DAY, left=(Channel.EMAIL,))
        assert decision == Again(at=NOW, other_channel=True)

    def test_does_not_give_up_today_because_tomorrow_is_too_late(self) -> None:
        """Two thirds of the time that is left, at least two minutes; half a day where there is time."""
        assert decide(Retry.NEXT_DAY) == Again(at=NOW + (LATER - NOW) * 2 / 3)
        short, end = timedelta(minutes=2, seconds=1), GiveUp(expired=True, reason="no time left after unreachable")
        assert decide(Retry.NEXT_DAY, use_by=NOW + short) == Again(at=NOW + timedelta(minutes=2))
        assert decide(Retry.NEXT_DAY, use_by=NOW + timedelta(minutes=2)) == end
        assert decide(Retry.NEXT_DAY, use_by=NOW - timedelta(hours=1)) == end
        long = decide(Retry.NEXT_DAY, use_by=NOW + timedelta(days=2))
        assert isinstance(long, Again)
        assert timedelta(hours=12) <= long.at - NOW <= timedelta(hours=12) + FIRST_WAIT

    @pytest.mark.parametrize("retry", [Retry.OTHER_CHANNEL, Retry.LATER])
    def test_takes_no_other_channel_when_the_time_is_over(self, retry: Retry) -> None:
        """Bad news of a message of this morning comes in the evening: it stays undelivered, not planned to expire."""
        decision = decide(retry, left=(Channel.EMAIL,), use_by=NOW)
        assert isinstance(decision, GiveUp)

    def test_gives_up_after_the_last_try(self) -> None:
        """Eight times is enough."""
        decision = decide(Retry.NOW, attempts=MAX_ATTEMPTS)
        assert decision == GiveUp(expired=False, reason=f"gave up after {MAX_ATTEMPTS} tries: unreachable")

    def test_keeps_tries_for_a_channel_that_is_left(self) -> None:
        """The last of all are not used up on a channel that does not reach; a mail server may want a second try."""
        most, mail = MAX_ATTEMPTS - KEPT, (Channel.EMAIL,)
        for attempts, moves_on in ((most - 1, False), (most, True), (MAX_ATTEMPTS + 1, True)):
            decision = decide(Retry.LATER, attempts=attempts, left=mail)
            assert isinstance(decision, Again)
            assert decision.other_channel is moves_on
        assert decide(Retry.NEVER, attempts=most, left=mail) == GiveUp(expired=False, reason="unreachable")

    @pytest.mark.parametrize("retry", TRIES)
    def test_asks_a_phone_that_is_off_a_few_times_only(self, retry: Retry) -> None:
        """Then the next channel goes, or it ends by name."""
        most = TRIES[retry]
        assert isinstance(decide(retry, attempts=most - 1, alike=most - 1), Again)
        assert decide(retry, attempts=most, alike=most, left=(Channel.EMAIL,)) == Again(at=NOW, other_channel=True)
        assert decide(retry, attempts=most, alike=most) == GiveUp(
            expired=False, reason=f"gave up after {most} tries: unreachable"
        )


class TestWideWait:
    @given(alike=st.integers(1, 1000), seed=st.integers(), minutes=st.integers(1, 10_000))
    def test_leaves_time_for_the_try(self, alike: int, seed: int, minutes: int) -> None:
        """Wide, and within what is left."""
        left = timedelta(minutes=minutes)
        wait = wide_wait(timedelta(minutes=15), alike, left, random.Random(seed))
        assert min(timedelta(minutes=15), left / 3) <= wait <= left * 2 / 3


class TestWaitBefore:
    @given(attempts=st.integers(1, 1000), seed=st.integers())
    def test_is_full_jitter_below_a_doubling_ceiling(self, attempts: int, seed: int) -> None:
        """Never negative, never above half an hour."""
        wait = wait_before(attempts, random.Random(seed))
        assert timedelta(0) <= wait <= min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 16))

    def test_spreads_a_herd(self) -> None:
        """A thousand retries of the same failure do not come back together."""
        dice = random.Random(11)
        seconds = sorted(wait_before(6, dice).total_seconds() for _ in range(1000))
        assert seconds[100] < 200
        assert seconds[900] > 700
