from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.campaigns.occasions.cron import CronError, parse_cron


class TestParseCron:
    @pytest.mark.parametrize(
        ("line", "day", "times"),
        [
            ("0 10 * * *", date(2026, 6, 1), [time(10)]),
            ("0,30 9 * * *", date(2026, 6, 1), [time(9), time(9, 30)]),
            ("0 8-18/5 * * *", date(2026, 6, 1), [time(8), time(13), time(18)]),
            ("0 10 15 */3 *", date(2026, 4, 15), [time(10)]),
            ("0 10 15 */3 *", date(2026, 5, 15), []),
            ("0 10 * jan,jun *", date(2026, 6, 1), [time(10)]),
            ("0 10 * * MON-fri", date(2026, 6, 5), [time(10)]),
            ("0 10 * * mon-fri", date(2026, 6, 6), []),
            ("0 10 * * 0", date(2026, 6, 7), [time(10)]),
            ("0 10 * * 7", date(2026, 6, 7), [time(10)]),
            ("0 10 1 * mon", date(2026, 6, 1), [time(10)]),
            ("0 10 2 * mon", date(2026, 6, 8), [time(10)]),
            ("0 10 2 * mon", date(2026, 6, 2), [time(10)]),
            ("0 10 2 * mon", date(2026, 6, 3), []),
            ("5/20 0 * * *", date(2026, 6, 1), [time(0, 5), time(0, 25), time(0, 45)]),
        ],
    )
    def test_names_the_times_of_a_day(self, line: str, day: date, times: list[time]) -> None:
        """Lists, ranges, steps and names; day of the month or weekday where both are named."""
        assert parse_cron(line).times_on(day) == times

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("0 10 * *", "has 4 fields instead of 5"),
            ("@daily", "has 1 fields instead of 5"),
            ("60 10 * * *", "minute '60' is not between 0 and 59"),
            ("0 10 0 * *", "day '0' is not between 1 and 31"),
            ("0 10 * 13 *", "month '13' is not between 1 and 12"),
            ("0 10 * * funday", "weekday 'funday' is not between 0 and 7"),
            ("0 10 * * fri-mon", "weekday 'fri-mon' allows no value"),
            ("*/0 10 * * *", "minute '*/0' allows no value"),
            ("*-5 10 * * *", "minute '*-5' cannot be read"),
            ("0 10, * * *", "hour '' cannot be read"),
        ],
    )
    def test_says_which_field_is_wrong(self, line: str, problem: str) -> None:
        """Nobody has to guess which of the five it was."""
        with pytest.raises(CronError, match=problem.replace("*", r"\*")):
            parse_cron(line)

    @given(
        st.integers(0, 59),
        st.integers(0, 23),
        st.integers(1, 28),
        st.integers(1, 12),
        st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    )
    def test_matches_one_day_of_the_year_when_all_is_fixed(
        self, minute: int, hour: int, day: int, month: int, on: date
    ) -> None:
        """A line without stars is one local time a year."""
        times = parse_cron(f"{minute} {hour} {day} {month} *").times_on(on)

        assert times == ([time(hour, minute)] if (on.month, on.day) == (month, day) else [])
