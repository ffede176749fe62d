"""Two planners at once: a lease that was lost, or `care run` twice for a moment."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import open_engine, read, write
from care.messages.tables import intended
from care.planning import planner
from tests.delivery.crew import at_once
from tests.factories import make_customer
from tests.house import House, build_house


class TestTwoPlanners:
    def test_enter_everyone_once_and_count_them_once(
        self, tmp_path: Path, postgres_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The ledger's key decides; whoever comes second on a chunk gives up that round and finds nothing later."""
        monkeypatch.setattr(planner, "CHUNK", 9)
        clock = VirtualClock(datetime(2026, 9, 25, 2, 0, tzinfo=UTC))
        url = postgres_engine.url.render_as_string(hide_password=False)
        engines = [open_engine(url) for _ in range(3)]
        houses = [build_house(tmp_path, engine, clock) for engine in engines]
        houses[0].write_campaign()
        with write(postgres_engine) as conn:
            for _ in range(120):
                make_customer(conn, consents=("greeting",), birth_mmdd=925)

        at_once(*(_planning(house) for house in houses))
        houses[0].plan()

        assert len(houses[0].messages()) == 120
        with read(postgres_engine) as conn:
            assert conn.execute(sa.select(sa.func.sum(intended.c.count))).scalar_one() == 120
        for engine in engines:
            engine.dispose()


def _planning(house: House) -> Callable[[], None]:
    def plan() -> None:
        with contextlib.suppress(sa.exc.OperationalError):  # the tick fails, the next one goes on
            house.plan()

    return plan
