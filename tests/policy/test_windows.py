import random
import timeit
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.base.vocabulary import Purpose
from care.policy.hours import parse_windows
from care.policy.model import ANY_TIME
from care.policy.windows import (
    NeverOpensError,
    closes_at,
    contact_window,
    is_open,
    next_open,
    zones_for,
)

SHANGHAI, NEW_YORK, LORD_HOWE = "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"
ZONES = (SHANGHAI, NEW_YORK, "Europe/London", LORD_HOWE, "America/St_Johns", "Pacific/Apia", "America/Santiago")
DAYTIME = parse_windows({"daily": ["09:00-20:00"]})
TAIWAN = parse_windows({"daily": ["09:00-12:30", "13:30-21:00"]})
NIGHT = parse_windows({"fri-sat": ["22:00-02:00"]})
SUNDAYS_LATER = parse_windows({"mon-sat": ["09:00-20:00"], "sun": ["12:00-20:00"]})
FRENCH = parse_windows({"mon-sat": ["08:30-20:00"]}, holidays_of="FR")
SMALL_HOURS = parse_windows({"daily": ["01:30-03:00"]})
ALL_WINDOWS = (DAYTIME, TAIWAN, NIGHT, SUNDAYS_LATER, FRENCH, SMALL_HOURS, ANY_TIME)
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def local(text, zone):
    """Return the instant of a wall time written as 2026-11-22 20:00."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def shows_open(windows, zone, instant):
    """Tell whether the wall clock shows an open minute: the definition, spelt out a second time."""
    wall = instant.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    french_holidays = {date(2026, 12, 25), date(2027, 1, 1), date(2027, 5, 1), date(2027, 7, 14)}
    if windows.holidays_of and wall.date() in french_holidays:
        return False
    return any(opens <= minute < closes for opens, closes in windows.days[wall.weekday()])


class TestIsOpen:
    @pytest.mark.parametrize(
        ("windows", "zone", "wall", "expected"),
        [
            (DAYTIME, SHANGHAI, "2026-11-22 08:59:59", False),
            (DAYTIME, SHANGHAI, "2026-11-22 09:00", True),
            (DAYTIME, SHANGHAI, "2026-11-22 19:59:59", True),
            (DAYTIME, SHANGHAI, "2026-11-22 20:00", False),
            (TAIWAN, "Asia/Taipei", "2026-11-22 12:30", False),
            (TAIWAN, "Asia/Taipei", "2026-11-22 13:30", True),
            (NIGHT, NEW_YORK, "2026-11-20 23:00", True),
            (NIGHT, NEW_YORK, "2026-11-22 01:59", True),
            (NIGHT, NEW_YORK, "2026-11-22 22:00", False),
            (SUNDAYS_LATER, NEW_YORK, "2026-11-22 11:59", False),
            (SUNDAYS_LATER, NEW_YORK, "2026-11-22 12:00", True),
            (FRENCH, "Europe/Paris", "2027-07-14 10:00", False),
            (FRENCH, "Europe/Paris", "2027-07-15 10:00", True),
            (FRENCH, "Europe/Paris", "2026-11-22 10:00", False),
            (SMALL_HOURS, NEW_YORK, "2027-03-14 01:59", True),
            (SMALL_HOURS, NEW_YORK, "2027-03-14 03:00", False),
        ],
    )
    def test_follows_the_wall_clock_of_the_recipient(self, windows, zone, wall, expected):
        """Edges of a window, lunch, midnight, Sunday, a public holiday, the missing hour of spring."""
        assert is_open(windows, (zone,), local(wall, zone)) is expected

    def test_takes_the_weekday_from_the_local_date(self):
        """Sunday 23:30 UTC is Monday morning in Shanghai and still Sunday in New York."""
        instant = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
        mondays = parse_windows({"mon": ["00:00-24:00"]})
        assert is_open(mondays, (SHANGHAI,), instant)
        assert not is_open(mondays, (NEW_YORK,), instant)

    def test_closes_again_when_the_clock_is_turned_back(self):
        """At 06:00 UTC New York shows 01:00 for the second time, half an hour before the window."""
        assert is_open(SMALL_HOURS, (NEW_YORK,), datetime(2026, 11, 1, 5, 45, tzinfo=UTC))
        assert not is_open(SMALL_HOURS, (NEW_YORK,), datetime(2026, 11, 1, 6, 15, tzinfo=UTC))
        assert is_open(SMALL_HOURS, (NEW_YORK,), datetime(2026, 11, 1, 6, 30, tzinfo=UTC))

    def test_needs_every_zone(self):
        """Open only where both clocks agree."""
        both = (SHANGHAI, "Asia/Tokyo")
        assert not is_open(DAYTIME, both, local("2026-11-22 09:30", "Asia/Tokyo"))
        assert is_open(DAYTIME, both, local("2026-11-22 09:00", SHANGHAI))
        assert not is_open(DAYTIME, both, local("2026-11-22 19:30", SHANGHAI))

    @pytest.mark.parametrize("ask", [is_open, next_open, closes_at])
    def test_refuses_no_zone_and_naive_instants(self, ask):
        """Nothing is open nowhere, and a naive instant is a bug: neither may pass as a yes."""
        with pytest.raises(ValueError, match="time zone"):
            ask(DAYTIME, (), datetime(2026, 11, 22, tzinfo=UTC))
        with pytest.raises(ValueError, match="time zone"):
            ask(DAYTIME, (SHANGHAI,), datetime(2026, 11, 22))  # noqa: DTZ001 - the point of the test

    @given(INSTANTS, st.sampled_from(ZONES), st.sampled_from([w for w in ALL_WINDOWS if w is not FRENCH]))
    def test_agrees_with_the_wall_clock(self, instant, zone, windows):
        """The cached minutes are what the clock of the zone shows."""
        assert is_open(windows, (zone,), instant) is shows_open(windows, zone, instant)

    def test_costs_a_few_microseconds(self):
        """It runs per message: 5 microseconds with the zones of a whole country, once the hour is known."""
        zones = (NEW_YORK, "America/Chicago", "America/Denver", "America/Los_Angeles", "Pacific/Honolulu")
        now = datetime(2026, 11, 22, 22, tzinfo=UTC)
        best = min(timeit.repeat(lambda: is_open(DAYTIME, zones, now), number=2000, repeat=7)) / 2000
        assert best < 5e-6


class TestNextOpen:
    @pytest.mark.parametrize(
        ("windows", "zone", "now", "opens"),
        [
            (DAYTIME, SHANGHAI, "2026-11-22 20:00", "2026-11-23 09:00"),
            (DAYTIME, SHANGHAI, "2026-11-22 08:59:59", "2026-11-22 09:00"),
            (TAIWAN, "Asia/Taipei", "2026-11-22 12:31", "2026-11-22 13:30"),
            (FRENCH, "Europe/Paris", "2026-12-24 20:00", "2026-12-26 08:30"),
            (FRENCH, "Europe/Paris", "2026-11-21 20:00", "2026-11-23 08:30"),
            (NIGHT, NEW_YORK, "2026-11-22 02:00", "2026-11-27 22:00"),
            (parse_windows({"daily": ["02:15-02:45"]}), NEW_YORK, "2027-03-13 03:00", "2027-03-15 02:15"),
            (parse_windows({"daily": ["02:15-04:00"]}), NEW_YORK, "2027-03-14 01:00", "2027-03-14 03:00"),
        ],
    )
    def test_waits_for_the_window(self, windows, zone, now, opens):
        """Overnight, over lunch, a holiday, a Sunday, a week; a window inside the spring gap waits a day."""
        assert next_open(windows, (zone,), local(now, zone)) == local(opens, zone)

    def test_is_now_while_open(self):
        """Down to the microsecond, and in UTC."""
        now = local("2026-11-22 10:00:30.000001", SHANGHAI)
        assert next_open(DAYTIME, (SHANGHAI,), now.astimezone(ZoneInfo(SHANGHAI))) == now
        assert next_open(ANY_TIME, (SHANGHAI,), now) == now

    def test_waits_until_every_zone_of_a_country_is_open(self, policies):
        """A customer somewhere in the US: noon on Sunday in Honolulu is 17:00 in New York."""
        zones = zones_for(None, "US", policies)
        found = next_open(SUNDAYS_LATER, zones, local("2026-11-22 01:00", NEW_YORK))
        assert found == local("2026-11-22 12:00", "Pacific/Honolulu")
        assert closes_at(SUNDAYS_LATER, zones, found) == local("2026-11-22 20:00", NEW_YORK)

    def test_says_so_when_nothing_is_ever_open(self):
        """No hour is daytime in New Zealand and in England in winter."""
        with pytest.raises(NeverOpensError, match="2 time zones"):
            next_open(DAYTIME, ("Pacific/Auckland", "Europe/London"), datetime(2026, 11, 22, tzinfo=UTC))

    @settings(max_examples=40, deadline=None)
    @given(
        INSTANTS,
        st.lists(st.sampled_from(ZONES[:5]), min_size=1, max_size=2, unique=True),
        st.sampled_from([DAYTIME, TAIWAN, SUNDAYS_LATER, ANY_TIME]),
    )
    def test_is_the_first_open_minute(self, now, zones, windows):
        """Open at the answer, and at no minute between now and the answer."""
        try:
            found = next_open(windows, zones, now)
        except NeverOpensError:
            found = now + timedelta(days=1)
        else:
            assert found >= now
            assert all(shows_open(windows, zone, found) for zone in zones)
        minute = now.replace(second=0, microsecond=0)
        while minute < found.replace(second=0, microsecond=0):
            assert not all(shows_open(windows, zone, minute) for zone in zones)
            minute += timedelta(minutes=1)


class TestTwoYears:
    @pytest.mark.parametrize("zone", [SHANGHAI, NEW_YORK, LORD_HOWE])
    @pytest.mark.parametrize("windows", [SUNDAYS_LATER, SMALL_HOURS])
    def test_never_opens_outside_the_window(self, zone, windows):
        """Hour by hour through 2026 and 2027, at a seeded minute: both answers agree with the clock on the wall."""
        sampled = random.Random(f"{zone}")
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for hour in range(2 * 365 * 24):
            now = start + timedelta(hours=hour, minutes=sampled.randrange(60))
            opens = next_open(windows, (zone,), now)
            assert is_open(windows, (zone,), now) is (opens == now) is shows_open(windows, zone, now)
            assert shows_open(windows, zone, opens)
            assert opens == now or not shows_open(windows, zone, opens - timedelta(minutes=1))


class TestClosesAt:
    def test_is_the_end_of_the_window(self):
        """The first minute at which sending is no longer allowed."""
        now = local("2026-11-22 10:00", SHANGHAI)
        assert closes_at(DAYTIME, (SHANGHAI,), now) == local("2026-11-22 20:00", SHANGHAI)
        assert closes_at(TAIWAN, ("Asia/Taipei",), local("2026-11-22 10:00", "Asia/Taipei")) == local(
            "2026-11-22 12:30", "Asia/Taipei"
        )

    def test_runs_past_midnight(self):
        """A window across midnight closes on the next day."""
        assert closes_at(NIGHT, (NEW_YORK,), local("2026-11-20 23:00", NEW_YORK)) == local("2026-11-21 02:00", NEW_YORK)

    def test_is_now_while_closed_and_never_for_any_time(self):
        """Nothing to wait for in either case."""
        now = local("2026-11-22 21:00", SHANGHAI)
        assert closes_at(DAYTIME, (SHANGHAI,), now) == now
        assert closes_at(ANY_TIME, (SHANGHAI,), now) is None


class TestContactWindow:
    def test_frees_replies_and_urgent_service(self, policies):
        """Replies and emergencies at any hour; service only when it is urgent; marketing never."""
        china = policies.country("CN")
        assert contact_window(china, Purpose.REPLY).is_any_time
        assert contact_window(china, Purpose.EMERGENCY).is_any_time
        assert contact_window(china, Purpose.SERVICE, urgent=True).is_any_time
        assert not contact_window(china, Purpose.SERVICE).is_any_time
        assert not contact_window(china, Purpose.OFFER, urgent=True).is_any_time

    def test_keeps_the_hours_of_a_state(self, policies):
        """Rhode Island closes earlier; its hours never reach past the country's."""
        america = policies.country("US")
        island = contact_window(america, Purpose.OFFER, area="RI")
        assert island.days[0] == ((540, 1080),)
        assert island.days[6] == ((720, 1020),)
        assert contact_window(america, Purpose.OFFER, area=" us-ri ") == island
        assert contact_window(america, Purpose.GREETING, area="ZZ") == contact_window(america, Purpose.OFFER)
        assert contact_window(america, Purpose.OFFER, area="AL").days[6] == ()


