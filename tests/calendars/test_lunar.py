import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.errors import InputError
from care.calendars.lunar import (
    LunarBirthdayKey,
    LunarDate,
    NoSuchLunarDateError,
    OutOfLunarRangeError,
    lunar_birthday,
    lunar_birthdays_on,
    lunar_months,
    to_lunar,
    to_solar,
)

COVERED = st.dates(date(1900, 1, 31), date(2101, 1, 28))
BIRTHDAYS = st.tuples(st.integers(1, 12), st.integers(1, 30), st.booleans())


class TestToLunar:
    @pytest.mark.parametrize(
        ("day", "lunar"),
        [
            (date(1900, 1, 31), LunarDate(1900, 1, 1)),
            (date(2026, 2, 16), LunarDate(2025, 12, 29)),
            (date(2026, 2, 17), LunarDate(2026, 1, 1)),
            (date(2025, 7, 25), LunarDate(2025, 6, 1, leap=True)),
            (date(2033, 12, 22), LunarDate(2033, 11, 1, leap=True)),
            (date(2057, 9, 28), LunarDate(2057, 9, 1)),
            (date(2101, 1, 28), LunarDate(2100, 12, 29)),
        ],
    )
    def test_knows_the_day(self, day, lunar):
        """Known days, among them both ends of the table, leap months and the month that sources dispute."""
        assert to_lunar(day) == lunar
        assert to_solar(lunar) == day

    @given(COVERED)
    def test_is_undone_by_to_solar(self, day):
        """A round trip changes nothing on any covered day."""
        assert to_solar(to_lunar(day)) == day

    @given(st.dates(date(1900, 1, 31), date(2101, 1, 27)))
    def test_moves_on_by_one_each_day(self, day):
        """The next solar day is the next lunar day or the first of the next month."""
        today, tomorrow = to_lunar(day), to_lunar(day + timedelta(1))
        assert tomorrow > today or (tomorrow.month, tomorrow.leap) == (today.month, True)
        assert tomorrow.day in (today.day + 1, 1)

    @pytest.mark.parametrize("day", [date(1900, 1, 30), date(2101, 1, 29), date.min, date.max])
    def test_refuses_days_without_a_table(self, day):
        """Outside 1900-2100 the error names the range."""
        with pytest.raises(OutOfLunarRangeError, match="1900 to 2100"):
            to_lunar(day)


class TestToSolar:
    @pytest.mark.parametrize(
        "lunar",
        [LunarDate(2026, 1, 31), LunarDate(2026, 1, 0), LunarDate(2026, 13, 1), LunarDate(2026, 6, 1, leap=True)],
    )
    def test_refuses_dates_that_do_not_exist(self, lunar):
        """A missing leap month, a month 13 and a day 31 are told as such."""
        with pytest.raises(NoSuchLunarDateError, match="lunar year 2026 has no"):
            to_solar(lunar)

    def test_refuses_day_thirty_of_a_short_month(self):
        """The twelfth month of 2025 has 29 days."""
        with pytest.raises(InputError, match="no day 30 of month 12"):
            to_solar(LunarDate(2025, 12, 30))

    def test_refuses_years_without_a_table(self):
        """Outside 1900-2100 the error names the range."""
        with pytest.raises(OutOfLunarRangeError, match="lunar year 2101"):
            to_solar(LunarDate(2101, 1, 1))


class TestLunarMonths:
    @pytest.mark.parametrize(
        ("year", "leap_month"), [(2020, 4), (2023, 2), (2025, 6), (2028, 5), (2031, 3), (2033, 11), (2026, None)]
    )
    def test_has_the_leap_month(self, year, leap_month):
        """Leap months of 2020-2035 are where every published calendar has them."""
        months = lunar_months(year)
        assert [m.month for m in months if m.leap] == ([leap_month] if leap_month else [])
        assert len(months) == (13 if leap_month else 12)

    def test_refuses_years_without_a_table(self):
        """The year before the table is an error, not an empty year."""
        with pytest.raises(OutOfLunarRangeError):
            lunar_months(1899)


