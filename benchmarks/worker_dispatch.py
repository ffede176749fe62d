"""A dispatcher of the product as a worker: python worker_dispatch.py FOLDER, a world that was made."""

import asyncio
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import structlog

from benchmarks import world as worlds
from benchmarks.crew import serve
from care.delivery.dispatcher import Dispatcher
from care.delivery.process import settle_memory


def main() -> None:
    """Send what is due each time the word comes."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    services = worlds.open_folder(Path(sys.argv[1]))
    assert len(services.campaigns) == 1  # and templates are compiled
    settle_memory(services.work(sole=False))
    runner = asyncio.Runner(loop_factory=worlds.fast_loop())

    def work(_count: int) -> int:
        return runner.run(Dispatcher(services.work(sole=False)).run(asyncio.Event(), until_idle=True))

    with runner:
        serve(work)


if __name__ == "__main__":
    main()
