"""When it will be done: exact for a steady rate, whatever lanes and hours."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.planning.capacity import Load, pass_through, without

TEN = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)


def minutes(n: float) -> datetime:
    return TEN + timedelta(minutes=n)


def load(key: int, parts: float, *spans: tuple[float, float], lane: int = 5) -> Load:
    own = [(minutes(a), minutes(b)) for a, b in spans]
    return Load(key=key, lane=lane, parts=parts, spans=own, use_by=own[-1][1] if own else TEN)


class TestOneLoad:
    def test_takes_parts_by_rate(self) -> None:
        """600 parts at 10 a second are a minute."""
        found = pass_through([load(1, 600, (0, 60))], rate_per_second=10)[1]
        assert (found.start, found.finish, found.left) == (TEN, minutes(1), 0)

    def test_waits_for_its_next_hours(self) -> None:
        """What does not fit before the window closes goes on in the next one."""
        found = pass_through([load(1, 1200, (0, 1), (10, 60))], rate_per_second=10)[1]
        assert (found.start, found.finish, found.left) == (TEN, minutes(11), 0)

    def test_keeps_what_there_is_no_time_for(self) -> None:
        """A minute for two minutes' work leaves half."""
        found = pass_through([load(1, 1200, (0, 1))], rate_per_second=10)[1]
        assert (found.finish, found.left) == (minutes(1), pytest.approx(600))

    def test_without_any_hour_never_starts(self) -> None:
        """All of it is left."""
        found = pass_through([load(1, 7)], rate_per_second=10)[1]
        assert (found.start, found.finish, found.left) == (None, None, 7)


class TestSeveralLoads:
    def test_give_way_to_the_more_important_lane(self) -> None:
        """A notice that comes in the middle goes first; greetings go on after it."""
        loads = [load(1, 1200, (0, 60), lane=5), load(2, 600, (1, 60), lane=1)]
        found = pass_through(loads, rate_per_second=10)
        assert (found[2].start, found[2].finish) == (minutes(1), minutes(2))
        assert (found[1].start, found[1].finish) == (TEN, minutes(3))

    def test_of_one_lane_go_by_deadline(self) -> None:
        """The earliest first."""
        found = pass_through([load(1, 600, (0, 90)), load(2, 600, (0, 30))], rate_per_second=10)
        assert (found[2].finish, found[1].finish) == (minutes(1), minutes(2))

    @given(
        st.lists(
            st.tuples(st.integers(1, 5000), st.integers(0, 300), st.integers(1, 200), st.integers(0, 5)),
            min_size=1,
            max_size=8,
        ),
        st.sampled_from([1.0, 7.0, 100.0]),
    )
    def test_never_exceed_the_rate_nor_their_hours(self, drawn, rate) -> None:
        """Parts sent fit into the time between first start and last finish, and nobody leaves outside the span."""
        loads = [
            load(n, parts, (begin, begin + length), lane=lane) for n, (parts, begin, length, lane) in enumerate(drawn)
        ]
        found = pass_through(loads, rate_per_second=rate)
        sent = sum(one.parts - found[one.key].left for one in loads)
        begin = min(one.spans[0][0] for one in loads)
        end = max((found[one.key].finish or begin) for one in loads)
        assert sent <= (end - begin).total_seconds() * rate + 1e-3
        for one in loads:
            passage = found[one.key]
            assert 0 <= passage.left <= one.parts
            if passage.start is not None and passage.finish is not None:
                assert one.spans[0][0] <= passage.start <= passage.finish <= one.spans[0][1] + timedelta(microseconds=1)

    def test_all_finish_when_there_is_time(self) -> None:
        """Work is conserved: a sender with something open is never idle."""
        loads = [load(n, 600, (n, 600), lane=n % 3) for n in range(10)]
        found = pass_through(loads, rate_per_second=10)
        assert max(one.finish for one in found.values() if one.finish) == minutes(10)


STRETCHES = st.lists(st.integers(0, 40), unique=True, max_size=8).map(sorted)


class TestWhatIsLeft:
    @given(STRETCHES, STRETCHES)
    def test_is_open_and_not_closed(self, some, others) -> None:
        """Minute by minute; what touches is cut nowhere, and nothing empty is left."""
        spans, closed = (
            [(minutes(a), minutes(b)) for a, b in zip(each[::2], each[1::2], strict=False)] for each in (some, others)
        )
        left = without(spans, closed)
        assert all(begin < end for begin, end in left)
        assert list(left) == sorted(left)
        for n in range(41):
            now = minutes(n)
            is_open, is_closed, is_left = (any(a <= now < b for a, b in each) for each in (spans, closed, left))
            assert is_left is (is_open and not is_closed)
