"""kill -9 in the job that follows up: every ticket ends in one state, and nobody is asked twice."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.failpoints import POINTS, VARIABLE
from care.customers.tickets.tables import ticket_resolution
from care.messages.tables import attempt
from care.surveys.tables import follow_up, phone_task
from tests.factories import make_customer
from tests.house import ROOT, House, build_house
from tests.surveys.factories_tickets import make_resolved

FOLLOWING = tuple(name for name in POINTS if name.split(".")[0] in {"take_on", "follow"})
AT_ONCE = 30  # taken on by one transaction here, so that few tickets make two of them
TICKETS = AT_ONCE + 20
SPARED = 15  # of these the planner must not lose sight: no address, a try, a kind that nobody asks about
pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

JOB = """
import os
import sys
from datetime import datetime
from pathlib import Path
from care.base.clock import VirtualClock
from care.base.settings import load_settings
from care.bootstrap import Services
from care.schedule import JOBS, run_due_jobs
from care.surveys import inviting
inviting.AT_ONCE = int(sys.argv[2])
clock = VirtualClock(datetime.fromisoformat(sys.argv[1]))
folder = Path.cwd()
services = Services(settings=load_settings(os.environ, directory=folder), clock=clock, root=folder)
run_due_jobs(services, tuple(job for job in JOBS if job.name == "follow_up"))
"""
"""One turn of the job as the leader runs it, at an hour of the test's."""


@pytest.fixture
def operated(tmp_path: Path, sqlite_engine: sa.Engine) -> House:
    """Tickets of many customers, resolved this morning in Shanghai; more than one transaction takes on."""
    clock = VirtualClock(datetime(2026, 11, 20, 2, tzinfo=UTC))
    house = build_house(tmp_path, sqlite_engine, clock)
    for name in ("repair_followup", "complaint_followup"):
        house.write_campaign((ROOT / f"campaigns/{name}.yaml").read_text(encoding="utf-8"), name)
    with write(house.engine) as conn:
        for n in range(TICKETS):
            fields = [{"phone": None}, {}, {}][n % 3] if n < SPARED else {}
            about = [{}, {"is_test": True}, {"kind": "inquiry"}][n % 3] if n < SPARED else {}
            kind = {"kind": "complaint"} if n % 5 == 4 and n >= SPARED else {}
            who = make_customer(conn, consents=("survey",), **fields)
            make_resolved(conn, customer_id=who, at=clock.now(), **{**about, **kind})
    return house


def turn(house: House, point: str = "", nth: int = 1) -> int:
    """Run the job in a process of its own, which dies at a point; return its exit code."""
    settings = {
        "CARE_DATABASE__URL": house.engine.url.render_as_string(hide_password=False),
        "CARE_PATHS__TEMPLATES": str(ROOT / "templates" / "messages"),
        "CARE_SECURITY__SECRET_KEY": "s" * 40,
        "CARE_SECURITY__SUPPRESSION_KEY": house.services.settings.security.suppression_key.get_secret_value(),
        **({VARIABLE: f"{point}:{nth}"} if point else {}),
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
    command = [sys.executable, "-c", JOB, house.clock.now().isoformat(), str(AT_ONCE)]
    done = subprocess.run(command, cwd=house.folder, env={**env, **settings}, capture_output=True, check=False)
    assert done.returncode in (0, -9), done.stderr.decode()
    return done.returncode


def states(house: House) -> Counter[str]:
    with read(house.engine) as conn:
        return Counter(conn.execute(sa.select(follow_up.c.state)).scalars())


class TestAKilledJob:
    def test_takes_every_ticket_on_once_and_asks_nobody_twice(self, operated: House) -> None:
        """It dies before and after each commit, while it takes on and while it moves on; then it is run again."""
        assert turn(operated, "take_on.before_commit") == -9
        assert states(operated).total() == 0
        assert turn(operated, "take_on.committed") == -9
        assert states(operated).total() == AT_ONCE
        assert turn(operated) == 0
        taken = states(operated)
        assert taken == {"due": TICKETS - SPARED, "phone_task": 5, "exempt": 10}

        operated.clock.advance(timedelta(hours=3))
        assert operated.plan().planned == TICKETS - SPARED
        operated.dispatch()
        assert turn(operated, "follow.before_commit") == -9
        assert states(operated) == taken
        assert turn(operated, "follow.committed") == -9
        assert turn(operated) == 0
        operated.plan()
        operated.dispatch()
        assert len(operated.messages(leg="main")) == TICKETS - SPARED

        assert states(operated) == {"invited": TICKETS - SPARED, "phone_task": 5, "exempt": 10}
        with read(operated.engine) as conn:
            open_ones = sa.select(sa.func.count()).where(ticket_resolution.c.followed_up_at.is_(None))
            assert conn.execute(open_ones).scalar_one() == 0
            assert conn.execute(sa.select(sa.func.count(sa.distinct(follow_up.c.resolution_id)))).scalar() == TICKETS
            asked = Counter(conn.execute(sa.select(attempt.c.address_hash)).scalars())
            assert (len(asked), max(asked.values())) == (TICKETS - SPARED, 1)
            assert conn.execute(sa.select(sa.func.count()).select_from(phone_task)).scalar_one() == 5
