"""Trying again at once, only where a failed call certainly changed nothing."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import tenacity

T = TypeVar("T")


async def call_again_if(is_harmless: Callable[[BaseException], bool], call: Callable[[], Awaitable[T]]) -> T:
    """Call; after a failure that `is_harmless`, call at most twice more with a tiny wait between.

    Whatever else is raised, and the last failure, goes to the caller. The usual call pays nothing for it.
    """
    try:
        return await call()
    except Exception as error:
        if not is_harmless(error):
            raise
    return await call_again(is_harmless, call)


async def call_again(is_harmless: Callable[[BaseException], bool], call: Callable[[], Awaitable[T]]) -> T:
    """Call at most twice, with a tiny wait between, after a first call that failed and `is_harmless`."""
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(is_harmless),
        stop=tenacity.stop_after_attempt(2),
        wait=tenacity.wait_random(0.05, 0.2),
        reraise=True,
    )

    async def once() -> T:
        return await call()

    return await retrying(once)
