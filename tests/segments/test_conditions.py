"""Lengths of time are counted as people count them, leap years included."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.calendars.birthdays import tenure_years
from care.segments.conditions import day_number, full_months, full_years, months_before

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


class TestMonthsBefore:
    @pytest.mark.parametrize(
        ("day", "months", "cut_off"),
        [
            (date(2026, 9, 25), 60, date(2021, 9, 25)),
            (date(2025, 2, 28), 60, date(2020, 2, 29)),  # 28 February is the anniversary of the 29th
            (date(2024, 2, 28), 60, date(2019, 2, 28)),  # not in a leap year, which has its own 29th
            (date(2024, 2, 29), 60, date(2019, 2, 28)),
            (date(2026, 4, 30), 3, date(2026, 1, 31)),
            (date(2026, 3, 30), 1, date(2026, 2, 28)),
            (date(2026, 1, 31), 1, date(2025, 12, 31)),
            (date(2026, 9, 25), 0, date(2026, 9, 25)),
        ],
    )
    def test_finds_the_last_day_whose_months_are_full(self, day, months, cut_off) -> None:
        """The cut-off day itself is in, the day after is not."""
        assert months_before(day, months) == cut_off

    @given(DAYS, DAYS, st.integers(0, 600))
    def test_agrees_with_counting_months(self, since, day, months) -> None:
        """Comparing with the cut-off is the same as counting full months."""
        assert (since <= months_before(day, months)) == (full_months(since, day) >= months)

    @given(DAYS, st.integers(1, 40))
    def test_agrees_with_the_anniversaries_that_are_greeted(self, since, years) -> None:
        """On the day of a tenure greeting the year is full, the day before it is not."""
        day = next(
            one
            for one in (since + timedelta(days=years * 365 + n) for n in range(-2, 14))
            if tenure_years(since, one) == years
        )

        assert since <= months_before(day, years * 12)
        assert since > months_before(day - timedelta(days=1), years * 12)


class TestFullYears:
    @given(DAYS, DAYS)
    def test_agrees_with_the_months(self, born, day) -> None:
        """An age is the full months divided by twelve."""
        assert full_years(day_number(born), day) == full_months(born, day) // 12