class TestZonesFor:
    def test_prefers_the_customers_own_zone(self, policies):
        """One zone when it is known."""
        assert zones_for("Pacific/Honolulu", "US", policies) == ("Pacific/Honolulu",)

    @pytest.mark.parametrize("timezone", [None, "", "Mars/Olympus", "+08:00", "America"])
    def test_falls_back_to_every_zone_of_the_country(self, policies, timezone):
        """No zone, or one that does not exist, is never fewer zones than the country has."""
        assert zones_for(timezone, "US", policies) == policies.country("US").timezones
        assert len(zones_for(timezone, "us", policies)) > 5

    def test_knows_countries_without_a_policy(self, policies):
        """Japan has one zone, Brazil many."""
        assert zones_for(None, "JP", policies) == ("Asia/Tokyo",)
        assert len(zones_for(None, "BR", policies)) > 3

    @pytest.mark.parametrize("country", [None, "", "ZZ"])
    def test_takes_the_whole_world_when_nothing_is_known(self, policies, country):
        """With no zone and no country no daytime hour is safe, so none opens."""
        zones = zones_for(None, country, policies)
        assert {SHANGHAI, NEW_YORK} <= set(zones)
        with pytest.raises(NeverOpensError):
            next_open(DAYTIME, zones, datetime(2026, 11, 22, tzinfo=UTC))
