"""Valid answers against the target: pace, expected day, alarm."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import read
from care.surveys.figures.period import quarter_named
from care.surveys.figures.quota import LOOK_BACK, RIPE_AFTER, Quota, Recent, recent_invitations, weigh_quota
from care.surveys.figures.sheet import Count
from tests.surveys.factories_figures import START, make_quarter

Q3 = quarter_named("2026Q3", "Asia/Shanghai")
QUIET = Recent()


def _weigh(
    by_day: dict[date, int], *, on: date = date(2026, 8, 15), target: int = 500, recent: Recent = QUIET
) -> Quota:
    now = datetime(on.year, on.month, on.day, tzinfo=UTC)
    count = Count(in_time=sum(by_day.values()))
    return weigh_quota(Q3, by_day, count, recent, target=target, now=now)


def _daily(n: int, until: date = date(2026, 8, 15)) -> dict[date, int]:
    return {Q3.first + timedelta(days=day): n for day in range((until - Q3.first).days)}


class TestQuota:
    def test_is_expected_when_the_pace_reaches_it(self) -> None:
        """Six a day for 45 days are 270; the missing 230 take 39 more."""
        found = _weigh(_daily(6))
        assert found.pace == 6
        assert found.expected_on == date(2026, 8, 15) + timedelta(days=39)
        assert found.needed_a_day == pytest.approx(230 / 47)

    def test_was_reached_on_the_day_that_brought_the_last_one(self) -> None:
        """Twenty a day: the five hundredth comes on the twenty-fifth."""
        found = _weigh(_daily(20))
        assert (found.reached_on, found.is_alarm) == (date(2026, 7, 25), False)
        assert "reached on 2026-07-25" in found.words

    def test_alarms_when_what_is_there_and_what_is_forecast_fall_short(self) -> None:
        """300 there, 100 in flight at one in five, ten more a day for a week at the same rate: too few."""
        recent = Recent(asked=500, answered=100, in_flight=100, a_day=10)
        short = _weigh(_daily(6, date(2026, 8, 20)), on=date(2026, 9, 23), recent=recent)
        assert short.forecast == pytest.approx(300 + 20 + 7 * 10 * 0.2)
        assert short.is_alarm
        assert "ALARM" in short.words
        enough = _weigh(_daily(6, date(2026, 8, 20)), on=date(2026, 9, 23), recent=recent, target=334)
        assert not enough.is_alarm
        assert _weigh(_daily(6, date(2026, 8, 20)), on=date(2026, 9, 23), recent=recent, target=335).is_alarm

    def test_was_missed_when_the_quarter_is_over(self) -> None:
        """No forecast then; the sentence says by how much."""
        found = _weigh(_daily(1), on=date(2026, 10, 1))
        assert (found.forecast, found.expected_on, found.is_alarm) == (None, None, True)
        assert found.words == "45 of 500 valid answers; the target was missed by 455"

    def test_without_a_single_answer_is_not_expected(self) -> None:
        """No pace, no date, and an alarm."""
        found = _weigh({})
        assert (found.expected_on, found.is_alarm) == (None, True)
        assert "not to be expected at this pace" in found.words

    @given(st.lists(st.integers(0, 30), max_size=92), st.integers(0, 92))
    def test_never_alarms_because_of_one_answer_more(self, days: list[int], place: int) -> None:
        """More answers can end an alarm, never begin one."""
        by_day = {Q3.first + timedelta(days=n): count for n, count in enumerate(days)}
        more = dict(
            sorted(
                {
                    **by_day,
                    Q3.first + timedelta(days=place): by_day.get(Q3.first + timedelta(days=place), 0) + 1,
                }.items()
            )
        )
        assert _weigh(by_day).is_alarm or not _weigh(more).is_alarm
        first, second = _weigh(by_day), _weigh(more)
        if first.reached_on and second.reached_on:
            assert second.reached_on <= first.reached_on


class TestRecentInvitations:
    @pytest.mark.parametrize("seed", [11, 12])
    def test_are_those_that_plain_python_counts(self, engine: sa.Engine, seed: int) -> None:
        """Ripe ones with their answers, and those that are under way."""
        world = make_quarter(seed)
        now = START + timedelta(days=60)
        for row in world["follow_up"]:
            if row["state"] == "answered":
                row["answered_at"] = row["invited_at"] + timedelta(days=row["id"] % 11)
        world.write(engine)
        with read(engine) as conn:
            found = recent_invitations(conn, now)
        rows = [row for row in world["follow_up"] if row["invited_at"] and row["invited_at"] < now]
        ripe = [row for row in rows if now - RIPE_AFTER - LOOK_BACK <= row["invited_at"] < now - RIPE_AFTER]
        good = [row for row in ripe if row["answered_at"] and row["answered_at"] <= row["invited_at"] + RIPE_AFTER]
        young = [
            row for row in rows if row["invited_at"] >= now - RIPE_AFTER and row["state"] in ("invited", "delivered")
        ]
        lately = [row for row in rows if row["invited_at"] >= now - LOOK_BACK]
        assert (found.asked, found.answered, found.in_flight) == (len(ripe), len(good), len(young))
        assert found.a_day == pytest.approx(len(lately) / 28)
        assert 0 < found.rate < 1

    def test_of_an_empty_house_are_none(self, engine: sa.Engine) -> None:
        """Zero everywhere, and no division by it."""
        with read(engine) as conn:
            found = recent_invitations(conn, START)
        assert (found, found.rate) == (Recent(), 0)
