from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from care.calendars.walltime import UnknownZoneError, instant_at, load_zone, local_day

ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Santiago",
    "Pacific/Chatham",
    "America/Nuuk",
    "Asia/Tehran",
)
DAYS = st.dates(date(1975, 1, 1), date(2037, 12, 31))
MINUTES = st.integers(0, 1439).map(lambda m: time(m // 60, m % 60))


class TestInstantAt:
    @pytest.mark.parametrize(
        ("zone", "day", "at", "expected"),
        [
            ("Asia/Shanghai", date(2027, 2, 6), time(10), "2027-02-06T02:00"),
            ("America/New_York", date(2027, 3, 14), time(1, 59), "2027-03-14T06:59"),
            ("America/New_York", date(2027, 3, 14), time(2, 0), "2027-03-14T07:00"),
            ("America/New_York", date(2027, 3, 14), time(2, 30), "2027-03-14T07:00"),
            ("America/New_York", date(2027, 3, 14), time(3, 0), "2027-03-14T07:00"),
            ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30"),
            ("America/New_York", date(2026, 11, 1), time(2, 0), "2026-11-01T07:00"),
            ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 10), "2026-10-03T15:30"),
            ("Europe/London", date(2027, 3, 28), time(1, 30), "2027-03-28T01:00"),
            ("America/Santiago", date(2026, 9, 6), time(0, 0), "2026-09-06T04:00"),
            ("Pacific/Apia", date(2011, 12, 30), time(10), "2011-12-30T10:00"),
        ],
    )
    def test_knows_gaps_and_folds(self, zone, day, at, expected):
        """A gap gives the first valid minute after it, a fold the first of the two."""
        assert instant_at(day, at, ZoneInfo(zone)) == datetime.fromisoformat(expected).replace(tzinfo=UTC)

    @given(DAYS, MINUTES, st.sampled_from(ZONES))
    @example(date(2011, 12, 30), time(10), "Pacific/Apia")
    def test_is_the_first_instant_that_shows_the_time(self, day, at, zone):
        """At the instant the clock shows at least the time asked for; a minute before, not yet."""
        place, asked = ZoneInfo(zone), datetime.combine(day, at)
        found = instant_at(day, at, place)
        assert found.tzinfo is UTC
        assert found.astimezone(place).replace(tzinfo=None) >= asked
        assert (found - timedelta(minutes=1)).astimezone(place).replace(tzinfo=None) < asked

    @given(DAYS, MINUTES, st.sampled_from(ZONES))
    def test_shows_the_time_itself_where_the_day_has_it(self, day, at, zone):
        """Only a gap changes the wall time."""
        place, asked = ZoneInfo(zone), datetime.combine(day, at)
        shown = instant_at(day, at, place).astimezone(place).replace(tzinfo=None)
        exists = {
            asked.replace(tzinfo=place, fold=fold).astimezone(UTC).astimezone(place).replace(tzinfo=None)
            for fold in (0, 1)
        }
        assert (shown == asked) == (asked in exists)

    def test_ignores_a_zone_on_the_time(self):
        """A wall time is a wall time, even if the caller's carries a zone."""
        shanghai = ZoneInfo("Asia/Shanghai")
        assert instant_at(date(2027, 1, 1), time(10, tzinfo=UTC), shanghai) == datetime(2027, 1, 1, 2, tzinfo=UTC)


class TestLocalDay:
    @given(DAYS, MINUTES, st.sampled_from(ZONES))
    def test_is_the_day_that_was_asked_for(self, day, at, zone):
        """Except where the zone left the whole day out, the instant lies on its local day."""
        if (zone, day) != ("Pacific/Apia", date(2011, 12, 30)):
            place = ZoneInfo(zone)
            assert local_day(instant_at(day, at, place), place) == day

    def test_refuses_naive_instants(self):
        """A naive instant has no day anywhere."""
        with pytest.raises(ValueError, match="time zone"):
            local_day(datetime(2027, 1, 1), ZoneInfo("UTC"))  # noqa: DTZ001 - the point of the test


class TestLoadZone:
    def test_loads_every_zone_there_is(self):
        """Each name of the database is accepted, and the same object comes again."""
        names = available_timezones() - {"localtime", "Factory"}
        assert {load_zone(name).key for name in names} == names
        assert load_zone("Asia/Shanghai") is load_zone("Asia/Shanghai")

    @pytest.mark.parametrize(
        "name",
        ["Asia/Shangai", "America", "../etc/passwd", "/etc/localtime", "", "localtime", "Mars/X", "a\0b", "+08:00"],
    )
    def test_refuses_what_is_no_zone(self, name):
        """A typo, a folder, a path, an offset: one clear error each."""
        with pytest.raises(UnknownZoneError, match="is not known"):
            load_zone(name)

    def test_suggests_the_nearest_name(self):
        """A typo gets the right name."""
        with pytest.raises(UnknownZoneError, match="Did you mean 'Asia/Shanghai'"):
            load_zone("Asia/Shangai")
