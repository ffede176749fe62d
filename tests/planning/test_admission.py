"""What may be promised, against a plain count of open minutes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.planning.admission import Admission, Word, admit, latest_start, promised_rate
from care.planning.capacity import Load, Spans, pass_through
from care.policy.hours import parse_windows
from care.policy.model import Windows
from care.policy.windows import closes_at, is_open, next_open

MINUTE = timedelta(minutes=1)
SHANGHAI = ("Asia/Shanghai",)
DAYTIME = parse_windows({"daily": ["08:00-21:00"]})
NINE_PM = datetime(2026, 12, 3, 13, 0, tzinfo=UTC)  # in Shanghai
HOURS = [
    {"daily": ["08:00-21:00"]},
    {"daily": ["08:30-11:45", "14:00-20:15"]},
    {"daily": ["22:00-02:30"]},
    {"mon-fri": ["09:00-12:00", "23:30-00:30"], "sat": ["10:00-13:00"]},
]
ZONES = [
    SHANGHAI,
    ("Europe/London",),
    ("America/New_York",),
    ("Australia/Lord_Howe",),
    ("Europe/London", "Europe/Helsinki"),
]
CHANGES = [  # of the clocks, and a day without
    datetime(2026, 3, 8, 0, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 0, tzinfo=UTC),
    datetime(2026, 4, 4, 12, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
    datetime(2026, 12, 3, 0, 0, tzinfo=UTC),
]


def spans(windows: Windows, zones: tuple[str, ...], since: datetime, until: datetime) -> Spans:
    """Return the open stretches, as the plan makes them."""
    found, at = [], since
    while at < until:
        opens = next_open(windows, zones, at)
        if opens >= until:
            break
        closes = closes_at(windows, zones, opens) or until
        found.append((opens, min(closes, until)))
        at = closes
    return found


def asked(
    parts: float, *, rate: float = 100, now: datetime, deadline: datetime = NINE_PM, others: Sequence[Load] = (), **more
) -> Admission:
    """Judge one notice to Shanghai that may leave from now on."""
    load = Load(key=0, lane=1, parts=parts, spans=spans(DAYTIME, SHANGHAI, now, deadline), use_by=deadline)
    loads = [load, *others]
    return admit(
        loads,
        {0},
        pass_through(loads, rate_per_second=promised_rate(rate)),
        rate_per_second=rate,
        is_promised=more.get("is_promised", True),
        earlier=lambda _load, since: spans(DAYTIME, SHANGHAI, since, deadline),
    )


class TestAMillionNotices:
    def test_are_refused_with_their_latest_start(self) -> None:
        """1.2 million at 100 a second are 3 h 42 min of nine tenths: from 17:17:46 for notice by 21:00."""
        found = asked(1_200_000, now=NINE_PM - timedelta(hours=3))
        assert found.word is Word.REFUSED
        assert found.needs.total_seconds() == pytest.approx(1_200_000 / 90)
        closed_form = NINE_PM - timedelta(seconds=1_200_000 / 90)
        assert found.latest_start is not None
        assert abs(found.latest_start - closed_form) <= timedelta(seconds=1)
        assert found.missing == pytest.approx(1_200_000 - 3 * 3600 * 90)

    def test_fit_when_they_begin_in_time(self) -> None:
        """With the margin that is left."""
        found = asked(1_200_000, now=NINE_PM - timedelta(hours=4))
        assert (found.word, found.missing, found.latest_start) == (Word.FITS, 0, None)
        assert found.margin is not None
        assert abs(found.margin - timedelta(seconds=4 * 3600 - 1_200_000 / 90)) < timedelta(seconds=1)

    def test_of_two_parts_each_take_twice_as_long(self) -> None:
        """Work is counted in parts: the texts decide, not the heads."""
        found = asked(2_400_000, now=NINE_PM - timedelta(hours=4))
        assert found.word is Word.REFUSED
        assert found.latest_start is not None
        assert found.latest_start == (NINE_PM - timedelta(seconds=2_400_000 / 90)).replace(microsecond=0)

    def test_that_need_more_than_a_day_begin_the_day_before(self) -> None:
        """Thirteen hours are open: what does not fit into them lies before the night."""
        found = asked(90 * 3600 * 14, now=NINE_PM - timedelta(hours=1))
        assert found.latest_start == NINE_PM - timedelta(hours=25)

    def test_share_the_sender_with_what_is_as_urgent(self) -> None:
        """An emergency takes its time first; greetings take none."""
        now = NINE_PM - timedelta(hours=4)
        first = Load(key=1, lane=0, parts=90 * 3600, spans=[(now, NINE_PM)], use_by=NINE_PM)
        last = Load(key=2, lane=5, parts=9_000_000, spans=[(now, NINE_PM)], use_by=NINE_PM)
        assert asked(1_200_000, now=now, others=[last]).word is Word.FITS
        found = asked(1_200_000, now=now, others=[first, last])
        assert found.word is Word.REFUSED
        assert found.missing == pytest.approx(1_200_000 - 3 * 3600 * 90)
        assert found.latest_start is not None  # an hour earlier than without the emergency
        closed_form = NINE_PM - timedelta(hours=1, seconds=1_200_000 / 90)
        assert abs(found.latest_start - closed_form) <= timedelta(seconds=1)

    def test_are_warned_of_where_nothing_was_promised(self) -> None:
        """A greeting that comes too late harms nobody but itself."""
        assert asked(1_200_000, now=NINE_PM - timedelta(hours=3), is_promised=False).word is Word.WARNED

    def test_that_fit_in_no_two_months_have_no_start(self) -> None:
        """One part an hour."""
        found = asked(1_200_000, rate=1 / 3600, now=NINE_PM - timedelta(hours=3))
        assert (found.word, found.latest_start) == (Word.REFUSED, None)


def by_the_minute(
    loads: Sequence[tuple[int, datetime, datetime, int]], windows: Windows, zones: tuple[str, ...], per_minute: int
) -> list[int]:
    """Return what is left of (parts, due, deadline, lane) when each open minute is worked off by itself."""
    left = [parts for parts, *_ in loads]
    at = min(due for _, due, _, _ in loads)
    while at < max(deadline for _, _, deadline, _ in loads):
        budget = per_minute if is_open(windows, zones, at) else 0
        for n in sorted(range(len(loads)), key=lambda n: (loads[n][3], loads[n][2], n)):
            if loads[n][1] <= at < loads[n][2]:
                sent = min(left[n], budget)
                left[n], budget = left[n] - sent, budget - sent
        at += MINUTE
    return left


WORK = st.tuples(st.integers(1, 60_000), st.integers(0, 900), st.integers(1, 1_500), st.integers(0, 2))


class TestEveryWindow:
    @settings(deadline=None, max_examples=60)
    @given(
        st.sampled_from(HOURS),
        st.sampled_from(ZONES),
        st.sampled_from(CHANGES),
        st.lists(WORK, min_size=1, max_size=4),
        st.integers(1, 3),
    )
    def test_leaves_what_a_count_by_the_minute_leaves(self, hours, zones, day, drawn, rate) -> None:
        """Split hours, hours over midnight, two zones that must agree, and changed clocks: to the part."""
        windows = parse_windows(hours)
        works = [(parts, day + due * MINUTE, day + (due + length) * MINUTE, lane) for parts, due, length, lane in drawn]
        loads = [
            Load(key=n, lane=lane, parts=parts, spans=spans(windows, zones, due, deadline), use_by=deadline)
            for n, (parts, due, deadline, lane) in enumerate(works)
        ]
        found = pass_through(loads, rate_per_second=promised_rate(rate))
        expected = by_the_minute(works, windows, zones, per_minute=54 * rate)
        assert [round(found[n].left) for n in range(len(loads))] == expected

    @settings(deadline=None, max_examples=60)
    @given(
        st.sampled_from(HOURS),
        st.sampled_from(ZONES),
        st.sampled_from(CHANGES),
        st.integers(1, 30_000),
        st.integers(1, 1440),
    )
    def test_has_its_latest_start_within_a_minute_of_the_count(self, hours, zones, day, parts, length) -> None:
        """Counting open minutes back from the deadline until all parts have one."""
        windows, deadline = parse_windows(hours), day + length * MINUTE
        load = Load(key=0, lane=1, parts=parts, spans=[], use_by=deadline)
        found = latest_start(
            [load],
            {0},
            rate_per_second=Fraction(9, 10),
            earlier=lambda _load, since: spans(windows, zones, since, deadline),
        ).at
        at, left = deadline, parts
        while left > 0:
            at -= MINUTE
            left -= 54 if is_open(windows, zones, at) else 0
        assert found is not None
        assert at - MINUTE <= found <= at + MINUTE
