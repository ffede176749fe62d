"""What may be promised to several zones at once: one answer, about the group that it is true of."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from care.planning.admission import Admission, Word, admit, latest_start, promised_rate
from care.planning.capacity import Load, pass_through
from care.policy.hours import parse_windows
from care.policy.model import Windows
from care.policy.windows import is_open
from tests.planning.test_admission import CHANGES, DAYTIME, HOURS, MINUTE, ZONES, spans

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
EIGHT = datetime(2026, 12, 3, 0, 0, tzinfo=UTC)  # in Shanghai
EAST, WEST = ("Asia/Shanghai",), ("Europe/London",)  # eight hours apart


def load(key: int, zones: tuple[str, ...], work: float, due: float, use_by: float) -> Load:
    """Return so many hours of work at nine tenths of a hundred a second, from one hour to another after eight."""
    begin, end = EIGHT + due * HOUR, EIGHT + use_by * HOUR
    return Load(key=key, lane=1, parts=work * 3600 * 90, spans=spans(DAYTIME, zones, begin, end), use_by=end)


def judged(*pairs: tuple[tuple[str, ...], tuple[float, float, float]]) -> Admission:
    """Judge loads of one campaign, each a zone with its work, due hour and end."""
    loads = [load(n, zones, *hours) for n, (zones, hours) in enumerate(pairs)]
    return admit(
        loads,
        range(len(loads)),
        pass_through(loads, rate_per_second=promised_rate(100)),
        rate_per_second=100,
        is_promised=True,
        earlier=lambda one, since: spans(DAYTIME, pairs[one.key][0], since, one.use_by),
    )


class TestTwoZones:
    """Hours are counted from eight in Shanghai; its hours are 0 to 13, London's are 8 to 21."""

    def test_that_fit_are_told_of_by_the_least_margin(self) -> None:
        """East has eleven hours left at its deadline, west one: "an hour to spare before west's deadline"."""
        found = judged((EAST, (1, 0, 12)), (WEST, (12, 8, 21)))
        assert (found.word, found.key) == (Word.FITS, 1)
        assert (found.margin, found.deadline) == (HOUR, EIGHT + 21 * HOUR)

    def test_that_fit_to_the_last_second_have_no_margin(self) -> None:
        """Nothing to spare is less than anything."""
        found = judged((EAST, (1, 0, 12)), (WEST, (13, 8, 21)))
        assert (found.key, found.margin) == (1, timedelta(0))

    def test_that_are_late_alone_leave_the_other_where_it_is(self) -> None:
        """East has an hour of tomorrow for three hours of work, and needs two of today, which west does not share.

        If west began as early it would need them itself.
        """
        found = judged((EAST, (3, 24, 25)), (WEST, (4, 14, 20)))
        assert (found.word, found.key, found.missing) == (Word.REFUSED, 0, pytest.approx(2 * 3600 * 90))
        assert (found.latest_start, found.deadline) == (EIGHT + 11 * HOUR, EIGHT + 25 * HOUR)

    def test_that_are_both_late_are_told_of_by_who_has_to_begin_first(self) -> None:
        """East's hour has the first deadline, but west's nine and a half begin before it."""
        found = judged((EAST, (1, 12.5, 13)), (WEST, (9.5, 12.5, 21)))
        assert (found.key, found.deadline) == (1, EIGHT + 21 * HOUR)
        assert found.latest_start == EIGHT + 10.5 * HOUR  # ten and a half hours of both before west's deadline

    def test_that_begin_early_enough_keep_their_hours(self) -> None:
        """East is late only for west's sake, who can be six hours early; east goes on in the evening before."""
        found = judged((WEST, (6, 2, 12)), (EAST, (13, -14, 13)))
        assert (found.key, found.deadline) == (1, EIGHT + 13 * HOUR)
        assert found.latest_start == EIGHT - 6 * HOUR

    def test_begin_together_where_one_would_push_the_other_out(self) -> None:
        """The second is in time until the first, who is late, begins an hour earlier: so both must."""
        found = judged((EAST, (2, 4, 5)), (EAST, (2, 2.25, 5.25)))
        assert found.missing == pytest.approx(3600 * 90)  # of the first alone
        assert found.latest_start == EIGHT + 1.25 * HOUR

    def test_have_no_start_where_one_can_never_fit(self) -> None:
        """Named is the one that cannot."""
        found = judged((EAST, (1, 0, 12)), (WEST, (1_300, 8, 21)))
        assert (found.key, found.latest_start, found.deadline) == (1, None, EIGHT + 21 * HOUR)


