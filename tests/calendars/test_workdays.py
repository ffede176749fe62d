from datetime import date, timedelta

import pytest
from holidays import list_supported_countries
from hypothesis import given
from hypothesis import strategies as st

from care.calendars.overrides import Overrides, YearOverride
from care.calendars.public import UnknownCountryError, known_countries
from care.calendars.workdays import (
    DayKind,
    add_working_days,
    day_kind,
    incomplete_years,
    is_day_off,
    is_worked,
    is_working_day,
    nth_worked_day,
)

ANNOUNCED = Overrides(
    {
        ("CN", 2027): YearOverride(
            off=frozenset({date(2027, 2, 11)}), working=frozenset({date(2027, 1, 30), date(2027, 2, 9)}), complete=True
        )
    }
)


class TestDayKind:
    @pytest.mark.parametrize(
        ("day", "country", "kind"),
        [
            (date(2026, 2, 13), "CN", DayKind.WORKING),
            (date(2026, 2, 14), "CN", DayKind.MAKE_UP),
            (date(2026, 2, 15), "CN", DayKind.REST),
            (date(2026, 2, 17), "CN", DayKind.HOLIDAY),
            (date(2026, 2, 23), "CN", DayKind.HOLIDAY),
            (date(2026, 10, 10), "CN", DayKind.MAKE_UP),
            (date(2026, 7, 4), "US", DayKind.HOLIDAY),
            (date(2026, 7, 3), "US", DayKind.HOLIDAY),
            (date(2027, 9, 16), "HK", DayKind.HOLIDAY),
            (date(2026, 11, 22), "GB", DayKind.REST),
        ],
    )
    def test_knows_why(self, day, country, kind):
        """Days of the published 2026 schedule of China, and of other countries."""
        assert day_kind(day, country) is kind

    @pytest.mark.parametrize(
        ("day", "kind"),
        [
            (date(2027, 1, 30), DayKind.DECLARED_WORKING),
            (date(2027, 2, 9), DayKind.DECLARED_WORKING),
            (date(2027, 2, 11), DayKind.DECLARED_OFF),
            (date(2027, 2, 12), DayKind.WORKING),
        ],
    )
    def test_lets_an_override_win(self, day, kind):
        """A declared day beats the weekend, the ordinary day and the library's holiday."""
        assert day_kind(day, "CN", ANNOUNCED) is kind
        assert is_working_day(day, "CN", ANNOUNCED) is kind.is_working
        assert is_day_off(day, "CN", ANNOUNCED) is (kind is DayKind.DECLARED_OFF)

    def test_rests_on_other_days_in_other_countries(self):
        """Friday is a rest day in Saudi Arabia, Sunday is not."""
        assert day_kind(date(2026, 11, 27), "SA") is DayKind.REST
        assert day_kind(date(2026, 11, 29), "SA") is DayKind.WORKING

    def test_refuses_unknown_countries(self):
        """A country without a calendar is an error."""
        with pytest.raises(UnknownCountryError):
            is_working_day(date(2026, 1, 1), "ZZ")

    def test_matches_every_announced_day_of_2026_in_china(self):
        """The six made-up days and 248 working days of the schedule announced for 2026."""
        year = [date(2026, 1, 1) + timedelta(n) for n in range(365)]
        made_up = [str(day)[5:] for day in year if day_kind(day, "CN") is DayKind.MAKE_UP]
        assert made_up == ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
        assert sum(is_working_day(day, "CN") for day in year) == 248


