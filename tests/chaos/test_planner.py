"""Row 16: the planner is killed between and within its transactions, again and again. Everyone is planned once."""

import random
from pathlib import Path

import pytest

from care.base.failpoints import LOG_VARIABLE, POINTS, VARIABLE
from tests.chaos.conftest import Figures, Scale
from tests.chaos.stage import KILLED
from tests.stories.operator import BIRTHDAY, Operator, operator, wait_until

WEST_OF_GMT = range(-14, 13)
"""The zones that there are, in hours."""

PLANNING = tuple(name for name in POINTS if name.startswith("plan."))
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(1800)]


def enter(made: Operator, people: int, zones: int, campaigns: int) -> None:
    """People in neighbouring zones and several campaigns make many short transactions."""
    file = made.write_customers(people)
    head, *rows = file.read_text(encoding="utf-8").splitlines()
    here = rows[0].split(",")[5]
    hours = int(here.removeprefix("Etc/GMT") or 0)
    first = min(max(hours - zones // 2, WEST_OF_GMT[0]), WEST_OF_GMT[-1] + 1 - zones)
    near = [f"Etc/GMT{first + n:+d}" for n in range(zones)]
    rows = [row.replace(here, near[n % zones]) for n, row in enumerate(rows)]
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    made.must("import", "customers", str(file))
    made.must("import", "consents", str(made.write_consents(people)))
    for n in range(1, campaigns):
        text = BIRTHDAY.replace("id: birthday", f"id: birthday{n}").replace("name: birthday", f"name: birthday{n}")
        (made.folder / "campaigns" / f"birthday{n}.yaml").write_text(text, encoding="utf-8")


class TestAKilledPlanner:
    def test_plans_everyone_once(self, tmp_path: Path, scale: Scale, dice: random.Random, figures: Figures):
        """However often it dies, the ledger's key and the count of the same transaction agree."""
        people, zones, campaigns, rounds = scale.of((90, 3, 1, 2), (20_000, 9, 5, 25))
        points = dice.sample([*PLANNING] * rounds, len(PLANNING) * rounds)
        notes = tmp_path / "failpoints.log"
        with operator(tmp_path) as made:
            enter(made, people, zones, campaigns)
            for point in points:
                armed = f"{point}:{dice.choice([1, 1, 2]) if scale.is_long else 1},recover.before_commit:1"
                with made.running("run", "--no-web", **{VARIABLE: armed, LOG_VARIABLE: str(notes)}) as daemon:
                    wait_until("the leader dies", lambda daemon=daemon: daemon.process.poll() is not None)
                    assert daemon.process.returncode == KILLED
                planned = made.ask("SELECT count(*) FROM message")
                assert made.ask("SELECT coalesce(sum(count), 0) FROM intended") == planned
            everyone = people * campaigns
            with made.running("run", "--no-web", **{VARIABLE: "recover.before_commit:1"}) as daemon:
                wait_until("all are planned", lambda: made.ask("SELECT count(*) FROM message") == [(everyone,)])
                assert daemon.end() == 0
            counts = "SELECT count(*), count(DISTINCT campaign_id || '/' || customer_id) FROM message"
            seen, single = made.ask(counts)[0]
            assert made.ask("SELECT sum(count) FROM intended") == [(everyone,)]
            reached = [line for line in notes.read_text().splitlines() if line.startswith("plan.")]
        figures.show(
            16, f"{len(points)} kills of the planner", f"{everyone} rows, each once", f"{seen}, {single} single"
        )
        assert (seen, single) == (everyone, everyone)
        assert len(reached) == len(points)
