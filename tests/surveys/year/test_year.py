"""A made-up stretch of time, whole: every ticket ends in one state, nobody is asked twice, every answer is true."""

import logging
import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from care.base.clock import VirtualClock
from tests.house import ROOT, build_house
from tests.seeds import seed_of_run
from tests.surveys.year import law
from tests.surveys.year.people import draw_people
from tests.surveys.year.play import Year
from tests.surveys.year.tickets import FOLLOWED, draw_tickets

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
SIZES = {"short": (60, 45, 2, timedelta(hours=1)), "year": (20_000, 9_000, 365, timedelta(minutes=170))}
"""Tickets, customers, days, and the step of the clock; that of the year comes by every hour of the day."""

AFTER = timedelta(days=22)
"""Until reminders are sent, late answers are in and questions are closed."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7_200)]


@pytest.fixture
def dice() -> random.Random:
    """Random numbers of this run; CARE_TEST_SEED repeats them."""
    return random.Random(seed_of_run())


def _write_soon(connection: Any, _record: Any) -> None:
    """Wait for no disk: nothing is cut off here."""
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def year(tmp_path: Path, sqlite_engine: sa.Engine, dice: random.Random) -> Year:
    """A house with the shipped campaigns of the follow-up, and everything that will happen to it."""
    tickets, customers, days, step = SIZES[os.environ.get("CARE_YEAR", "short")]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sa.event.listen(sqlite_engine, "connect", _write_soon)
    house = build_house(tmp_path, sqlite_engine, VirtualClock(BEGIN))
    for name in ("repair", "complaint", "installation"):
        shutil.copy(ROOT / "campaigns" / f"{name}_followup.yaml", tmp_path / "campaigns")
    people = draw_people(customers, dice)
    drawn = draw_tickets(tickets, people, BEGIN, days, dice)
    made = Year(house=house, people=people, tickets=drawn, dice=dice, step=step)
    made.enter_people(tmp_path)
    made.play(BEGIN + timedelta(days=days) + AFTER)
    return made


def test_year(year: Year) -> None:
    """The law holds, and enough happened for it to mean something."""
    found = law.broken(year)
    states = law.states(year)
    print(states, len(year.life.kept), len(year.life.truths))  # noqa: T201
    assert found == []
    assert states["answered"] > 0.1 * sum(states.values())
    assert {"answered", "closed_unanswered", "exempt"} <= states.keys()
    assert sum(states.values()) >= sum(one.kind in FOLLOWED for one in year.tickets)
