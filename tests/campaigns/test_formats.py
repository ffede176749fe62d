from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from care.campaigns.formats import (
    currency_digits,
    format_clock,
    format_day,
    format_duration,
    format_end,
    format_moment,
    format_money,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


class TestDays:
    @pytest.mark.parametrize(
        ("locale", "written"),
        [
            ("zh-CN", "6月3日"),
            ("zh-TW", "6月3日"),
            ("en", "3 June"),
            ("en-US", "June 3"),
            ("fr", "3 juin"),
            ("xx", "3 June"),
        ],
    )
    def test_are_written_as_people_write_them(self, locale: str, written: str) -> None:
        """Without the year, short enough for an SMS; an unknown language is written in English."""
        assert format_day(date(2026, 6, 3), locale) == written


class TestMoments:
    def test_belong_to_the_wall_clock_given(self) -> None:
        """The same instant is written differently in two zones, also one right after the other."""
        instant = datetime(2026, 6, 30, 17, 5, tzinfo=UTC)
        assert format_moment(instant.astimezone(SHANGHAI), "zh-CN") == "7月1日01:05"
        assert format_moment(instant, "zh-CN") == "6月30日17:05"
        assert format_moment(instant, "en") == "30 June 17:05"

    @pytest.mark.parametrize(
        ("hour", "locale", "written"),
        [
            (0, "zh-CN", "6月30日24:00"),
            (0, "en", "30 June 23:59"),
            (1, "zh-CN", "7月1日01:00"),
            (1, "en", "1 July 01:00"),
        ],
    )
    def test_end_a_day_at_its_own_midnight(self, hour: int, locale: str, written: str) -> None:
        """What ends at midnight ends on the day before; nobody reads it a day too late."""
        assert format_end(datetime(2026, 7, 1, hour, tzinfo=SHANGHAI), locale) == written

    def test_of_the_day_have_two_digits(self) -> None:
        """A time of day is always five characters."""
        assert format_clock(time(9, 5)) == "09:05"


class TestMoney:
    @pytest.mark.parametrize(
        ("minor", "currency", "locale", "written"),
        [
            (9900, "CNY", "zh-CN", "99元"),
            (9950, "CNY", "zh-CN", "99.50元"),
            (109900, "TWD", "zh-TW", "1,099元"),
            (3990, "USD", "zh-CN", "US$39.90"),
            (3990, "GBP", "en", "£39.90"),
            (4000, "GBP", "en", "£40"),
            (3990, "USD", "en-US", "$39.90"),
            (3990, "JPY", "en", "JP¥3,990"),
            (0, "CNY", "en", "CN¥0"),
            (-1250, "GBP", "en", "-£12.50"),
            (123456, "EUR", "de", "1.234,56 €"),
        ],
    )
    def test_is_written_in_major_units(self, minor: int, currency: str, locale: str, written: str) -> None:
        """Minor units become the amount on the bill; whole amounts have no decimals, and no space doubles the price."""
        assert format_money(minor, currency, locale) == written
        assert "\u00a0" not in format_money(minor, currency, locale)

    def test_knows_how_many_decimals_a_currency_has(self) -> None:
        """Yen has none, most have two, dinars three."""
        assert [currency_digits(code) for code in ("JPY", "CNY", "KWD")] == [0, 2, 3]


class TestDurations:
    @pytest.mark.parametrize(
        ("minutes", "locale", "written"),
        [
            (240, "zh-CN", "4小时"),
            (90, "zh-TW", "1小時30分鐘"),
            (90, "en", "1 hour 30 minutes"),
            (60, "en", "1 hour"),
            (1, "en", "1 minute"),
            (0, "en", "0 minutes"),
            (0, "zh-CN", "0分钟"),
        ],
    )
    def test_are_hours_and_minutes(self, minutes: int, locale: str, written: str) -> None:
        """Whole hours first, minutes only where there are any."""
        assert format_duration(timedelta(minutes=minutes), locale) == written
