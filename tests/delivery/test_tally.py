"""When a provider that refuses for want of room is closed, and how often it is looked at: no database, no clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from care.delivery import breaker
from care.delivery.breaker import FIRST_PAUSE, TODAY_PAUSE, Cause, Health, State
from care.delivery.channels.errors import classify_twilio
from care.delivery.counts import is_error, is_full, is_full_today
from care.delivery.tally import BUCKET, FULL, FULL_FOR, Bucket, Counted, takes_nothing
from tests.delivery.test_counts import DOOR, GOOD, counts, refusal

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WELL = Health(state=State.WELL, since=AT - timedelta(hours=1))
SEEN = Counted(answers=1, no_room=1, no_room_why="too many")
TOO_MANY, TODAY = (
    refusal(1, classify_twilio(status, code), str(code)) for status, code in ((429, 20429), (400, 63038))
)


def full(ago: timedelta, count: int = FULL, accepted: int = 0) -> Bucket:
    """Return seconds of so long ago in which so many were refused."""
    return Bucket(AT - ago, count + accepted, 0, 0, count, count)


class TestNoRoom:
    @pytest.mark.parametrize(
        ("buckets", "expected"),
        [
            ([full(FULL_FOR + BUCKET)], True),
            ([full(FULL_FOR + BUCKET - SECOND)], False),
            ([full(FULL_FOR + BUCKET, FULL - 1)], False),
            ([full(BUCKET, FULL - 1), full(FULL_FOR + BUCKET, 1)], True),
            ([full(BUCKET, 50, accepted=1), full(FULL_FOR + BUCKET)], False),
            ([full(BUCKET), full(FULL_FOR + BUCKET, accepted=1)], False),
            ([full(BUCKET), Bucket(AT - FULL_FOR - BUCKET, 3, 3, 0, 0, 3)], False),
            ([full(FULL_FOR + BUCKET)._replace(not_taken=0)], False),  # written by an older program
        ],
    )
    def test_is_several_refused_and_nothing_accepted_for_a_while(self, buckets: list[Bucket], expected: bool) -> None:
        """By any process; a burst is none, and one accepted since the first ends it."""
        assert takes_nothing(buckets, AT) is expected

    def test_closes_only_with_a_refusal_that_is_new(self) -> None:
        """Of whoever has seen one itself, and says why."""
        long = [full(FULL_FOR + BUCKET)]
        shut = breaker.learn(WELL, SEEN, long, now=AT, another_is_well=False)
        assert (shut.state, shut.cause, shut.why, shut.pause) == (State.CLOSED, Cause.FULL, "too many", FIRST_PAUSE)
        assert breaker.learn(WELL, Counted(answers=1), long, now=AT, another_is_well=False) == WELL

    def test_is_refuted_by_what_was_under_way(self) -> None:
        """One that is accepted shows room."""
        for cause in (Cause.FULL, Cause.TODAY):
            shut = breaker.closed(WELL, cause, "", AT)
            late = Counted(answers=2, accepted=1, no_room=1)
            assert breaker.learn(shut, late, [], now=AT, another_is_well=False).state is State.WELL

    def test_ends_no_trial_that_has_held(self) -> None:
        """After a trial one error closes; one refused for want of room does not."""
        opened = breaker.proven(WELL, AT)
        assert breaker.learn(opened, SEEN, [full(SECOND, 1)], now=AT, another_is_well=False) == opened


class TestAFullDay:
    SHUT = breaker.learn(
        WELL, replace(SEEN, is_for_today=True), [full(FULL_FOR + BUCKET)], now=AT, another_is_well=False
    )

    def test_is_looked_at_now_and_then(self) -> None:
        """Each half an hour, whatever was before, and no sooner after a restart."""
        assert (self.SHUT.cause, self.SHUT.look_at) == (Cause.TODAY, AT + TODAY_PAUSE)
        assert not breaker.may_look(self.SHUT, AT + TODAY_PAUSE - SECOND)
        assert breaker.look_soon(self.SHUT, AT + SECOND) == self.SHUT
        now = AT + TODAY_PAUSE
        trial = breaker.probing(breaker.looked_well(breaker.looking(self.SHUT, 1, now)), 1, now)
        assert breaker.failed_again(trial, "", now + SECOND).look_at == now + TODAY_PAUSE
        assert breaker.may_look(self.SHUT, AT - timedelta(hours=1))

    def test_may_be_found_by_a_trial(self) -> None:
        """It was closed for something else, and then turns out to be full."""
        trial = breaker.probing(breaker.looked_well(breaker.closed(WELL, Cause.ERRORS, "down", AT)), 1, AT)
        again = breaker.failed_again(trial, "full", AT, is_for_today=True)
        assert (again.cause, again.why, again.look_at) == (Cause.TODAY, "full", AT + TODAY_PAUSE)

    def test_is_over_with_its_trial(self) -> None:
        """What follows is looked at as often as ever."""
        opened = breaker.proven(self.SHUT, AT)
        ten = breaker.learn(opened, Counted(answers=10, accepted=10), [], now=AT, another_is_well=False)
        assert breaker.closed(ten, Cause.ERRORS, "", AT).pause == FIRST_PAUSE


class TestCounts:
    def test_of_what_had_no_room_are_no_errors(self) -> None:
        """They shut no door by themselves, however many in a row."""
        assert [is_error(one) for one in (GOOD, TOO_MANY, TODAY)] == [False] * 3
        assert [is_full(one) for one in (GOOD, TOO_MANY, TODAY)] == [False, True, True]
        assert [is_full_today(one) for one in (GOOD, TOO_MANY, TODAY)] == [False, False, True]
        made = counts(*[TOO_MANY] * 9, GOOD, TODAY)
        seen = made.seen()[DOOR]
        assert made.shut == set()
        assert (seen.answers, seen.errors, seen.no_room, seen.not_taken) == (11, 0, 10, 10)
        assert (seen.no_room_why, seen.is_for_today) == ("over the account's daily number", True)
        made.note(DOOR, TOO_MANY, 0.1)
        made.told({DOOR: seen}, 1.0)
        left = made.seen()[DOOR]
        assert (left.answers, left.no_room, left.is_for_today) == (1, 1, False)
