"""Figures for monitoring: cheap at any size."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.reports.metrics import figures, inbox_depth, oldest_due, why_not_ready
from tests.factories import make_customer
from tests.inbound.house import make_message
from tests.reports.index_use import steps_of, whole_tables

NOW = datetime(2026, 9, 25, 2, 0, tzinfo=UTC)


class TestFigures:
    @pytest.mark.parametrize("ask", [figures, oldest_due, why_not_ready])
    def test_walk_no_big_table(self, sqlite_engine: sa.Engine, ask: object) -> None:
        """Each question has an index that stops it, so a scrape costs the same with ten million messages."""
        steps = steps_of(sqlite_engine, lambda conn: list(figures(conn, NOW)) if ask is figures else ask(conn, NOW))
        assert whole_tables(steps) == []

    def test_of_an_empty_house_are_zero(self, engine: sa.Engine) -> None:
        """The first scrape after the first start."""
        with read(engine) as conn:
            assert {figure.value for figure in figures(conn, NOW)} == {0.0}
            assert inbox_depth(conn) == 0


class TestOldestDue:
    @pytest.mark.parametrize(
        ("fields", "minutes"),
        [
            ({"status": "planned"}, 30),
            ({"status": "held", "reason": "quiet_hours"}, 30),
            ({"status": "sent"}, 0),
            ({"status": "planned", "use_by": NOW - timedelta(minutes=1)}, 0),
            ({"status": "planned", "wake_at": NOW + timedelta(minutes=1)}, 0),
        ],
    )
    def test_counts_what_could_go_now(self, engine: sa.Engine, fields: dict[str, object], minutes: int) -> None:
        """Sent, expired and sleeping messages do not wait for anybody."""
        with write(engine) as conn:
            make_message(conn, customer_id=make_customer(conn), now=NOW - timedelta(minutes=30), **fields)
        with read(engine) as conn:
            assert oldest_due(conn, NOW) == timedelta(minutes=minutes)
