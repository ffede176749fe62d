"""The daemon's work in one process, to see what it holds: python worker_memory.py FOLDER SENDS.

Runs the table of periodic jobs, which plans everybody who is due, then dispatches until so many have been sent, and
prints one JSON line.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
import structlog

from benchmarks import world as worlds
from benchmarks.measure import peak_rss_mb
from care.base.database import read
from care.bootstrap import Services
from care.delivery.dispatcher import Dispatcher
from care.messages.tables import attempt
from care.schedule import run_due_jobs


async def dispatch(services: Services, sends: int) -> int:
    """Send until so many have been written down."""
    stop = asyncio.Event()
    running = asyncio.create_task(Dispatcher(services.work()).run(stop, until_idle=True))
    newest = sa.select(sa.func.coalesce(sa.func.max(attempt.c.id), 0))

    def newest_id() -> int:
        with read(services.engine) as conn:
            return int(conn.execute(newest).scalar_one())

    first = newest_id()
    while newest_id() - first < sends and not running.done():  # noqa: ASYNC110 - the database is what is watched
        await asyncio.sleep(0.05)
    stop.set()
    return await running


def main() -> None:
    """Plan, send, tell."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    services = worlds.open_folder(Path(sys.argv[1]))
    loaded = peak_rss_mb()
    run_due_jobs(services)
    planned = peak_rss_mb()
    with asyncio.Runner(loop_factory=worlds.fast_loop()) as runner:
        sent = runner.run(dispatch(services, int(sys.argv[2])))
    rows = worlds.count_messages(services.engine)
    print(json.dumps({"loaded": loaded, "planned": planned, "peak": peak_rss_mb(), "rows": rows, "sent": sent}))


if __name__ == "__main__":
    main()
