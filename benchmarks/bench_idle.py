"""P9: an idle tick with a million customers, against the same with ten thousand.

    python benchmarks/bench_idle.py [--customers N] [--small N] [--ticks N] [--url URL --small-url URL]

One tick is what the daemon does every few seconds when nothing is due: the whole table of periodic jobs, and the
dispatcher's question for work in every lane. The ledger holds a message for every customer, all of them final.
"""

import argparse
import statistics
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from benchmarks import big
from benchmarks import world as worlds
from benchmarks.measure import Row, Spent, compare, in_turn, say, slope, table, timed
from care.base.database import write
from care.bootstrap import Services
from care.delivery.tables import job_run
from care.messages import store as ledger
from care.schedule import JOBS, run_due_jobs

MUST, STRETCH = 1.5, 1.1
PATIENCE = timedelta(hours=2)
WARM_UP = 3
_FILL = """
INSERT INTO message (campaign_id, occasion, customer_id, leg, occasion_on, purpose, lane, status,
                     due_at, use_by, wake_at, plan_digest, planned_at, status_at, sent_at, delivered_at)
SELECT 'birthdays', 'birthday:solar-2025', id, 'main', '2025-11-22', 'greeting', 5, 'delivered',
       :at, :until, :at, 'old', :at, :at, :at, :at
FROM customer
"""


def fill_ledger(services: Services) -> None:
    """Give every customer last year's greeting, delivered."""
    at = worlds.micros(services.clock.now() - timedelta(days=300))
    with write(services.engine) as conn:
        conn.execute(sa.text(_FILL), {"at": at, "until": at + 1})
    worlds.tidy(services.engine)


def warm(services: Services) -> None:
    """Run every job once, then say that all ran just now: what is left is what every tick does."""
    run_due_jobs(services)
    now = services.clock.now()
    with write(services.engine) as conn:
        conn.execute(sa.delete(job_run))
        soon = now + PATIENCE  # an hourly job must not fall due while we measure
        rows = [{"name": job.name, "last_at": now if not job.every else soon} for job in JOBS]
        conn.execute(sa.insert(job_run), rows)
    for _ in range(WARM_UP):
        tick(services)


def tick(services: Services) -> None:
    """Do what the daemon and one dispatcher do in an idle moment."""
    ran = run_due_jobs(services)
    assert "plan" in ran, ran
    now = services.clock.now()
    with write(services.engine) as conn:
        assert not ledger.due_lanes(conn, now=now), "nothing is due"


def open_idle(folder: Path) -> Services:
    """Make a big world quiet and return services on it, warmed up."""
    big.quieten(folder)
    services = worlds.open_folder(folder)
    fill_ledger(services)
    warm(services)
    return services


def measure_in(folders: dict[int, Path], *, count: int = 100) -> tuple[Row, float]:
    """Return P9 over the largest and the smallest of some big worlds, which become quiet, and the slope over all."""
    opened = {size: open_idle(folder) for size, folder in sorted(folders.items())}
    name = "PostgreSQL" if opened[min(opened)].engine.dialect.name == "postgresql" else "SQLite"
    say(f"P9 on {name}: idle ticks at {', '.join(f'{size:,}' for size in opened)} customers")
    works = [partial(timed, partial(tick, services)) for services in opened.values()]
    found = in_turn(count, *works, quiet=True)
    c = compare(found, ours=0, reference=len(opened) - 1)  # what large costs over what small costs
    costs = {size: statistics.median(each[i].wall for each in found) for i, size in enumerate(opened)}
    for services in opened.values():
        services.engine.dispose()
    return Row(
        row="P9",
        work=f"idle tick, {max(opened):,} customers, {name}",
        ours=_ms(c.reference),
        reference=f"{min(opened):,} customers: {_ms(c.ours)}",
        ratio=c.ratio,
        cpu_ratio=c.cpu_ratio,
        must=MUST,
        stretch=STRETCH,
        is_limit=True,
    ), slope(costs)


def _ms(spent: Spent) -> str:
    return f"{spent.wall * 1000:.1f} ms, {spent.cpu * 1000:.1f} ms CPU"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--ticks", type=int, default=100)
    parser.add_argument("--url", default="", help="a PostgreSQL database for the large world; its tables are dropped")
    parser.add_argument("--small-url", default="", help="another one for the small world")
    given = parser.parse_args()
    with (
        big.big_world(given.customers, url=given.url) as large,
        big.big_world(given.small, url=given.small_url) as small,
    ):
        row, grown = measure_in({given.customers: large, given.small: small}, count=given.ticks)
    print(table([row]))
    print(f"slope {grown:.3f}")


if __name__ == "__main__":
    main()
