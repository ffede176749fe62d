from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.calendars.birthdays import (
    Feb29Policy,
    solar_birthday,
    solar_birthdays_on,
    tenure_anniversaries_on,
    tenure_years,
)

DAYS = st.dates(date(1950, 1, 1), date(2099, 12, 31))


class TestSolarBirthdaysOn:
    @pytest.mark.parametrize(
        ("day", "policy", "keys"),
        [
            (date(2027, 5, 9), Feb29Policy.FEB28, [509]),
            (date(2027, 2, 28), Feb29Policy.FEB28, [228, 229]),
            (date(2027, 3, 1), Feb29Policy.FEB28, [301]),
            (date(2027, 2, 28), Feb29Policy.MAR1, [228]),
            (date(2027, 3, 1), Feb29Policy.MAR1, [301, 229]),
            (date(2027, 2, 28), Feb29Policy.SKIP, [228]),
            (date(2027, 3, 1), Feb29Policy.SKIP, [301]),
            (date(2028, 2, 28), Feb29Policy.FEB28, [228]),
            (date(2028, 2, 29), Feb29Policy.FEB28, [229]),
            (date(2028, 3, 1), Feb29Policy.MAR1, [301]),
            (date(2100, 2, 28), Feb29Policy.FEB28, [228, 229]),
        ],
    )
    def test_follows_the_policy_for_29_february(self, day, policy, keys):
        """One row per policy around the end of February of common years, leap years and 2100."""
        assert solar_birthdays_on(day, policy) == keys
        assert tenure_anniversaries_on(day, policy) == keys

    @given(DAYS, st.sampled_from(Feb29Policy))
    def test_agrees_with_the_day_a_birthday_is_kept(self, day, policy):
        """A key is found on a day exactly when `solar_birthday` puts it there."""
        for key in solar_birthdays_on(day, policy):
            assert solar_birthday(day.year, key, policy) == day

    @pytest.mark.parametrize("policy", Feb29Policy)
    @pytest.mark.parametrize("year", [2027, 2028])
    def test_serves_everyone_once_a_year(self, year, policy):
        """Over a year every key comes once; 29 February not at all in a common year when it is skipped."""
        days = [date(year, 1, 1) + timedelta(n) for n in range(366) if (date(year, 1, 1) + timedelta(n)).year == year]
        keys = [key for day in days for key in solar_birthdays_on(day, policy)]
        skipped = policy is Feb29Policy.SKIP and year == 2027
        assert len(keys) == len(set(keys)) == (365 if skipped else 366)


class TestSolarBirthday:
    def test_refuses_keys_that_are_no_day(self):
        """A stored 30 February is a programming error, not a birthday."""
        with pytest.raises(ValueError, match="day"):
            solar_birthday(2027, 230)


class TestTenureYears:
    @pytest.mark.parametrize(
        ("joined", "day", "years"),
        [
            (date(2020, 6, 10), date(2026, 6, 9), 5),
            (date(2020, 6, 10), date(2026, 6, 10), 6),
            (date(2020, 2, 29), date(2026, 2, 27), 5),
            (date(2020, 2, 29), date(2026, 2, 28), 6),
            (date(2020, 2, 29), date(2028, 2, 28), 7),
            (date(2020, 2, 29), date(2028, 2, 29), 8),
            (date(2026, 6, 10), date(2026, 6, 10), 0),
            (date(2026, 6, 10), date(2026, 6, 9), -1),
        ],
    )
    def test_counts_whole_years(self, joined, day, years):
        """A year is complete on the anniversary, also for those who joined on 29 February."""
        assert tenure_years(joined, day) == years

    def test_counts_a_skipped_anniversary_on_1_march(self):
        """Skipping the greeting does not skip the year."""
        assert tenure_years(date(2020, 2, 29), date(2026, 2, 28), Feb29Policy.SKIP) == 5
        assert tenure_years(date(2020, 2, 29), date(2026, 3, 1), Feb29Policy.SKIP) == 6
