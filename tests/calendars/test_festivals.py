from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.calendars.festivals import (
    FESTIVALS,
    UnknownFestivalError,
    festival_date,
    festival_names,
    festivals_on,
    public_holiday_names,
)
from care.calendars.lunar import OutOfLunarRangeError
from care.calendars.public import UnknownCountryError


class TestFestivalDate:
    @pytest.mark.parametrize(
        ("name", "days"),
        [
            ("spring_festival", ["2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23"]),
            ("mid_autumn", ["2026-09-25", "2027-09-15", "2028-10-03", "2029-09-22", "2030-09-12", "2031-10-01"]),
            ("lantern", ["2026-03-03", "2027-02-20"]),
            ("dragon_boat", ["2026-06-19", "2027-06-09"]),
            ("qixi", ["2026-08-19", "2027-08-08"]),
            ("double_ninth", ["2026-10-18", "2027-10-08"]),
            ("lunar_new_years_eve", ["2026-02-16", "2027-02-05"]),
        ],
    )
    def test_follows_the_lunar_calendar(self, name, days):
        """Published dates of the lunar festivals from 2026 on."""
        assert [str(festival_date(name, 2026 + offset)) for offset in range(len(days))] == days

    @pytest.mark.parametrize("year", [2022, 2023, 2029, 2030, 2034])
    def test_greets_on_the_day_and_not_on_the_day_off(self, year):
        """In these years Hong Kong's day off is another day than the festival."""
        off = holidays.country_holidays("HK", years=year, language="en_US")
        first_days = {day for day, name in off.items() if name == "Chinese New Year"}
        day_after_mid_autumn = {day for day, name in off.items() if "following Mid-Autumn" in name}
        spring, autumn = festival_date("spring_festival", year, "HK"), festival_date("mid_autumn", year, "HK")
        assert first_days != {spring} or day_after_mid_autumn != {autumn + timedelta(1)}
        assert spring == festival_date("spring_festival", year, "CN")

    @pytest.mark.parametrize(
        ("name", "country", "day"),
        [
            ("mothers_day", "CN", "2027-05-09"),
            ("mothers_day", "GB", "2027-03-07"),
            ("mothers_day", "FR", "2027-05-30"),
            ("mothers_day", "ES", "2027-05-02"),
            ("fathers_day", "TW", "2027-08-08"),
            ("fathers_day", "US", "2027-06-20"),
            ("fathers_day", "DE", "2027-05-06"),
            ("thanksgiving", "US", "2027-11-25"),
            ("thanksgiving", "CA", "2027-10-11"),
            ("labour_day", "US", "2027-09-06"),
            ("labour_day", "CN", "2027-05-01"),
            ("national_day", "TW", "2027-10-10"),
            ("christmas", "GB", "2027-12-25"),
            ("new_year", "US", "2027-01-01"),
            ("easter", "GB", "2027-03-28"),
        ],
    )
    def test_knows_what_differs_between_countries(self, name, country, day):
        """Days by weekday and by country, as published."""
        assert str(festival_date(name, 2027, country)) == day

    def test_moves_french_mothers_day_away_from_pentecost(self):
        """In 2023 the last Sunday of May was Pentecost."""
        assert festival_date("mothers_day", 2023, "FR") == date(2023, 6, 4)

    def test_is_none_where_a_festival_is_not_kept(self):
        """No Thanksgiving in China, no national day in Britain."""
        assert festival_date("thanksgiving", 2027, "CN") is None
        assert festival_date("national_day", 2027, "GB") is None

    @pytest.mark.parametrize(
        ("name", "year", "day"),
        [
            ("US:Independence Day", 2027, "2027-07-04"),
            ("us: Juneteenth National Independence Day", 2026, "2026-06-19"),
            ("CN:National Day", 2026, "2026-10-01"),
            ("IN:Diwali", 2026, "2026-11-08"),
            ("GB:Christmas Day", 2027, "2027-12-25"),
            ("KR:Chuseok", 2025, "2025-10-06"),
        ],
    )
    def test_knows_public_holidays_by_country_and_name(self, name, year, day):
        """The day itself: Christmas on a Saturday is not moved to Monday, a shared day has both names."""
        assert str(festival_date(name, year)) == day

    def test_is_none_in_a_year_without_that_public_holiday(self):
        """Juneteenth is a holiday since 2021; asking for 2019 is no mistake."""
        assert festival_date("US:Juneteenth National Independence Day", 2019) is None

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("mid_autum", "Did you mean 'mid_autumn'"),
            ("US:Independance Day", "Did you mean 'Independence Day'"),
            ("ZZ:Independence Day", "Country: Known"),
            ("", "Known:"),
        ],
    )
    def test_refuses_unknown_names_with_a_hint(self, name, hint):
        """The error says what was probably meant."""
        with pytest.raises(UnknownFestivalError, match=hint):
            festival_date(name, 2027)

    def test_refuses_lunar_festivals_outside_the_table(self):
        """2101 has no lunar date here; fixed days go on."""
        assert festival_date("christmas", 2101) == date(2101, 12, 25)
        with pytest.raises(OutOfLunarRangeError):
            festival_date("mid_autumn", 2101)

    def test_agrees_with_the_library_on_easter(self):
        """Good Friday is two days before our Easter Sunday in every year of the table."""
        for year in range(1960, 2100):
            assert festival_date("GB:Good Friday", year) + timedelta(2) == festival_date("easter", year)


class TestFestivalsOn:
    def test_names_what_falls_together(self):
        """Built-in names come first, then the public holidays of the country."""
        assert festivals_on(date(2026, 11, 26), "US") == ["thanksgiving", "US:Thanksgiving Day"]
        assert festivals_on(date(2025, 10, 6), "CN") == ["mid_autumn", "CN:Mid-Autumn Festival"]
        assert festivals_on(date(2026, 11, 27), "US") == []

    @given(st.dates(date(1950, 1, 1), date(2100, 12, 31)), st.sampled_from(["CN", "TW", "HK", "US", "GB", "FR", "IN"]))
    def test_agrees_with_festival_date(self, day, country):
        """A name is listed on a day exactly when its date in that year is that day."""
        found = festivals_on(day, country)
        assert all(festival_date(name, day.year, country) == day for name in found)
        assert all(name in found for name in FESTIVALS if festival_date(name, day.year, country) == day)

    def test_refuses_unknown_countries(self):
        """A country without a calendar is an error, not an empty day."""
        with pytest.raises(UnknownCountryError, match="country 'ZZ'"):
            festivals_on(date(2027, 1, 1), "ZZ")


class TestFestivalNames:
    def test_has_the_festivals_that_templates_are_shipped_for(self):
        """The names campaigns rely on."""
        shipped = {"spring_festival", "lantern", "dragon_boat", "qixi", "mid_autumn", "double_ninth"}
        assert shipped | {"new_year", "christmas"} <= set(festival_names())

    @pytest.mark.parametrize("country", ["CN", "TW", "HK", "US", "GB", "DE", "FR", "JP", "IN", "AU"])
    def test_leaves_out_days_in_exchange(self, country):
        """Substituted and observed days are not festivals anyone greets."""
        names = public_holiday_names(country, 2026)
        assert names
        assert not [name for name in names if "substituted" in name or "observed" in name or ";" in name]
