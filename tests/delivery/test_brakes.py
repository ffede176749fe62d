"""The day's brakes, shared by all dispatchers."""

import threading
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import write
from care.delivery.brakes import INTERNATIONAL, SPEND, DaySpend, close_day, open_day

NOW = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)


def opened(conn: sa.Connection, **changed: Any) -> DaySpend:
    known: dict[str, Any] = {"now": NOW, "zone": "Asia/Shanghai", "home": "CN", "spend_limit_minor": None}
    known |= {"international_limit": 100, "price_minor": {"CN": Decimal("0.75"), "HK": Decimal(5)}}
    return open_day(conn, **{**known, **changed})


class TestADaysSpend:
    def test_counts_prices_below_the_smallest_coin(self, engine: sa.Engine) -> None:
        """Three quarters of a cent, one message at a time: after four messages three cents are spent."""
        for _ in range(4):
            with write(engine) as conn:
                day = opened(conn, spend_limit_minor=3)
                assert day.refuse("CN", 1) is None
                close_day(conn, day)
        with write(engine) as conn:
            assert opened(conn, spend_limit_minor=3).refuse("CN", 1) == SPEND

    @given(
        messages=st.lists(st.tuples(st.sampled_from(["CN", "HK", "DE"]), st.integers(1, 3)), min_size=1, max_size=8),
        spend=st.none() | st.integers(0, 30),
        abroad=st.integers(0, 12),
    )
    def test_takes_a_group_exactly_if_it_takes_each(
        self, messages: list[tuple[str, int]], spend: int | None, abroad: int
    ) -> None:
        """Asked once or one by one, the answer and what is counted are the same."""
        prices = {"CN": Decimal("0.75"), "HK": Decimal(5)}
        limits: dict[str, Any] = {"spend_limit_minor": spend, "international_limit": abroad, "price_minor": prices}
        one_by_one, together = (
            DaySpend(day=NOW.date(), tomorrow_at=NOW, home="CN", parts={"CN": 4, "HK": 1}, **limits) for _ in range(2)
        )
        parts = Counter[str]()
        for country, more in messages:
            parts[country] += more
        fits = all(one_by_one.refuse(country, more) is None for country, more in messages)
        assert together.takes(parts) is fits
        if fits:
            assert (together.parts, together.new) == (one_by_one.parts, one_by_one.new)
        else:
            assert together.parts == {"CN": 4, "HK": 1}

    def test_is_one_for_two_who_open_an_empty_day_at_once(self, postgres_engine: sa.Engine) -> None:
        """The first of the day holds the second back: together they never pass the limit."""
        refusals: list[str | None] = []

        def second() -> None:
            with write(postgres_engine) as conn:
                refusals.append(opened(conn, international_limit=3).refuse("HK", 2))

        with write(postgres_engine) as conn:
            day = opened(conn, international_limit=3)
            assert day.refuse("HK", 2) is None
            other = threading.Thread(target=second)
            other.start()
            other.join(0.5)
            close_day(conn, day)
        other.join(10)
        assert refusals == [INTERNATIONAL]