class TestLunarBirthday:
    def test_keeps_the_leap_month_where_the_year_has_it(self):
        """2025 has a leap sixth month, 2026 has none."""
        assert lunar_birthday(2025, 6, 1, leap=True) == date(2025, 7, 25)
        assert lunar_birthday(2026, 6, 1, leap=True) == lunar_birthday(2026, 6, 1) == date(2026, 7, 14)

    def test_moves_day_thirty_to_the_last_day_of_a_short_month(self):
        """New Year's Eve children of a long twelfth month have their day on every New Year's Eve."""
        assert lunar_birthday(2025, 12, 30) == date(2026, 2, 16)

    @pytest.mark.parametrize(("month", "day"), [(13, 1), (0, 1), (1, 0), (1, 31)])
    def test_refuses_what_no_year_has(self, month, day):
        """An impossible stored birthday is an error, not a guess."""
        with pytest.raises(NoSuchLunarDateError):
            lunar_birthday(2026, month, day)

    def test_refuses_years_without_a_table(self):
        """Outside 1900-2100 the error names the range."""
        with pytest.raises(OutOfLunarRangeError):
            lunar_birthday(1899, 1, 1)

    @given(st.integers(1900, 2100), BIRTHDAYS)
    def test_falls_into_its_month_once_a_lunar_year(self, year, birthday):
        """Every stored birthday has exactly one day in every lunar year, in the month it names."""
        kept = to_lunar(lunar_birthday(year, *birthday))
        assert (kept.year, kept.month) == (year, birthday[0])
        assert kept.day in (birthday[1], 29)

    def test_falls_twice_or_never_in_some_solar_years(self):
        """That is why an occasion's key carries the lunar year and not the solar one."""
        solar_years = [lunar_birthday(year, 11, 28).year for year in range(2020, 2040)]
        assert max(solar_years.count(year) for year in solar_years) == 2
        assert set(range(2021, 2040)) - set(solar_years)


class TestLunarBirthdaysOn:
    def test_serves_four_kinds_of_birthday_at_the_end_of_a_short_month(self):
        """29 and 30, plain and leap, all meet on a New Year's Eve of a short twelfth month."""
        assert set(lunar_birthdays_on(date(2026, 2, 16))) == {
            LunarBirthdayKey(2025, 12, day, leap) for day in (29, 30) for leap in (False, True)
        }

    def test_serves_only_leap_birthdays_in_a_leap_month(self):
        """Plain birthdays were kept a month before."""
        assert lunar_birthdays_on(date(2025, 7, 25)) == [LunarBirthdayKey(2025, 6, 1, leap=True)]

    def test_leaves_leap_birthdays_to_the_leap_month(self):
        """In a year that has the leap month, the plain month serves plain birthdays only."""
        assert lunar_birthdays_on(date(2025, 6, 25)) == [LunarBirthdayKey(2025, 6, 1, leap=False)]

    @given(st.integers(1900, 2100), BIRTHDAYS)
    def test_finds_every_birthday_on_its_day(self, year, birthday):
        """What `lunar_birthday` puts on a day is found on that day, under the same lunar year."""
        assert LunarBirthdayKey(year, *birthday) in lunar_birthdays_on(lunar_birthday(year, *birthday))

    def test_finds_nothing_on_any_other_day(self):
        """Over 1,000 sampled days of 1930-2099 each key found is kept on that very day, and none is left out."""
        sampled = random.Random(20300203)
        for _ in range(1000):
            day = date(1930, 1, 1) + timedelta(sampled.randrange(62000))
            today = to_lunar(day)
            expected = {
                LunarBirthdayKey(today.year, month, number, leap)
                for month in range(1, 13)
                for number in range(1, 31)
                for leap in (False, True)
                if lunar_birthday(today.year, month, number, leap) == day
            }
            assert set(lunar_birthdays_on(day)) == expected, day
