"""Wait while the database gives trouble: nothing is sent without a durable intent, and nothing has to end for it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
import structlog

from care.base.trouble import AWAY, explain
from care.delivery.journal import JournalError

AGAIN_SECONDS = 1.0
TROUBLE = (*AWAY, JournalError)
"""What passes by itself: locked, full, restarted, unreachable, read-only; the journal's disk too.

Anything else is a bug and ends the process.
"""

log = structlog.get_logger()


async def sit_out(
    error: sa.exc.DBAPIError | JournalError, stop: asyncio.Event, regain: Callable[[], Awaitable[None]]
) -> None:
    """Say once what is wrong, then try to `regain` a sound state every second until it works or `stop` is set."""
    if isinstance(error, JournalError):
        log.error("dispatch.journal_trouble", problem=str(error))
    else:
        log.error("dispatch.database_trouble", problem=f"the database {explain(error)}")
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), AGAIN_SECONDS)
        with contextlib.suppress(*TROUBLE):
            await regain()
            if isinstance(error, JournalError):
                log.info("dispatch.journal_back")
            else:
                log.info("dispatch.database_back")
            return
