"""A dispatcher as a process: its lock, its event loop, its signals."""

import asyncio
import gc
from contextlib import ExitStack
from pathlib import Path

from care.base.database import outlive_the_frozen
from care.base.processes import call_on_end
from care.delivery.dispatcher import Dispatcher
from care.delivery.leadership import dispatch_lock
from care.delivery.work import Work

_YOUNG = 20_000
"""New objects after which the garbage collector looks for circles among them."""


def load_ahead() -> None:
    """Load what services will ask for later: a supervised dispatcher does so before it is told to begin."""
    import care.campaigns.rendering
    import care.delivery.prepare
    import care.delivery.registry
    import care.planning.shelf  # noqa: F401 - only loaded
    from care.policy.load import load_policies

    load_policies()


def run_dispatcher(work: Work, *, directory: Path, until_idle: bool = False) -> int:
    """Send until asked to end; return how many messages were handed over.

    Raises:
        LockTakenError: `work.sole` and another dispatcher lives on this database.
    """
    with ExitStack() as stack:
        if work.sole:
            stack.enter_context(dispatch_lock(directory))
        outlive_the_frozen(work.engine)
        settle_memory(work)
        runner = stack.enter_context(asyncio.Runner(loop_factory=_fast_loop()))
        return runner.run(_run(work, until_idle=until_idle))


def settle_memory(work: Work) -> None:
    """Take what is loaded out of the garbage collector's sight: it stays, and looking through it again takes time.

    What is in hand is many objects and no circles, so it is looked through more rarely than is usual.
    """
    work.campaigns()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


async def _run(work: Work, *, until_idle: bool) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(stop.set)

    call_on_end(end)
    return await Dispatcher(work).run(stop, until_idle=until_idle)


def _fast_loop() -> "type[asyncio.AbstractEventLoop] | None":
    """Return uvloop's loop where the `fast` extra is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
