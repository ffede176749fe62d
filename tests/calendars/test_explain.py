from datetime import date

import pytest

from care.calendars.explain import explain_day, list_year
from care.calendars.lunar import LunarDate
from care.calendars.lunar_text import day_chinese, lunar_chinese, lunar_english
from care.calendars.overrides import Overrides, YearOverride
from care.calendars.workdays import DayKind


class TestExplainDay:
    def test_tells_everything_of_a_festival(self):
        """The first day of the Spring Festival of 2026 in China."""
        found = explain_day(date(2026, 2, 17))
        assert (found.weekday, found.weekday_chinese) == ("Tuesday", "星期二")
        assert found.lunar_chinese == "农历丙午年（马）正月初一"
        assert found.lunar_english == "day 1 of month 1 of the lunar year 2026 (Horse)"
        assert found.festivals[0] == "spring_festival"
        assert (found.holiday_local, found.holiday) == ("春节", "Chinese New Year (Spring Festival)")
        assert found.kind is DayKind.HOLIDAY
        assert not found.is_working_day
        assert found.warning == ""

    def test_says_why_a_saturday_is_worked(self):
        """A made-up day is a working day and says so."""
        found = explain_day(date(2026, 2, 14))
        assert found.is_working_day
        assert found.reason.startswith("a working day: made up")

    def test_warns_while_a_year_is_not_announced(self):
        """The warning goes with the override that completes the year."""
        complete = Overrides({("CN", 2049): YearOverride(complete=True)})
        assert explain_day(date(2049, 5, 1)).warning.startswith("CN 2049: make-up working days")
        assert explain_day(date(2049, 5, 1), overrides=complete).warning == ""

    def test_speaks_the_language_of_the_country(self, monkeypatch):
        """Names are the country's own whatever the machine's locale."""
        monkeypatch.setenv("LANGUAGE", "fr")
        found = explain_day(date(2024, 10, 3), "DE")
        assert (found.holiday_local, found.holiday) == ("Tag der Deutschen Einheit", "German Unity Day")

    def test_goes_without_a_lunar_date_before_the_table(self):
        """January 1900 belongs to a lunar year that the table has not."""
        assert explain_day(date(1900, 1, 2), "US").lunar_english == ""


class TestListYear:
    def test_has_every_special_day_once_and_in_order(self):
        """Festivals, days off and made-up days of 2026 in China."""
        days = list_year(2026)
        assert [found.day for found in days] == sorted({found.day for found in days})
        assert sum(found.kind is DayKind.MAKE_UP for found in days) == 6
        assert {"mid_autumn", "double_ninth"} <= {name for found in days for name in found.festivals}
        assert all(found.is_special for found in days)


class TestLunarText:
    @pytest.mark.parametrize(
        ("lunar", "chinese", "english"),
        [
            (
                LunarDate(2025, 6, 10, leap=True),
                "农历乙巳年（蛇）闰六月初十",
                "day 10 of leap month 6 of the lunar year 2025 (Snake)",
            ),
            (
                LunarDate(1984, 12, 29),
                "农历甲子年（鼠）腊月廿九",
                "day 29 of month 12 of the lunar year 1984 (Rat)",
            ),
            (
                LunarDate(2023, 11, 20),
                "农历癸卯年（兔）冬月二十",
                "day 20 of month 11 of the lunar year 2023 (Rabbit)",
            ),
        ],
    )
    def test_reads_as_a_calendar_prints(self, lunar, chinese, english):
        """Year name, animal, leap mark and day name."""
        assert (lunar_chinese(lunar), lunar_english(lunar)) == (chinese, english)

    def test_names_all_thirty_days_apart(self):
        """The tens and the twenties have their own signs."""
        names = [day_chinese(day) for day in range(1, 31)]
        assert len(set(names)) == 30
        assert " ".join(names[index] for index in (0, 9, 10, 18, 19, 20, 29)) == "初一 初十 十一 十九 二十 廿一 三十"
