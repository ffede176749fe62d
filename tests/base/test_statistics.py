"""Our own figures against statsmodels and scipy, over many cases and at the edges."""

import math
import random
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from care.base import statistics as own
from care.base.student import quantile, tail

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.stats import proportion as oracle
    from statsmodels.stats.multitest import multipletests

SIZES = [1, 2, 3, 5, 15, 29, 30, 100, 500, 1_000, 100_000]
PAIRS = [(hits, n) for n in SIZES for hits in sorted({0, 1, n // 3, n // 2, n - 1, n})]
LEVELS = [0.8, 0.9, 0.95, 0.99]
shares = st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
scores = st.dictionaries(st.integers(0, 10), st.integers(1, 400), min_size=1)


def _near(wanted: Sequence[float], *, within: float = 1e-9) -> Any:
    return pytest.approx([float(one) for one in wanted], rel=within, abs=within)


class TestShare:
    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize(("hits", "n"), PAIRS)
    def test_has_the_interval_of_wilson(self, hits: int, n: int, level: float) -> None:
        """Equal to statsmodels, from one answer to a hundred thousand, none and all included."""
        found = own.share(hits, n, level)
        assert [found.low, found.high] == _near(oracle.proportion_confint(hits, n, 1 - level, method="wilson"))
        assert found.value == hits / n

    def test_of_nobody_is_no_figure(self) -> None:
        """Nothing is divided by nothing."""
        assert own.share(0, 0) == own.NOTHING
        assert own.share(0, 0).value is None

    @given(shares)
    def test_lies_inside_its_interval_and_between_none_and_all(self, pair: tuple[int, int]) -> None:
        """Whatever was counted."""
        found = own.share(*pair)
        assert found.value is not None
        assert 0 <= (found.low or 0) <= found.value <= (found.high or 1) <= 1

    def test_at_eighty_percent_is_as_wide_as_the_page_says(self) -> None:
        """The table that people plan with: n = 500 gives 76 to 83."""
        found = [own.share(round(0.8 * n), n) for n in (15, 30, 50, 100, 200, 500, 1000)]
        rounded = [(round(100 * (one.low or 0)), round(100 * (one.high or 0))) for one in found]
        assert rounded == [(55, 93), (63, 90), (67, 89), (71, 87), (74, 85), (76, 83), (77, 82)]


class TestDifference:
    @pytest.mark.parametrize("seed", range(60))
    def test_has_the_interval_of_newcombe_and_the_test_of_two_proportions(self, seed: int) -> None:
        """Equal to statsmodels for sixty random pairs, edges among them."""
        dice = random.Random(seed)
        n1, n2 = dice.choice(SIZES), dice.choice(SIZES)
        x1, x2 = dice.choice([0, n1, dice.randint(0, n1)]), dice.choice([0, n2, dice.randint(0, n2)])
        found = own.difference((x1, n1), (x2, n2))
        assert found is not None
        wanted = oracle.confint_proportions_2indep(x2, n2, x1, n1, method="newcomb", compare="diff")
        assert [found.low, found.high] == _near(wanted)
        if 0 < x1 + x2 < n1 + n2:
            assert [found.p_value] == _near([oracle.proportions_ztest([x1, x2], [n1, n2])[1]])
        else:
            assert found.p_value == 1

    def test_with_an_empty_side_is_none(self) -> None:
        """Nobody is compared with nobody."""
        assert own.difference((0, 0), (3, 4)) is None
        assert own.difference((3, 4), (0, 0)) is None

    def test_says_what_is_significant(self) -> None:
        """80% against 70% of 500 each is, of 50 each is not."""
        assert own.difference((400, 500), (350, 500)).is_significant()
        assert not own.difference((40, 50), (35, 50)).is_significant()


class TestMean:
    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize("seed", range(15))
    def test_has_the_interval_of_student(self, seed: int, level: float) -> None:
        """Equal to scipy, from two answers on."""
        dice = random.Random(seed)
        values = [dice.randint(1, 5) for _ in range(dice.choice([2, 3, 5, 30, 500]))]
        values[0], values[1] = 1, 5
        counts = {score: values.count(score) for score in set(values)}
        found = own.mean_of(counts, level)
        low, high = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
        assert [found.value, found.low, found.high] == _near([np.mean(values), low, high])

    def test_of_one_or_none_has_no_interval(self) -> None:
        """One answer tells nothing about how far others lie."""
        assert own.mean_of({}) == own.NOTHING
        assert own.mean_of({4: 1}) == own.Estimate(n=1, value=4)

    def test_of_equal_answers_is_sure_of_itself(self) -> None:
        """No spread, no width."""
        found = own.mean_of({5: 40})
        assert (found.low, found.value, found.high) == (5, 5, 5)

    @given(scores)
    def test_lies_on_the_index_where_it_lies_on_its_scale(self, counts: dict[int, int]) -> None:
        """The index is the mean on 0 to 100, and its ends stay there."""
        mean, found = own.mean_of(counts), own.index(counts, low=0, high=10)
        assert found.value == pytest.approx(mean.value * 10)
        assert found.low is None or 0 <= found.low <= found.value + 1e-9 <= found.high + 2e-9 <= 100 + 3e-9


class TestNps:
    @pytest.mark.parametrize("seed", range(20))
    def test_has_the_interval_of_a_mean_of_plus_and_minus(self, seed: int) -> None:
        """Each answer counts +1, 0 or -1; the interval is the normal one of their mean, by numpy."""
        dice = random.Random(seed)
        values = [dice.randint(0, 10) for _ in range(dice.choice([10, 100, 2000]))]
        signs = np.array([1 if v >= 9 else -1 if v <= 6 else 0 for v in values])
        reach = stats.norm.ppf(0.975) * signs.std() / math.sqrt(len(values))
        found = own.nps({score: values.count(score) for score in set(values)})
        wanted = 100 * signs.mean()
        ends = [max(-100, wanted - 100 * reach), min(100, wanted + 100 * reach)]
        assert [found.value, found.low, found.high] == _near([wanted, *ends])

    def test_goes_from_all_against_to_all_for(self) -> None:
        """-100, 0 for the lukewarm, 100, and nothing for nobody."""
        assert own.nps({6: 10}).value == -100
        assert own.nps({7: 4, 8: 4}).value == 0
        assert own.nps({9: 1, 10: 9}).value == 100
        assert own.nps({}) == own.NOTHING

    def test_of_five_hundred_is_sure_to_about_seven_points(self) -> None:
        """What is planned with: half for, a quarter against."""
        found = own.nps({10: 250, 7: 125, 0: 125})
        assert found.high - found.value == pytest.approx(7.3, abs=0.1)


class TestShrinking:
    @given(scores, scores)
    def test_lies_between_the_group_and_the_whole(self, one: dict[int, int], two: dict[int, int]) -> None:
        """And nearer to the whole the fewer there are."""
        groups = [own.moments(one), own.moments(two)]
        weight = own.shrink_weight(groups)
        total = sum(n for n, _, _ in groups)
        overall = sum(n * mean for n, mean, _ in groups) / total
        for n, mean, _ in groups:
            drawn = own.shrunken(mean, n, overall=overall, weight=weight)
            assert min(mean, overall) - 1e-9 <= drawn <= max(mean, overall) + 1e-9

    def test_leaves_groups_that_truly_differ(self) -> None:
        """Forty ones against forty fives stay apart; groups that differ by chance come together."""
        apart = own.shrink_weight([own.moments({1: 40}), own.moments({5: 40})])
        alike = own.shrink_weight([own.moments({4: 10, 5: 10}), own.moments({4: 11, 5: 9})])
        assert apart == 0
        assert alike == 40
        assert own.shrink_weight([own.moments({4: 3})]) == 0


class TestControlLimits:
    def test_are_three_standard_deviations_of_a_share(self) -> None:
        """80% of 400 and a week of 64: 80 ± 15 points; never beyond none and all."""
        found = own.control_limits(320, 400, 64)
        assert (found.low, found.middle, found.high) == pytest.approx((0.65, 0.8, 0.95))
        edge = own.control_limits(98, 100, 4)
        assert edge.high == 1
        assert own.control_limits(0, 0, 5) is None
        assert own.control_limits(3, 4, 0) is None


class TestSpearman:
    @pytest.mark.parametrize("seed", range(30))
    def test_is_that_of_scipy_with_ties(self, seed: int) -> None:
        """Value and p-value; the interval holds the value."""
        dice = random.Random(seed)
        n = dice.choice([4, 5, 30, 300])
        pairs = [(dice.randint(1, 5), dice.gauss(0, 10) // 1) for _ in range(n)]
        pairs[0], pairs[1] = (1, 99.0), (5, -99.0)
        found = own.spearman(pairs)
        wanted = stats.spearmanr(*zip(*pairs, strict=True))
        assert found is not None
        assert [found.value] == _near([wanted.statistic])
        assert [found.p_value] == _near([wanted.pvalue], within=1e-7)
        assert -1 <= found.low <= found.value <= found.high <= 1

    def test_of_too_few_or_of_a_flat_side_is_none(self) -> None:
        """Three pairs, or the same score from everybody."""
        assert own.spearman([(1, 1), (2, 2), (3, 3)]) is None
        assert own.spearman([(5, float(x)) for x in range(50)]) is None

    def test_of_a_straight_line_is_one(self) -> None:
        """Up and down."""
        assert own.spearman([(x, 2 * x) for x in range(10)]).value == 1
        assert own.spearman([(x, -x) for x in range(10)]).value == -1


class TestFalseDiscoveries:
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
    def test_are_those_of_benjamini_and_hochberg(self, p_values: list[float]) -> None:
        """Equal to statsmodels for any list."""
        assert own.false_discoveries(p_values) == _near(multipletests(p_values, method="fdr_bh")[1])

    def test_of_nothing_are_nothing(self) -> None:
        """No group, no finding."""
        assert own.false_discoveries([]) == []


class TestStudent:
    @pytest.mark.parametrize("freedom", [1, 2, 3, 10, 29, 99, 999, 99_999])
    @pytest.mark.parametrize("p", [0.5, 0.75, 0.9, 0.95, 0.975, 0.995, 0.9995])
    def test_is_that_of_scipy(self, freedom: int, p: float) -> None:
        """Quantile and tail, from one degree of freedom to a hundred thousand."""
        assert [quantile(p, freedom)] == _near([stats.t.ppf(p, freedom)], within=1e-8)
        assert [tail(2.5, freedom)] == _near([stats.t.sf(2.5, freedom)])


class TestNotEnough:
    def test_is_said_in_words(self) -> None:
        """Below thirty, or whatever was set."""
        assert own.not_enough(29) == "not enough data (29 of 30)"
        assert own.not_enough(30) == ""
        assert own.not_enough(5, 5) == ""
        assert not own.share(3, 4).is_enough()
        assert own.share(30, 40).is_enough()