class TestAddWorkingDays:
    @pytest.mark.parametrize(
        ("day", "n", "country", "expected"),
        [
            (date(2026, 11, 20), 1, "CN", date(2026, 11, 23)),
            (date(2026, 11, 20), 0, "CN", date(2026, 11, 20)),
            (date(2026, 11, 21), 0, "CN", date(2026, 11, 23)),
            (date(2026, 11, 21), 1, "CN", date(2026, 11, 23)),
            (date(2026, 11, 23), -1, "CN", date(2026, 11, 20)),
            (date(2026, 2, 13), 1, "CN", date(2026, 2, 14)),
            (date(2026, 2, 14), 1, "CN", date(2026, 2, 24)),
            (date(2026, 2, 24), -1, "CN", date(2026, 2, 14)),
            (date(2026, 12, 24), 1, "GB", date(2026, 12, 29)),
            (date(2026, 9, 30), 2, "CN", date(2026, 10, 9)),
        ],
    )
    def test_counts_from_the_day_after(self, day, n, country, expected):
        """Over weekends, made-up days, the long holidays of China and the year's end."""
        assert add_working_days(day, n, country) == expected

    def test_counts_declared_days(self):
        """With the announced year, the made-up Saturday is the next working day."""
        assert add_working_days(date(2027, 1, 29), 1, "CN") == date(2027, 2, 1)
        assert add_working_days(date(2027, 1, 29), 1, "CN", ANNOUNCED) == date(2027, 1, 30)

    @given(
        st.dates(date(2015, 1, 1), date(2035, 1, 1)), st.integers(-40, 40), st.sampled_from(["CN", "US", "SA", "FR"])
    )
    def test_passes_over_exactly_n_working_days(self, day, n, country):
        """The result is a working day, and as many working days lie between as were asked for."""
        found = add_working_days(day, n, country)
        assert is_working_day(found, country)
        low, high = min(day, found), max(day, found)
        between = [low + timedelta(i) for i in range((high - low).days + 1)]
        counted = sum(is_working_day(d, country) for d in between if d != day)
        assert counted == (abs(n) if n else int(found != day))

    @given(st.dates(date(2015, 1, 1), date(2035, 1, 1)), st.integers(1, 40))
    def test_goes_back_the_way_it_came(self, day, n):
        """From a working day, n on and n back is where it began."""
        start = add_working_days(day, 0, "CN")
        assert add_working_days(add_working_days(start, n, "CN"), -n, "CN") == start


class TestWorkedDays:
    @given(st.dates(date(2015, 1, 1), date(2035, 1, 1)), st.integers(0, 40))
    def test_are_the_working_days_where_they_are_known(self, day, n):
        """The same count, the same answer."""
        assert nth_worked_day(day, n, "CN") == add_working_days(day, n, "CN")
        assert is_worked(day, "CN") is is_working_day(day, "CN")

    @pytest.mark.parametrize(
        ("n", "expected"), [(1, date(2026, 1, 2)), (2, date(2026, 1, 5)), (6, date(2026, 1, 9)), (7, date(2026, 1, 12))]
    )
    def test_are_monday_to_friday_where_nobody_wrote_holidays_down(self, n, expected):
        """Counted from New Year's Day, a Thursday, in a country that has no calendar."""
        assert nth_worked_day(date(2026, 1, 1), n, "ZZ") == expected
        assert is_worked(date(2026, 1, 1), "ZZ")
        assert not is_worked(date(2026, 1, 3), "ZZ")


class TestIncompleteYears:
    def test_warns_of_years_that_are_not_announced(self):
        """China after the library's knowledge; the line says what to do."""
        found = incomplete_years("CN", range(2024, 2050))
        assert found
        assert {2024, 2025, 2026}.isdisjoint(year.year for year in found)
        assert found[-1].warning.startswith("CN 2049: make-up working days are not known yet. Add them to")

    def test_is_silent_once_the_file_says_complete(self):
        """An override with `complete` ends the warning, one without does not."""
        assert incomplete_years("CN", [2027], ANNOUNCED) == []
        partly = Overrides({("CN", 2049): YearOverride(off=frozenset({date(2049, 2, 1)}))})
        assert [year.year for year in incomplete_years("CN", [2049], partly)] == [2049]

    @pytest.mark.parametrize("country", ["US", "GB", "TW", "HK", "FR"])
    def test_is_silent_where_nothing_is_made_up(self, country):
        """Countries that fix their holidays by law have no open years."""
        assert incomplete_years(country, range(2020, 2050)) == []


class TestKnownCountries:
    def test_has_two_letters_each(self):
        """Three-letter names of the same countries are left out."""
        assert {"CN", "TW", "HK", "US", "GB"} <= known_countries()
        assert all(len(code) == 2 for code in known_countries())

    def test_are_those_of_the_library(self):
        """The list that is read without loading every calendar is the one that the library gives."""
        assert known_countries() == {code for code in list_supported_countries() if len(code) == 2}
