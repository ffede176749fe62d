"""P7: planning an audience of a million, against a bare INSERT … SELECT into the same table with all its indexes.

    python benchmarks/bench_planning.py [--customers N] [--rounds N] [--url URL]

Ours is `plan_set`: whom the campaign owes, consent, suppression, hold-out and every reason to skip, counted
independently, in short durable transactions. Frequency caps are judged at sending. The reference writes as many rows of
constants in one statement and one durable transaction. Both find the ledger empty.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from benchmarks import big
from benchmarks import world as worlds
from benchmarks.measure import Row, Spent, compare, in_turn, process_cpu, rate, say, table, timed
from care.base.database import write
from care.bootstrap import Services
from care.customers.tables import customer
from care.messages.tables import message
from care.planning.planner import plan_set
from care.planning.selection import PLAN_COLUMNS, OwedSet, owed_sets

MUST, STRETCH = 0.25, 0.5


def owed_today(services: Services, place: big.Place) -> OwedSet:
    """Return the one set that everybody is in."""
    (campaign,) = services.campaigns
    days, now = iter([date.fromisoformat(place.day)]), services.clock.now()
    (owed,) = owed_sets(campaign, days=days, zone=place.zone, rules=services.planning_rules, now=now)
    return owed


def bare_insert(engine: sa.Engine) -> int:
    """Write a row of constants for everybody who is active, in one statement."""
    at = 1_800_000_000_000_000
    constants = {
        "campaign_id": "today",
        "occasion": "date:2026-11-22",
        "leg": "main",
        "occasion_on": date(2026, 11, 22),
        "subject": None,
        "purpose": "greeting",
        "lane": 5,
        "status": "planned",
        "reason": None,
        "due_at": at,
        "use_by": at + 40_000_000_000,
        "wake_at": at,
        "plan_digest": "0123456789abcdef",
        "planned_at": at,
        "status_at": at,
    }
    values = [
        customer.c.id if name == "customer_id" else sa.literal(constants[name], _plain(message.c[name].type))
        for name in PLAN_COLUMNS
    ]
    rows = sa.select(*values).where(customer.c.status == "active")
    with write(engine) as conn:
        made = sa.insert(message).from_select(list(PLAN_COLUMNS), rows)
        return int(conn.execute(made.execution_options(preserve_rowcount=True)).rowcount)


def _plain(kind: sa.types.TypeEngine[object]) -> sa.types.TypeEngine[object]:
    return sa.BigInteger() if type(kind).__name__ == "Instant" else kind


class Planning:
    """Ours and the reference on one big world."""

    def __init__(self, folder: Path) -> None:
        self.services = worlds.open_folder(folder)
        self.engine = self.services.engine
        self.rows = 0
        self._place = big.place_of(folder)
        self._postmaster = _postmaster(self.engine)

    def ours(self) -> Spent:
        """Plan everybody into the empty ledger."""
        owed = owed_today(self.services, self._place)
        return self._measure(lambda: plan_set(self.engine, owed))

    def bare(self) -> Spent:
        """Insert as many rows into the empty ledger."""
        return self._measure(lambda: bare_insert(self.engine))

    def reasons(self) -> Counter[str]:
        """Return how many rows have which reason."""
        with self.engine.connect() as conn:
            found = conn.execute(sa.select(message.c.reason, sa.func.count()).group_by(message.c.reason))
            return Counter({str(reason): count for reason, count in found})

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def _measure(self, work: object) -> Spent:
        worlds.unplan(self.engine)
        made: list[int] = []
        spent = timed(lambda: made.append(work()), cpu=self._cpu)
        if not self.rows:
            self.rows = made[0]
        assert made == [self.rows], f"{made} rows, not {self.rows}"
        return spent

    def _cpu(self) -> float:
        """Return the CPU of this process and of the server, which does most of the work."""
        return time.process_time() + (process_cpu(self._postmaster) if self._postmaster else 0)


def _postmaster(engine: sa.Engine) -> int:
    if engine.dialect.name != "postgresql":
        return 0
    with engine.connect() as conn:
        folder = conn.exec_driver_sql("SHOW data_directory").scalar_one()
    return int((Path(str(folder)) / "postmaster.pid").read_text(encoding="ascii").split()[0])


def measure_in(folder: Path, rounds: int) -> tuple[Row, float]:
    """Return P7 in a big world that is there, and the CPU seconds that ours took."""
    planning = Planning(folder)
    name = "PostgreSQL" if planning.engine.dialect.name == "postgresql" else "SQLite"
    say(f"P7 on {name}: planning, bare INSERT … SELECT")
    found = in_turn(rounds, planning.ours, planning.bare)
    c = compare(found)
    planning.ours()
    reasons = planning.reasons()
    expected = {"None", "holdout:today", "no_contact", "no_consent", "suppressed:opt_out", "minor", "deceased"}
    assert set(reasons) == expected, reasons
    planning.close()
    row = Row(
        row="P7",
        work=f"planning {planning.rows:,} rows, {name}",
        ours=rate(planning.rows, c.ours),
        reference=f"bare INSERT … SELECT: {rate(planning.rows, c.reference)}",
        ratio=c.ratio,
        cpu_ratio=c.cpu_ratio,
        must=MUST,
        stretch=STRETCH,
    )
    return row, c.ours.cpu


def cost_of(folder: Path, rounds: int = 3) -> float:
    """Return the CPU seconds of planning a smaller world, for the slope."""
    planning = Planning(folder)
    cost = statistics.median(planning.ours().cpu for _ in range(rounds))
    planning.close()
    return cost


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--url", default="", help="a PostgreSQL database to use instead; its tables are dropped")
    given = parser.parse_args()
    with big.big_world(given.customers, url=given.url) as folder:
        print(table([measure_in(folder, given.rounds)[0]]))


if __name__ == "__main__":
    main()
