"""A newer program's additive step, taken while the older program is at work; then the newer one takes over."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from care.migrations.version import newest
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.guards.tree import ROOT
from tests.stories.operator import OURS, Operator, Running, accepted, once_each, operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
STEP = f'''"""Add what only the newer program knows."""

import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "{newest()}"
branch_labels = None
depends_on = None
expands = {{expands}}


def upgrade() -> None:
    op.create_table("invention", sa.Column("id", sa.Integer(), primary_key=True))
    with op.batch_alter_table("attempt") as batch_op:
        batch_op.add_column(sa.Column("novelty", sa.String(8), nullable=True))
    with op.batch_alter_table("message") as batch_op:
        batch_op.add_column(sa.Column("novelty", sa.String(8), nullable=True))
        batch_op.create_index("ix_message_novelty", ["novelty"])


def downgrade() -> None:
    op.drop_table("invention")
'''


def newer_program(folder: Path, *, expands: bool) -> dict[str, str]:
    """Make a copy of the program with one step more; return the environment that runs it."""
    shutil.copytree(ROOT / "care", folder / "care", ignore=shutil.ignore_patterns("__pycache__"))
    migrations = folder / "care" / "migrations"
    (migrations / "versions" / "0099_add_inventions.py").write_text(STEP.format(expands=expands), encoding="utf-8")
    version = migrations / "version.py"
    text = version.read_text(encoding="utf-8")
    assert re.search(r"^VERSIONS.*$", text, re.MULTILINE)
    version.write_text(re.sub(r"(?m)^(VERSIONS.*)$", r'\1\nVERSIONS += ("0099",)', text), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def told(made: Operator, count: int) -> bool:
    return made.statuses() == {"delivered": count}


@pytest.fixture
def twilio() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(senders=[OURS]) as simulator:
        yield simulator


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else request.getfixturevalue("empty_postgres")


def lose_children(daemon: Running) -> None:
    """Kill both children: what is started again meets the newer tables with the older code."""
    for name in ("web", "dispatch"):
        before = daemon.child(name)
        os.kill(before, signal.SIGKILL)
        daemon.child(name, after=before)


class TestRollingUpgrade:
    def test_lets_the_older_go_on_until_the_newer_takes_over(
        self, tmp_path: Path, url: str, twilio: TwilioSimulator
    ) -> None:
        """Everybody is told once, before, during and after; the older's children even start on the newer tables."""
        newer = newer_program(tmp_path / "newer", expands=True)
        shop = tmp_path / "shop"
        shop.mkdir()
        with operator(shop, url=url, twilio=twilio) as made:
            made.enter(5)
            with made.running("run") as older:
                wait_until("the first are told", lambda: told(made, 5))
                upgraded = made.care("db", "upgrade", **newer)
                assert (upgraded.code, upgraded.err) == (0, "")
                assert "applied 0099" in upgraded.out
                lose_children(older)
                made.enter(10)
                wait_until("the older tells more", lambda: told(made, 10))
                assert made.care("db", "check").code == 0
                assert older.end() == 0
                assert "Traceback" not in older.said()
            made.enter(15)
            with made.running("run", **newer) as daemon:
                wait_until("the newer tells the rest", lambda: told(made, 15))
                assert daemon.end() == 0
            assert made.ask("SELECT version_num FROM alembic_version") == [("0099",)]
        assert accepted(twilio) == once_each(range(1, 16))

    def test_refuses_the_older_after_a_step_that_takes_away(self, tmp_path: Path) -> None:
        """Such a step names itself as the oldest program; an older one starts no more, in one line."""
        newer = newer_program(tmp_path / "newer", expands=False)
        shop = tmp_path / "shop"
        shop.mkdir()
        with operator(shop) as made:
            assert made.care("db", "upgrade", **newer).code == 0
            answer = made.care("log")
            assert answer.code == 2
            assert "is at version 0099, newer than this program knows" in answer.err
            assert made.care("db", "check", **newer).code == 0
