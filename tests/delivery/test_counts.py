"""What one process counts of its providers between two words to the table, and how shares and absences add up."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.base.vocabulary import Channel
from care.delivery import breaker
from care.delivery.breaker import IN_ROW, SLOW_SECONDS, Cause, Door, Health, State
from care.delivery.carriers import away_now
from care.delivery.channels.base import Result, refusal
from care.delivery.channels.errors import classify_transport, classify_twilio
from care.delivery.counts import TELL_ERRORS, TELL_SECONDS, Counts, is_error
from care.delivery.failover import Carrier, Shares, Standing, carrier, others_well
from care.delivery.maintenance import Window, plan_maintenance
from care.delivery.tally import Counted
from care.messages.model import Outcome

AT = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DOOR = Door(Channel.SMS, "twilio", "")
OTHER = Door(Channel.SMS, "twilio.backup", "")
GOOD = Result(attempt_id=1, outcome=Outcome.ACCEPTED)
BAD = refusal(1, classify_transport("no-answer"), "no-answer")
WELL = Health(state=State.WELL, since=AT - HOUR)


def counts(*results: Result) -> Counts:
    made = Counts()
    for result in results:
        made.note(DOOR, result, 0.1)
    return made


class TestCounts:
    def test_of_errors_in_a_row_end_with_what_is_accepted(self) -> None:
        """Five shut the door until the table has decided; four, a yes and four do not."""
        assert counts(*[BAD] * (IN_ROW - 1), GOOD, *[BAD] * (IN_ROW - 1)).shut == set()
        made = counts(*[BAD] * IN_ROW)
        assert made.shut == {DOOR}
        made.told(made.seen(), 1.0)
        assert made.shut == set()

    def test_keep_what_came_while_the_table_heard(self) -> None:
        """A yes in between has ended the row already: what was told is not taken off the new one."""
        made = counts(BAD, BAD)
        seen = made.seen()
        for result in (GOOD, BAD, BAD, BAD):
            made.note(DOOR, result, 0.1)
        made.told(seen, 1.0)
        assert made.seen() == {DOOR: Counted(answers=4, errors=3, accepted=1, in_row=3, why=made.seen()[DOOR].why)}
        made.told(made.seen(), 2.0)
        assert made.seen() == {}

    def test_are_told_at_once_when_so_many_went_wrong(self) -> None:
        """Else once a second, and never when there is nothing."""
        assert not counts().is_due(TELL_SECONDS + 1)
        assert not counts(*[GOOD, BAD] * (TELL_ERRORS - 1)).is_due(0.0)
        assert counts(*[GOOD, BAD] * TELL_ERRORS).is_due(0.0)
        assert counts(GOOD).is_due(TELL_SECONDS)

    def test_stay_urgent_until_they_were_told(self) -> None:
        """Whatever door the next answer comes from; then a second passes again."""
        made = counts(*[GOOD, BAD] * TELL_ERRORS)
        made.note(OTHER, BAD, 0.1)
        assert made.is_due(0.0)
        made.told(made.seen(), 10.0)
        made.note(DOOR, GOOD, 0.1)
        assert not made.is_due(10.0 + TELL_SECONDS - 0.1)
        assert made.is_due(10.0 + TELL_SECONDS)

    def test_of_errors_leave_out_what_is_the_messages_own(self) -> None:
        """A wrong number tells nothing of the provider; a token that does not fit does."""
        own = refusal(1, classify_twilio(400, 21211), "21211")
        ours = refusal(1, classify_twilio(401, 20003), "20003")
        assert [is_error(result) for result in (GOOD, BAD, own, ours)] == [False, True, False, True]
        made = counts(*[own] * IN_ROW, ours)
        assert made.shut == set()
        seen = made.seen()[DOOR]
        assert (seen.answers, seen.errors, seen.accepted) == (IN_ROW + 1, 1, 0)
        assert seen.why == "account SID and token do not fit"

    def test_call_slow_what_takes_longer(self) -> None:
        """Not what takes just so long."""
        made = counts()
        made.note(DOOR, GOOD, SLOW_SECONDS)
        made.note(DOOR, GOOD, SLOW_SECONDS + 0.1)
        seen = made.seen()
        assert seen[DOOR].slow == 1
        made.note(DOOR, GOOD, 0.1)
        made.told(seen, 1.0)
        assert made.seen() == {DOOR: Counted(answers=1, accepted=1)}


class TestTheBreaker:
    def test_is_not_refuted_by_a_yes_before_the_last_error(self) -> None:
        """The row goes on after it."""
        shut = breaker.closed(WELL, Cause.IN_ROW, "", AT)
        mixed = Counted(answers=2, accepted=1, errors=1, in_row=1)
        assert breaker.learn(shut, mixed, [], now=AT, another_is_well=False) == shut

    def test_waits_longer_after_a_trial_that_did_not_hold(self) -> None:
        """And as long as ever after a trouble of its own."""
        pause = timedelta(seconds=20)
        opened = Health(state=State.WELL, since=AT, trial_left=3, pause=pause)
        assert breaker.closed(opened, Cause.IN_ROW, "", AT).pause == 2 * pause
        held = Health(state=State.WELL, since=AT, pause=pause)
        assert breaker.closed(held, Cause.IN_ROW, "", AT).pause == breaker.FIRST_PAUSE

    def test_is_not_stopped_by_a_clock_that_was_set_back(self) -> None:
        """A trial begun in what is now the future is forgotten, and a rest that ends far ahead is over."""
        trial = breaker.probing(breaker.looked_well(breaker.closed(WELL, Cause.IN_ROW, "", AT)), 1, AT)
        assert breaker.is_forgotten(trial, AT - HOUR)
        opened = breaker.proven(WELL, AT)
        assert breaker.settled(opened, is_away=False, now=AT - HOUR).share == breaker.STEPS[0]


class TestShares:
    def test_are_dealt_exactly(self) -> None:
        """Of a hundred groups just so many go to the first provider."""
        for share in (10, 50):
            shares, first = Shares(), 0
            for _ in range(100):
                first += shares.is_for_the_first(share)
                shares.deal(share)
            assert first == share


class TestWhoCarries:
    FIRST, SECOND = ORDER = ("twilio", "twilio.backup")

    def stand(self, first: Standing, second: Standing | None = None) -> dict[str, Standing]:
        return {self.FIRST: first, self.SECOND: second or Standing(State.WELL, 100)}

    @pytest.mark.parametrize(
        ("first", "expected"),
        [
            (Standing(State.WELL, 100), Carrier("twilio")),
            (Standing(State.WELL, 50), Carrier("twilio.backup", 50)),
            (Standing(State.WELL, 0), Carrier("twilio.backup", 0)),
            (Standing(State.CLOSED, 0), Carrier("twilio.backup")),
            (Standing(State.TRIAL, 0), Carrier("twilio.backup")),
            (Standing(State.WELL, 100, is_away=True), Carrier("twilio.backup")),
        ],
    )
    def test_is_the_first_while_it_is_well_and_has_rested(self, first: Standing, expected: Carrier) -> None:
        """Else the second, which then is asked for all but the share of the first."""
        assert carrier(self.ORDER, self.stand(first)) == expected

    @pytest.mark.parametrize("second", [Standing(State.CLOSED, 0), Standing(State.WELL, 100, is_away=True)])
    def test_is_the_first_alone_where_the_second_is_of_no_use(self, second: Standing) -> None:
        """All of it, rested or not; and nobody where it is of no use either."""
        assert carrier(self.ORDER, self.stand(Standing(State.WELL, 0), second)) == Carrier("twilio")
        assert carrier(self.ORDER, self.stand(Standing(State.CLOSED, 0), second)) == Carrier("")

    def test_could_be_another_only_if_that_is_quicker(self) -> None:
        """A slow provider is not closed for one that is slow too, nor for itself."""
        both = self.stand(Standing(State.WELL, 100))
        assert others_well(self.FIRST, both, slow=[self.FIRST])
        assert not others_well(self.FIRST, both, slow=[self.FIRST, self.SECOND])
        alone = {self.FIRST: Standing(State.WELL, 100)}
        assert not others_well(self.FIRST, alone, slow=[])


class TestMaintenance:
    def test_lasts_until_the_end_of_the_longest_window(self, engine: sa.Engine) -> None:
        """Several windows add up, and the last moment of one belongs to it no more."""
        with write(engine) as conn:
            for hours in (1, 3, 2):
                ends_at = AT + hours * HOUR
                window = Window(provider="twilio", starts_at=AT, ends_at=ends_at, why=str(hours), by="ops:test")
                plan_maintenance(conn, window, AT)
        with read(engine) as conn:
            assert away_now(conn, AT)["twilio"] == (AT + 3 * HOUR, "3")
            assert away_now(conn, AT + 3 * HOUR) == {}
            assert away_now(conn, AT - HOUR) == {}
