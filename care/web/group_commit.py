"""Many requests, one durable transaction: each waits for the commit that holds its row, and no longer.

While one commit is on its way to the disk, the rows that come meanwhile gather for the next.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

MOST_ROWS = 500
MOST_WAITING = 10_000

Row = Mapping[str, Any]
Item = TypeVar("Item")


class OverloadedError(RuntimeError):
    """More rows wait than ever should; the caller says so, and the sender comes back."""


class GroupCommit(Generic[Item]):
    """Stores rows, or what stands for some, for one event loop.

    `commit` runs in a thread of its own and returns when all is durable.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], None], *, after: Callable[[], None] | None = None) -> None:
        """`after` is called in the event loop when a commit is done."""
        self._commit = commit
        self._after = after
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="group-commit")
        self._task: asyncio.Task[None] | None = None

    async def store(self, row: Item) -> None:
        """Return when the row is durable.

        Raises:
            OverloadedError: too many are waiting already.
            sqlalchemy.exc.SQLAlchemyError: what `commit` raised for the whole group.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise OverloadedError
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.append((row, stored))
        if self._task is None:
            self._task = loop.create_task(self._run(loop))
        await stored

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_ROWS], self._waiting[MOST_ROWS:]
                await self._store_group(loop, group)
        finally:
            self._task = None

    async def _store_group(
        self, loop: asyncio.AbstractEventLoop, group: list[tuple[Item, asyncio.Future[None]]]
    ) -> None:
        problem: Exception | None = None
        try:
            await loop.run_in_executor(self._thread, self._commit, [row for row, _ in group])
        except Exception as error:  # noqa: BLE001 - told to everyone who waits
            problem = error
        for _, stored in group:
            if stored.done():
                continue  # the visitor has left
            if problem is None:
                stored.set_result(None)
            else:
                stored.set_exception(problem)
        if problem is None and self._after is not None:
            self._after()

    async def close(self) -> None:
        """Store what still waits, then end the thread."""
        if self._task is not None:
            await self._task
        self._thread.shutdown(wait=True)
