"""The rules by which a provider is closed, looked at, tried and opened again: no database, no clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.delivery import breaker
from care.delivery.breaker import Cause, Health, State
from care.delivery.tally import Bucket, Counted

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WELL = Health(state=State.WELL, since=AT - timedelta(hours=1))


def bucket(seconds_ago: float, answers: int, errors: int = 0, slow: int = 0) -> Bucket:
    return Bucket(AT - seconds_ago * SECOND, answers, errors, slow)


def learn(health: Health, seen: Counted, *buckets: Bucket, another: bool = False, now: datetime = AT) -> Health:
    return breaker.learn(health, seen, buckets, now=now, another_is_well=another)


ERROR = Counted(answers=1, errors=1, in_row=1, why="no answer")


class TestErrors:
    def test_close_at_fifty_within_a_minute(self) -> None:
        """Not at forty-nine, and not when the oldest of them are older."""
        assert learn(WELL, ERROR, bucket(0, 60, 49)) == replace(WELL, in_row=1)
        assert learn(WELL, ERROR, bucket(0, 60, 30), bucket(60, 60, 30)) == replace(WELL, in_row=1)
        shut = learn(WELL, ERROR, bucket(0, 60, 30), bucket(55, 60, 20))
        assert (shut.state, shut.cause, shut.why) == (State.CLOSED, Cause.ERRORS, "no answer")

    def test_do_not_close_where_they_are_noise(self) -> None:
        """A few always go wrong at a high rate: below a tenth of what was answered meanwhile they close nothing."""
        busy = [bucket(5 * n, 100, 9) for n in range(6)]
        assert learn(WELL, ERROR, *busy).state is State.WELL
        assert learn(WELL, ERROR, *(each._replace(errors=10) for each in busy)).state is State.CLOSED

    def test_of_before_it_opened_are_forgotten(self) -> None:
        """What closed it the last time does not close it again."""
        fresh = replace(WELL, since=AT - 3 * SECOND)
        assert learn(fresh, ERROR, bucket(1, 1, 1), bucket(4, 60, 60)).state is State.WELL

    def test_in_a_row_close_at_once(self) -> None:
        """Over all processes; one accepted in between begins anew."""
        three = replace(WELL, in_row=3)
        assert learn(three, Counted(answers=2, errors=2, in_row=2, why="token")).state is State.CLOSED
        again = Counted(answers=3, errors=2, accepted=1, in_row=1)
        assert learn(three, again) == replace(WELL, in_row=1)

    def test_in_a_row_are_refuted_by_what_was_under_way(self) -> None:
        """Five in a row are a guess; fifty are none."""
        late = Counted(answers=1, accepted=1)
        assert learn(breaker.closed(WELL, Cause.IN_ROW, "", AT), late).state is State.WELL
        for cause in (Cause.ERRORS, Cause.SLOW):
            assert learn(breaker.closed(WELL, cause, "", AT), late).state is State.CLOSED

    def test_close_only_with_an_error_that_is_new(self) -> None:
        """Whoever has seen none itself leaves it to those who have, and who can say what went wrong."""
        assert learn(WELL, Counted(answers=1, accepted=1), bucket(0, 60, 50)) == WELL
        assert learn(WELL, ERROR, bucket(0, 60, 50)).state is State.CLOSED

    def test_leave_a_trial_to_its_one_message(self) -> None:
        """What was under way before tells nothing of what was mended since."""
        trial = breaker.looked_well(breaker.closed(WELL, Cause.IN_ROW, "", AT))
        assert learn(trial, Counted(answers=9, errors=9, in_row=9), bucket(0, 60, 60)) == trial


class TestSlowness:
    SLOW = Counted(answers=1, accepted=1, slow=1)

    @pytest.mark.parametrize(
        ("slow", "of", "state"),
        [(8, 50, State.CLOSED), (15, 100, State.CLOSED), (7, 50, State.WELL), (8, 49, State.WELL)],
    )
    def test_closes_at_a_share_of_enough(self, slow: int, of: int, state: State) -> None:
        """Fifteen of a hundred, of at least fifty answers in a quarter of an hour."""
        assert learn(WELL, self.SLOW, bucket(800, of, 0, slow), another=True).state is state

    def test_closes_nothing_where_all_are_slow(self) -> None:
        """To wait would be slower still."""
        assert learn(WELL, self.SLOW, bucket(10, 50, 0, 50), another=False).state is State.WELL

    def test_closes_by_answers_of_the_window_and_a_new_one(self) -> None:
        """A quarter of an hour ago is over; whoever was answered quickly closes nothing."""
        late = [bucket(0, 25, 0, 25), bucket(899, 25, 0, 25)]
        assert learn(WELL, self.SLOW, *late, another=True).state is State.CLOSED
        assert learn(WELL, self.SLOW, late[0], bucket(900, 25, 0, 25), another=True).state is State.WELL
        assert learn(WELL, Counted(answers=1, accepted=1), *late, another=True) == WELL


class TestLooks:
    def test_come_less_and_less_often(self) -> None:
        """After 10 s, then twice as long each time, at most a minute; a clock set back does not put them off."""
        shut, looks = breaker.closed(WELL, Cause.IN_ROW, "", AT), list[int]()
        for second in range(400):
            if breaker.may_look(shut, AT + second * SECOND):
                shut = breaker.looking(shut, 1, AT + second * SECOND)
                looks.append(second)
        assert [b - a for a, b in zip([0, *looks], looks, strict=False)][:5] == [10, 10, 20, 40, 60]
        assert breaker.may_look(shut, AT - timedelta(hours=1))

    def test_of_a_fresh_process_come_soon(self) -> None:
        """Settings may have been mended; still ten seconds after the last."""
        shut = replace(breaker.closed(WELL, Cause.IN_ROW, "", AT), look_at=AT + 50 * SECOND, probe_at=AT)
        assert breaker.look_soon(shut, AT + 3 * SECOND).look_at == AT + 10 * SECOND
        assert breaker.look_soon(shut, AT + 30 * SECOND).look_at == AT + 30 * SECOND

    def test_of_a_fresh_process_count_from_the_last_look_and_are_never_later(self) -> None:
        """The last look, not the closing, says how soon; the pauses begin anew; a clock set back stops nothing."""
        shut = breaker.closed(WELL, Cause.IN_ROW, "", AT - timedelta(hours=1))
        asked = replace(shut, look_at=AT + 50 * SECOND, probe_at=AT, pause=40 * SECOND)
        soon = breaker.look_soon(asked, AT + 3 * SECOND)
        assert (soon.look_at, soon.pause) == (AT + 10 * SECOND, breaker.FIRST_PAUSE)
        next_one = replace(asked, look_at=AT + 4 * SECOND)
        assert breaker.look_soon(next_one, AT + 3 * SECOND) == next_one
        assert breaker.look_soon(asked, AT - timedelta(minutes=30)).look_at == AT - timedelta(minutes=30)
        assert breaker.look_soon(WELL, AT) == WELL

    def test_are_followed_by_one_message(self) -> None:
        """Accepted it opens, with one error enough to close again for ten messages; refused it closes for longer."""
        shut = breaker.looking(breaker.closed(WELL, Cause.IN_ROW, "", AT), 1, AT)
        trial = breaker.probing(breaker.looked_well(shut), 1, AT)
        assert not breaker.is_free(trial)
        opened = breaker.proven(trial, AT)
        assert learn(opened, Counted(answers=2, accepted=1, errors=1, in_row=1)).state is State.CLOSED
        assert learn(opened, Counted(answers=10, accepted=10)).trial_left == 0
        assert breaker.failed_again(trial, "no answer", AT).look_at == AT + 20 * SECOND

    def test_that_went_well_leave_the_message_to_whoever_comes_first(self) -> None:
        """Not to the process that looked; a message that did not leave is given back, but only to a trial."""
        shut = breaker.looking(breaker.closed(WELL, Cause.IN_ROW, "", AT), 1, AT)
        trial = breaker.looked_well(shut)
        assert breaker.is_free(trial)
        assert breaker.is_free(breaker.probe_unused(breaker.probing(trial, 2, AT)))
        assert breaker.probe_unused(shut) == shut

    def test_after_a_trial_count_from_its_message(self) -> None:
        """However late it was given up; where that says nothing new, the old reason stands."""
        shut = breaker.looking(breaker.closed(WELL, Cause.IN_ROW, "token", AT), 1, AT)
        trial = breaker.probing(breaker.looked_well(shut), 1, AT)
        again = breaker.failed_again(trial, "", AT + 5 * SECOND)
        assert (again.look_at, again.probe_at, again.why) == (AT + 20 * SECOND, AT, "token")
        assert breaker.failed_again(trial, "", AT + 50 * SECOND).look_at == AT + 50 * SECOND
        assert breaker.failed_again(trial, "no answer", AT).why == "no answer"

    def test_are_as_far_apart_as_ever_once_a_trial_has_held(self) -> None:
        """Ten accepted; nine are not enough, and one error before the tenth closes for twice as long."""
        opened = breaker.proven(replace(breaker.closed(WELL, Cause.IN_ROW, "", AT), pause=40 * SECOND), AT)
        nine = learn(opened, Counted(answers=9, accepted=9))
        assert (nine.trial_left, nine.pause) == (1, 40 * SECOND)
        shut = learn(nine, ERROR)
        assert (shut.state, shut.pause, shut.in_row) == (State.CLOSED, breaker.LONGEST_PAUSE, 0)
        ten = learn(nine, Counted(answers=1, accepted=1))
        assert (ten.trial_left, ten.pause) == (0, breaker.FIRST_PAUSE)
        assert learn(ten, ERROR) == replace(ten, in_row=1)

    def test_are_not_blocked_by_a_process_that_ended(self) -> None:
        """A message of a trial that nobody answers for is forgotten after two minutes."""
        trial = breaker.probing(breaker.looked_well(breaker.closed(WELL, Cause.IN_ROW, "", AT)), 1, AT)
        assert not breaker.is_forgotten(trial, AT + timedelta(seconds=119))
        assert breaker.is_forgotten(trial, AT + timedelta(seconds=120))


class TestTheWayBack:
    def test_rests_then_goes_in_steps(self) -> None:
        """Nothing for a quarter of an hour, a tenth for five minutes, half for five minutes, all."""
        stands, shares = breaker.proven(WELL, AT), list[int]()
        for minute in range(27):
            stands = breaker.settled(stands, is_away=False, now=AT + timedelta(minutes=minute))
            shares.append(stands.share)
        assert shares == [0] * 15 + [10] * 5 + [50] * 5 + [100] * 2

    def test_does_not_begin_while_it_is_closed(self) -> None:
        """However much time passes."""
        shut = breaker.closed(WELL, Cause.ERRORS, "", AT)
        assert breaker.settled(shut, is_away=False, now=AT + timedelta(hours=9)) == shut

    def test_begins_anew_with_the_next_trouble(self) -> None:
        """And after maintenance it begins with a tenth: nothing was proven, nothing was wrong."""
        half = replace(WELL, share=50, step_at=AT)
        assert breaker.closed(half, Cause.ERRORS, "", AT).share == 0
        away = breaker.settled(half, is_away=True, now=AT)
        assert away.share == 0
        assert breaker.settled(away, is_away=False, now=AT).share == 10


steps = st.tuples(
    st.sampled_from(["look", "well", "ill", "take", "accept", "fail", "lose", "errors", "accepted", "time"]),
    st.integers(0, 2),
    st.floats(0, 30),
)


class TestAnyOrder:
    @given(st.lists(steps, max_size=60))
    @settings(deadline=None)
    def test_never_tries_twice_at_once_nor_within_ten_seconds(self, script: list[tuple[str, int, float]]) -> None:
        """Three processes in any order: one message at a time, and looks that are ten seconds apart."""
        now, row, looks, tries = AT, breaker.closed(WELL, Cause.ERRORS, "down", AT), [AT], list[datetime]()
        for word, who, wait in script:
            now += wait * SECOND
            mine = row.probe_by == who and row.state is State.TRIAL
            match word:
                case "look" if breaker.may_look(row, now):
                    assert now - looks[-1] >= breaker.FIRST_PAUSE
                    looks.append(now)
                    row = breaker.looking(row, who, now)
                case "well" if row.state is State.CLOSED and row.probe_by == who:
                    row = breaker.looked_well(row)
                case "take" if breaker.is_free(row):
                    assert not tries or now - tries[-1] >= breaker.FIRST_PAUSE
                    tries.append(now)
                    row = breaker.probing(row, who, now)
                case "accept" if mine:
                    row = breaker.closed(breaker.proven(row, now), Cause.ERRORS, "down", now)
                    looks.append(now)
                case "fail" if mine:
                    row = breaker.failed_again(row, "", now)
                case "time" if breaker.is_forgotten(row, now):
                    row = breaker.failed_again(row, "", now)
                case "errors":
                    row = breaker.learn(row, ERROR, [], now=now, another_is_well=False)
                case "accepted":
                    row = breaker.learn(row, Counted(answers=1, accepted=1), [], now=now, another_is_well=False)
            assert row.state is not State.WELL
            assert row.pause <= breaker.LONGEST_PAUSE
