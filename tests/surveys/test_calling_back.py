"""By when a customer is called: working hours, holidays, danger."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.calendars.workdays import is_working_day
from care.surveys.calling_back import WorkingHours, call_back_by, working_moment
from care.surveys.model import CaseReason

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = WorkingHours(country="CN", zone=SHANGHAI, opens=time(9), closes=time(18))
LONDON = WorkingHours(country="GB", zone=ZoneInfo("Europe/London"), opens=time(9), closes=time(17, 30))
NOWS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 20), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


class TestCallBackBy:
    @pytest.mark.parametrize(
        ("now", "hours", "due"),
        [
            ("2026-09-22 10:00", 4, "2026-09-22 14:00"),  # the same day
            ("2026-09-22 09:00", 9, "2026-09-22 18:00"),  # a whole day ends with it
            ("2026-09-22 16:00", 8, "2026-09-23 15:00"),  # over night
            ("2026-09-22 22:30", 1, "2026-09-23 10:00"),  # written at night
            ("2026-09-22 03:00", 8, "2026-09-22 17:00"),  # before the morning
            ("2026-09-24 17:00", 2, "2026-09-28 10:00"),  # over Mid-Autumn and its weekend
            ("2026-09-30 17:30", 1, "2026-10-08 09:30"),  # over the National Day week
            ("2026-10-10 10:00", 1, "2026-10-10 11:00"),  # a Saturday that is worked
        ],
    )
    def test_counts_working_time(self, now: str, hours: float, due: str) -> None:
        """By the operator's clock and calendar."""
        assert call_back_by(at(now), HOURS, timedelta(hours=hours), CaseReason.LOW_SCORE) == at(due)

    @given(NOWS)
    def test_is_at_once_for_danger(self, now: datetime) -> None:
        """At any hour."""
        assert call_back_by(now, HOURS, timedelta(hours=8), CaseReason.DANGER) == now

    @given(NOWS, st.integers(1, 40 * 60), st.sampled_from([HOURS, LONDON]))
    def test_lies_in_working_hours_with_just_so_much_before_it(
        self, now: datetime, minutes: int, hours: WorkingHours
    ) -> None:
        """Minute by minute there is exactly the promised working time between now and then."""
        due = call_back_by(now, hours, timedelta(minutes=minutes), CaseReason.LOW_SCORE)
        assert due > now
        there = due.astimezone(hours.zone)
        assert is_working_day(there.date(), hours.country)
        assert hours.opens < there.time() <= hours.closes
        assert _worked(now, due, hours) == timedelta(minutes=minutes)

    @given(NOWS, st.integers(1, 600), st.integers(0, 600))
    def test_never_promises_earlier_for_more_work(self, now: datetime, minutes: int, more: int) -> None:
        """Monotone in what is promised."""
        span, longer = timedelta(minutes=minutes), timedelta(minutes=minutes + more)
        first = call_back_by(now, HOURS, span, CaseReason.NOT_SOLVED)
        assert first <= call_back_by(now, HOURS, longer, CaseReason.NOT_SOLVED)

    def test_takes_monday_to_friday_where_no_calendar_is_known(self) -> None:
        """No customer goes without a deadline for want of a calendar."""
        nowhere = WorkingHours(country="XX", zone=SHANGHAI, opens=time(9), closes=time(18))
        due = call_back_by(at("2026-09-26 12:00"), nowhere, timedelta(hours=1), CaseReason.LOW_SCORE)
        assert due == at("2026-09-28 10:00")

    def test_counts_real_hours_over_a_change_of_clocks(self) -> None:
        """The night on which London's clocks change lies between two working days and adds nothing."""
        due = call_back_by(at("2026-10-23 17:00", LONDON.zone), LONDON, timedelta(hours=1), CaseReason.LOW_SCORE)
        assert due == at("2026-10-26 09:30", LONDON.zone)


def _worked(since: datetime, until: datetime, hours: WorkingHours) -> timedelta:
    """Add the working time up day by day, another way than the product does."""
    day, total = since.astimezone(hours.zone).date(), timedelta(0)
    while day <= until.astimezone(hours.zone).date():
        if is_working_day(day, hours.country):
            opens = datetime.combine(day, hours.opens, hours.zone).astimezone(UTC)
            closes = datetime.combine(day, hours.closes, hours.zone).astimezone(UTC)
            total += max(timedelta(0), min(closes, until) - max(opens, since))
        day += timedelta(days=1)
    return total


@given(NOWS)
def test_the_next_working_moment_is_now_or_a_morning(now: datetime) -> None:
    """Nobody is rung up on a holiday to be asked whether all is well."""
    moment = working_moment(now, HOURS)
    there = moment.astimezone(SHANGHAI)
    assert is_working_day(there.date(), "CN")
    assert moment == now or there.time() == time(9)
    assert moment >= now


def test_the_calendar_of_the_examples_is_the_real_one() -> None:
    """The cases above rest on these days."""
    assert [is_working_day(date(2026, 9, day), "CN") for day in (24, 25, 28, 30)] == [True, False, True, True]
    assert is_working_day(date(2026, 10, 10), "CN")
