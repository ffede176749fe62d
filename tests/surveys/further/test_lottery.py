"""The lots of a random sample, for any share, round, campaign and installation."""

from datetime import date, timedelta
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.ids import MERSENNE_31
from care.surveys.sampling import SHORTEST, Every, Lottery, round_of

DAYS = st.dates(date(2026, 1, 1), date(2031, 12, 31))
LOTS = st.integers(1, MERSENNE_31 - 1)


@st.composite
def lotteries(draw: st.DrawFn) -> Lottery:
    """Return any lottery that a campaign file can ask for."""
    every = draw(st.sampled_from(Every))
    first_day = draw(st.integers(1, SHORTEST[every]))
    return Lottery(
        campaign=draw(st.sampled_from(["nps", "relationship"])),
        installation=draw(st.text("abcdef0123456789", min_size=4, max_size=4)),
        every=every,
        share=draw(st.floats(0.001, 0.999)),
        first_day=first_day,
        days=draw(st.integers(1, SHORTEST[every] - first_day + 1)),
    )


def lottery(**fields: object) -> Lottery:
    given = {"campaign": "nps", "installation": "a", "every": Every.QUARTER, "share": 0.05, "first_day": 1, "days": 90}
    return Lottery(**{**given, **fields})  # type: ignore[arg-type]


def days_of(one: Lottery, day: date) -> list[date]:
    """Return every day of the round of a day."""
    first = round_of(day, one.every).first
    days = [first + timedelta(days=n) for n in range(367)]
    return [one_day for one_day in days if round_of(one_day, one.every).first == first]


class TestDraw:
    @given(lotteries(), DAYS, LOTS)
    def test_names_one_day_inside_the_round_or_none(self, one: Lottery, day: date, lot: int) -> None:
        """Whoever is drawn is asked on exactly one day, between the first and the last; drawn again it is the same."""
        found = one.draw(lot, day)
        assert found == one.draw(lot, day)
        a, b = one.line(found.round)
        place = (lot * a + b) % MERSENNE_31
        asked = [d for d in days_of(one, day) if (span := one.places_on(d)) and span[0] <= place < span[1]]

        assert asked == ([found.asked_on] if found.asked_on else [])
        assert bool(asked) == (place < int(one.share * MERSENNE_31))
        for d in asked:
            assert one.first_day <= (d - found.round.first).days + 1 < one.first_day + one.days

    @given(lotteries(), DAYS)
    def test_days_share_the_places_without_gap_or_overlap(self, one: Lottery, day: date) -> None:
        """Together they are the share, to the last place, and no day has much more than another."""
        spans = [span for d in days_of(one, day) if (span := one.places_on(d))]
        assert len(spans) == one.days
        assert spans[0][0] == 0
        assert spans[-1][1] == int(one.share * MERSENNE_31)
        assert all(before[1] == after[0] for before, after in pairwise(spans))
        sizes = [end - first for first, end in spans]
        assert max(sizes) - min(sizes) <= 1

    @pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
    def test_draws_its_share_of_many(self, share: float) -> None:
        """Of 20,000 households within four standard deviations, in each of eight rounds."""
        lots = range(1, MERSENNE_31 - 1, MERSENNE_31 // 20_000)
        for quarter in range(8):
            day = date(2026 + quarter // 4, 3 * (quarter % 4) + 2, 1)
            drawn = sum(lottery(share=share).draw(lot, day).asked_on is not None for lot in lots)
            assert abs(drawn - share * len(lots)) <= 4 * sqrt(share * (1 - share) * len(lots)), day

    @pytest.mark.parametrize("other", [{"installation": "b"}, {"campaign": "other"}, {}])
    def test_is_another_in_another_place_campaign_or_round(self, other: dict[str, str]) -> None:
        """Two draws of one half have about a quarter in common, as two coins have."""
        lots = range(1, MERSENNE_31 - 1, MERSENNE_31 // 4_000)
        one, two = lottery(share=0.5), lottery(share=0.5, **other)
        later = date(2027, 1, 15) if not other else date(2026, 10, 15)
        both = sum(bool(one.draw(lot, date(2026, 10, 15)).asked_on and two.draw(lot, later).asked_on) for lot in lots)
        assert abs(both - len(lots) / 4) < 4 * sqrt(len(lots) * 3 / 16)


class TestRound:
    @given(DAYS, st.sampled_from(Every))
    def test_holds_its_day_and_is_named_alone(self, day: date, every: Every) -> None:
        """It begins on the first of a month, on or before the day, and has at least the days that fit into each."""
        found = round_of(day, every)
        assert found.first <= day
        assert found.first.day == 1
        last = found.first + timedelta(days=SHORTEST[every] - 1)
        assert round_of(last, every) == found
        assert round_of(found.first - timedelta(days=1), every).name != found.name

    @pytest.mark.parametrize(
        ("every", "name"), [("month", "2026-11"), ("quarter", "2026Q4"), ("half_year", "2026H2"), ("year", "2026")]
    )
    def test_is_named_as_people_name_it(self, every: str, name: str) -> None:
        """As on a report."""
        assert round_of(date(2026, 11, 27), Every(every)).name == name