Due = Mapping[int, datetime]


def counted(
    loads: Sequence[Load], due: Due, open_at: Mapping[int, tuple[Windows, tuple[str, ...]]], rate: Fraction
) -> tuple[dict[int, Fraction], dict[int, datetime]]:
    """Return what is left and when the last part left, working off each open minute, or what begins in it, by itself."""
    left, done = {one.key: Fraction(one.parts) for one in loads}, dict[int, datetime]()
    order = sorted(loads, key=lambda one: (one.lane, one.use_by, one.key))
    first, end = min(due.values()), max(one.use_by for one in loads)
    first -= timedelta(seconds=first.second)
    minutes = [first + n * MINUTE for n in range((end - first) // MINUTE + 1)]
    ticks = sorted({*minutes, *due.values()})
    for at, until in itertools.pairwise(ticks):
        budget = rate * ((until - at) // SECOND)
        for one in order:
            if due[one.key] <= at < one.use_by and left[one.key] and budget and is_open(*open_at[one.key], at):
                sent = min(left[one.key], budget)
                left[one.key], budget = left[one.key] - sent, budget - sent
                done[one.key] = until
    return left, done


GROUP = st.tuples(
    st.sampled_from(HOURS),
    st.sampled_from(ZONES),
    st.integers(1, 1_500),  # times 27 parts: no second is split
    st.integers(0, 900),
    st.integers(1, 1_500),
)


class TestAnyZones:
    @settings(deadline=None, max_examples=80)
    @given(
        st.sampled_from(CHANGES),
        st.lists(GROUP, min_size=2, max_size=4),
        st.integers(1, 3),
        st.lists(st.integers(0, 2), min_size=4, max_size=4),
        st.booleans(),
    )
    def test_are_told_what_a_count_by_the_minute_tells(self, day, drawn, rate, lanes, has_another) -> None:
        """Margin and deadline of one group; or a start at which all are in time, and none a second later."""
        open_at = {n: (parse_windows(hours), zones) for n, (hours, zones, *_) in enumerate(drawn)}
        due = {n: day + at * MINUTE for n, (*_, at, _) in enumerate(drawn)}
        mine = range(len(drawn) - has_another)
        loads = [
            Load(
                key=n,
                lane=1 if n in mine else lanes[n],
                parts=27 * parts,
                spans=spans(*open_at[n], due[n], due[n] + length * MINUTE),
                use_by=due[n] + length * MINUTE,
            )
            for n, (_, _, parts, _, length) in enumerate(drawn)
        ]
        pace = promised_rate(rate)
        ask = {"rate_per_second": rate, "earlier": lambda one, since: spans(*open_at[one.key], since, one.use_by)}
        found = admit(loads, mine, pass_through(loads, rate_per_second=pace), is_promised=True, **ask)

        left, done = counted(loads, due, open_at, pace)
        late = {n for n in mine if left[n]}
        told = loads[found.key]
        assert (found.word is Word.FITS, found.deadline) == (not late, told.use_by)
        if not late:
            margins = {n: loads[n].use_by - done[n] for n in mine}
            assert margins[told.key] <= found.margin <= margins[told.key] + MINUTE
            assert found.margin <= min(margins.values()) + MINUTE
            return

        start = latest_start(loads, late, mine=mine, **(ask | {"rate_per_second": pace}))
        assert (start.at, start.first.key) == (found.latest_start, found.key)
        assume(start.at is not None)
        assert late <= start.moved <= set(mine)

        def late_from(begin: datetime) -> set[int]:
            begun = {n: min(at, begin) if n in start.moved else at for n, at in due.items()}
            left, _ = counted(loads, begun, open_at, pace)
            return {n for n in mine if left[n]}

        assert late_from(start.at) == set()
        assert told.key in late_from(start.at + SECOND)
