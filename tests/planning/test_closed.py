"""Planned maintenance: hours in which nobody carries a channel are no hours, those of a second provider are."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import write
from care.base.vocabulary import Channel
from care.delivery.maintenance import Window
from care.planning.admission import Word
from care.reports.plan_closed import Closed, closed_times
from care.reports.plan_days import PlanDay
from tests.factories import make_customer
from tests.house import BIRTHDAY, House
from tests.planning.test_capacity import TEN, minutes
from tests.planning.test_forecast import plan_of

MINUTE = timedelta(minutes=1)


def window(provider: str, begin: float, end: float) -> Window:
    return Window(provider=provider, starts_at=minutes(begin), ends_at=minutes(end), why="", by="ops")


def closed(*spans: tuple[datetime, datetime], channel: Channel = Channel.SMS) -> dict[Channel, Sequence[Closed]]:
    return {channel: [Closed(channel=channel, starts_at=a, ends_at=b, providers=("acme",)) for a, b in spans]}


class TestAChannel:
    @given(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(1, 20)), max_size=6),
        st.sampled_from(["a", "ab"]),
    )
    def test_is_closed_while_all_of_its_providers_are_away(self, drawn, providers) -> None:
        """Minute by minute; windows of one provider add up, and what touches is one time."""
        planned = sorted((window(name, at, at + length) for name, at, length in drawn), key=lambda one: one.starts_at)
        found = closed_times(Channel.SMS, tuple(providers), planned)
        for n in range(51):
            now = minutes(n)
            away = {one.provider for one in planned if one.starts_at <= now < one.ends_at}
            assert any(one.starts_at <= now < one.ends_at for one in found) is (away >= set(providers))
        assert all(one.starts_at < one.ends_at for one in found)
        assert all(one.ends_at < other.starts_at for one, other in itertools.pairwise(found))


class TestAPlan:
    @pytest.fixture
    def house(self, house: House) -> House:
        """Six greetings by SMS at ten o'clock, of use until eleven."""
        assert house.clock.now() == TEN
        house.write_campaign(BIRTHDAY.replace("8h", "1h"))
        with write(house.engine) as conn:
            for _ in range(6):
                make_customer(conn, consents=("greeting",), birth_mmdd=925)
        return house

    def day(self, house: House, rate: float, **more) -> PlanDay:
        (day,) = plan_of(house, days=1, exact_rates=rate, **more).days
        return day

    def test_counts_on_no_hour_without_a_carrier(self, house: House) -> None:
        """Six parts at nine tenths of one in six minutes are forty minutes of sixty: with half an hour less they are late."""
        rate = 1 / 360
        (judged,) = self.day(house, rate).judged
        assert (judged.admission.word, judged.closed) == (Word.FITS, ())
        away = closed((minutes(-10), minutes(30)))
        day = self.day(house, rate, closed=away)
        (judged,) = day.judged
        assert (judged.admission.word, judged.closed) == (Word.WARNED, tuple(away[Channel.SMS]))
        assert judged.admission.missing == pytest.approx(6 - 30 / 6 * 0.9)
        assert (day.start, day.too_late) == (minutes(30), 1)

    def test_begins_early_enough_for_what_lies_before(self, house: House) -> None:
        """The latest start is counted back over the hours that are left, which begin at nine."""
        away = closed((minutes(-20), minutes(30)))
        (judged,) = self.day(house, 1 / 360, closed=away).judged
        assert judged.admission.latest_start == minutes(-30)

    @pytest.mark.parametrize(
        ("begin", "end", "is_hindered"),
        [
            (-60, 0, False),  # over when it begins
            (0, 1, True),
            (3, 10, True),
            (13, 20, False),  # six parts are out by then
            (70, 90, False),
        ],
    )
    def test_tells_of_a_time_that_it_falls_into(self, house: House, begin: int, end: int, is_hindered: bool) -> None:
        """Not of one before or after."""
        away = closed((minutes(begin), minutes(end)))
        (judged,) = self.day(house, 6 / 720, closed=away).judged
        assert bool(judged.closed) is is_hindered

    def test_goes_on_while_the_other_channel_is_closed(self, house: House) -> None:
        """Mail may be away: this goes by SMS."""
        away = closed((minutes(-10), minutes(30)), channel=Channel.EMAIL)
        (judged,) = self.day(house, 1 / 360, closed=away).judged
        assert (judged.admission.word, judged.closed) == (Word.FITS, ())
