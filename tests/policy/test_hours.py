import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.policy.hours import common_hours, is_days, narrowest, parse_days, parse_span, parse_windows
from care.policy.model import ANY_TIME, Windows

EDGES = st.lists(st.integers(0, 1440), min_size=0, max_size=6, unique=True).map(
    lambda edges: tuple(zip(*[iter(sorted(edges)[: len(edges) // 2 * 2])] * 2, strict=True))
)
WEEKS = st.lists(EDGES, min_size=7, max_size=7).map(lambda days: Windows(days=tuple(days)))


class TestParseWindows:
    def test_reads_days_and_spans(self):
        """Ranges of days, split days, and closed days by leaving them out."""
        found = parse_windows({"mon-fri": ["09:00-12:30", "13:30-18:00"], "sat": ["10:00-12:00"]})
        assert found.days[0] == found.days[4] == ((540, 750), (810, 1080))
        assert found.days[5:] == (((600, 720),), ())

    def test_splits_spans_at_midnight(self):
        """Sunday night runs into Monday."""
        found = parse_windows({"sun": ["22:00-02:00"], "mon": ["02:00-03:00"]})
        assert found.days[6] == ((1320, 1440),)
        assert found.days[0] == ((0, 180),)

    def test_joins_spans_that_touch_or_overlap(self):
        """Overlaps are no mistake, they are one span."""
        assert parse_windows({"daily": ["09:00-12:00"], "mon": ["11:00-14:00", "14:00-15:00"]}).days[0] == ((540, 900),)

    def test_reads_the_whole_week(self):
        """00:00-24:00 on every day is any time."""
        assert parse_windows({"daily": ["00:00-24:00"]}) == ANY_TIME
        assert parse_windows({"daily": ["00:00-24:00"]}).is_any_time

    @pytest.mark.parametrize("text", ["monday", "mon-", "-mon", "sat-mon", "MON", "", "mon-funday", "daily-mon"])
    def test_refuses_what_is_no_day(self, text):
        """Only lower-case short names, forwards."""
        assert not is_days(text)
        with pytest.raises(ValueError, match="is not a day"):
            parse_days(text)

    @pytest.mark.parametrize(
        "text", ["9:00-20:00", "09:00", "09:00-25:00", "24:00-01:00", "09:60-10:00", "09:00-09:00", "09:00 - 20:00", ""]
    )
    def test_refuses_what_is_no_span(self, text):
        """Two digits, real minutes, and some time between."""
        with pytest.raises(ValueError, match="is not a span"):
            parse_span(text)


class TestWindows:
    @pytest.mark.parametrize(
        "days", [((),) * 6, (((540, 540),),) * 7, (((600, 700), (650, 800)),) * 7, (((0, 1500),),) * 7]
    )
    def test_refuses_weeks_that_are_none(self, days):
        """Seven days; spans that are sorted, apart and within the day."""
        with pytest.raises(ValueError, match="windows need"):
            Windows(days=days)


class TestCommonHours:
    @given(WEEKS, WEEKS, st.integers(0, 6), st.integers(0, 1439))
    def test_is_open_where_both_are(self, one, other, day, minute):
        """Minute by minute, an intersection."""

        def has(windows):
            return any(opens <= minute < closes for opens, closes in windows.days[day])

        assert has(common_hours(one, other)) == (has(one) and has(other))

    def test_folds_over_many(self):
        """The narrowest of several windows, and of one."""
        day, lunch = parse_windows({"daily": ["09:00-20:00"]}), parse_windows({"mon-fri": ["10:00-12:30"]})
        assert narrowest([day, lunch, ANY_TIME]) == lunch
        assert narrowest([day]) == day
