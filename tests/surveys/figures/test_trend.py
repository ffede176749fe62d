"""Weeks and months with their limits, and drops that are more than chance."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.surveys.figures.ballot import Ballot
from care.surveys.figures.comparing import compare
from care.surveys.figures.trend import Change, by_month, by_week, latest_change

MONDAY = date(2026, 6, 1)
ballots = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: _ballot(*pair))


def _ballot(good: int, bad: int) -> Ballot:
    return Ballot({(1, 5, 5): good, (1, 5, 2): bad})


def _days(first: date, days: int, good: int, bad: int) -> dict[date, Ballot]:
    return {first + timedelta(days=n): _ballot(good, bad) for n in range(days)}


class TestPoints:
    def test_are_weeks_from_monday_and_calendar_months(self) -> None:
        """Two full weeks and a day."""
        days = _days(MONDAY, 15, 8, 2)
        assert [(p.first, p.ballot.n) for p in by_week(days)] == [
            (MONDAY, 70), (MONDAY + timedelta(7), 70), (MONDAY + timedelta(14), 10),
        ]  # fmt: skip
        assert [(p.first, p.ballot.n) for p in by_month(_days(date(2026, 6, 30), 2, 1, 0))] == [
            (date(2026, 6, 1), 1),
            (date(2026, 7, 1), 1),
        ]

    def test_lie_out_of_the_limits_when_a_week_is_different(self) -> None:
        """Ten good weeks, one bad; a small week needs more to stand out."""
        days = _days(MONDAY, 70, 8, 2) | _days(MONDAY + timedelta(70), 7, 3, 7)
        assert [p.is_out for p in by_week(days)] == [False] * 10 + [True]
        days = _days(MONDAY, 70, 8, 2) | {MONDAY + timedelta(70): _ballot(1, 2)}
        assert not any(p.is_out for p in by_week(days))

    @given(st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 12, 31)), ballots, max_size=40))
    def test_add_up_to_all_answers(self, days: dict[date, Ballot]) -> None:
        """By week and by month nobody is lost."""
        for points in (by_week(days), by_month(days)):
            assert sum(p.ballot.n for p in points) == sum(b.n for b in days.values())


class TestLatestChange:
    def test_is_a_drop_when_it_is_more_than_chance(self) -> None:
        """Four weeks at 60% after twelve at 80%."""
        today = MONDAY + timedelta(112)
        days = _days(MONDAY, 84, 8, 2) | _days(MONDAY + timedelta(84), 28, 6, 4)
        found = latest_change(days, today)
        assert found.is_drop()
        assert "a significant drop (-20.0 points" in found.words

    def test_is_none_within_chance_or_upwards(self) -> None:
        """One point less is chance; a rise is no drop."""
        today = MONDAY + timedelta(112)
        same = _days(MONDAY, 84, 8, 2) | _days(MONDAY + timedelta(84), 28, 8, 2) | {today - timedelta(1): _ballot(7, 3)}
        rise = _days(MONDAY, 84, 6, 4) | _days(MONDAY + timedelta(84), 28, 8, 2)
        assert not latest_change(same, today).is_drop()
        assert "no more than chance" in latest_change(same, today).words
        assert not latest_change(rise, today).is_drop()
        assert "significant rise" in latest_change(rise, today).words

    def test_says_when_there_is_not_enough(self) -> None:
        """Twenty-nine answers are too few to speak of."""
        found = Change(earlier=_ballot(100, 0), later=_ballot(10, 19))
        assert not found.is_drop()
        assert found.words == "not enough data to compare (29 answers after, 30 needed on each side)"

    def test_leaves_today_out(self) -> None:
        """A day that is not over does not count."""
        today = MONDAY + timedelta(40)
        assert latest_change({today: _ballot(0, 50)}, today).later.n == 0


class TestCompare:
    def test_names_groups_that_differ_from_the_rest(self) -> None:
        """One bad area of five; the others are not accused."""
        groups = {name: _ballot(80, 20) for name in "abcd"} | {"e": _ballot(50, 50)}
        verdicts = {group.key: group.verdict for group in compare(groups, least=30)}
        assert verdicts["e"] == "below the rest"
        assert verdicts["a"] != "below the rest"

    def test_accuses_nobody_for_chance(self) -> None:
        """Forty groups of which one is at 5% by itself: with so many that happens."""
        groups = {f"g{n}": _ballot(80, 20) for n in range(39)} | {"low": _ballot(71, 29)}
        assert [group.verdict for group in compare(groups, least=30)] == [""] * 40
        alone = compare({"rest": _ballot(3120, 780), "low": _ballot(71, 29)}, least=30)
        assert alone[1].verdict == "below the rest"

    def test_draws_small_groups_towards_the_whole(self) -> None:
        """Two bad answers say less than two hundred."""
        found = {
            g.key: g for g in compare({"a": _ballot(190, 10), "b": _ballot(150, 50), "c": _ballot(0, 2)}, least=30)
        }
        assert found["c"].drawn > 3
        assert found["b"].drawn == pytest.approx(4.25, abs=0.15)
        assert found["c"].against_rest is None

    @given(st.dictionaries(st.text("abc", max_size=2), ballots, max_size=6))
    def test_keeps_every_answer(self, groups: dict[str, Ballot]) -> None:
        """Whatever the groups, they add up."""
        found = compare(groups, least=30)
        assert sum(g.n for g in found) == sum(b.n for b in groups.values())
        assert [g.key for g in found] == list(groups)


class TestBallot:
    def test_counts_who_is_satisfied_on_each_scale(self) -> None:
        """4 of 5, 5 of 7, 8 of 10, yes."""
        found = Ballot(
            {
                (1, 5, 4): 1,
                (1, 5, 3): 1,
                (1, 7, 5): 1,
                (1, 7, 4): 1,
                (1, 10, 8): 1,
                (1, 10, 7): 1,
                (0, 1, 1): 1,
                (0, 1, 0): 1,
            }
        )
        assert (found.satisfied, found.n) == (4, 8)

    def test_puts_every_scale_on_one_index(self) -> None:
        """3 of 5 and the middle of ten are 50."""
        assert Ballot({(1, 5, 3): 2}).index().value == 50
        assert Ballot({(1, 10, 10): 1, (1, 10, 1): 1}).index().value == 50
        assert Ballot({(1, 10, 10): 1, (1, 5, 1): 1}).mean().value == 3
