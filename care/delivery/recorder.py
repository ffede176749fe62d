"""Keep answers until they are in the database, and write them in groups."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import sqlalchemy as sa
import structlog

from care.delivery.record import Answer

GROUP = 512
WAIT_SECONDS = 0.05
TRIES = 5
AGAIN_SECONDS = 1.0

log = structlog.get_logger()


class Recorder:
    """Facts are kept, and tried again, until they are written; only a dead process loses them, and recovery says so."""

    def __init__(self, write: Callable[[list[Answer]], Awaitable[None]]) -> None:
        self._write = write
        self._answers: list[Answer] = []
        self._being_written: list[Answer] = []
        self._wanted, self._written = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()
        self._written_at = 0.0  # of the loop's time
        self._is_in_trouble = self._is_told = self._is_closing = False

    @property
    def is_busy(self) -> bool:
        """Tell whether an answer is not written yet."""
        return bool(self._answers or self._being_written)

    @property
    def open_ids(self) -> set[int]:
        """Messages whose answer is not written yet."""
        return {answer.ready.outgoing.message_id for answer in (*self._answers, *self._being_written)}

    def take(self, answer: Answer) -> None:
        """Keep an answer."""
        self._answers.append(answer)
        if len(self._answers) >= GROUP:
            self._wanted.set()

    def hurry(self) -> None:
        """Write what there is without waiting for more."""
        if self._answers:
            self._wanted.set()

    async def wait_for_all(self, seconds: float) -> None:
        """Wait until everything is written, or the time is over."""
        self.hurry()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.is_busy:
                    self._written.clear()
                    await self._written.wait()

    async def run(self) -> None:
        """Write groups until closed."""
        while not self._is_closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), WAIT_SECONDS)
            is_wanted = self._wanted.is_set()
            self._wanted.clear()
            if is_wanted or asyncio.get_running_loop().time() - self._written_at >= WAIT_SECONDS:
                await self._write_group()

    async def close(self, running: asyncio.Task[None]) -> None:
        """Let `run` end by itself, then write the rest; a cancelled task would drop answers on their way."""
        self._is_closing = True
        self._wanted.set()
        await running
        for _ in range(TRIES):
            await self._write_group()
            if not self._answers:
                return

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[list[Answer]]:
        """Give what waits to a transaction that is begun anyway; it is written when the block ends without an error.

        Whoever writes empties the list then: what is left in it after an error waits again, and nothing else.

        Nothing, while a group is being written, or after an error until one was written: it may be due to an answer.
        """
        if self._writing.locked() or self._is_in_trouble or not self._answers:
            yield []
            return
        async with self._writing, self._taken() as answers:
            yield answers

    @contextlib.asynccontextmanager
    async def _taken(self) -> AsyncIterator[list[Answer]]:
        self._being_written, self._answers = self._answers, []
        try:
            yield self._being_written
        except BaseException:
            self._answers = self._being_written + self._answers
            self._is_in_trouble = True
            raise
        else:
            self._is_in_trouble = self._is_told = False
            self._written_at = asyncio.get_running_loop().time()
        finally:
            self._being_written = []
            self._written.set()

    async def _write_group(self) -> None:
        async with self._writing:
            if not self._answers:
                return
            count = len(self._answers)
            try:
                async with self._taken() as answers:
                    await self._write(answers)
            except sa.exc.SQLAlchemyError as error:
                if not self._is_told:
                    log.error("dispatch.record_failed", answers=count, error=type(error).__name__)
                self._is_told = True
                await asyncio.sleep(AGAIN_SECONDS)
