"""Several dispatchers at once on one PostgreSQL, each with services and connections of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import open_engine
from care.base.vocabulary import Channel
from care.delivery.channels.base import Gateway
from care.delivery.dispatcher import Dispatcher
from care.delivery.routes import Routes
from tests.house import House, build_house

Box = Callable[[Channel], Gateway]


class RunningClock(VirtualClock):
    """A clock that was set once and runs at the usual pace."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return time.monotonic() - self._begun


def at_once(*works: Callable[[], Any], seconds: float = 60) -> list[Any]:
    """Run functions in threads that start together; return their results, or raise the first error."""
    ready, results = threading.Barrier(len(works)), list[Any]([None] * len(works))

    def run(n: int, work: Callable[[], Any]) -> None:
        ready.wait()
        try:
            results[n] = work()
        except BaseException as error:  # noqa: BLE001 - given back to the test
            results[n] = error

    threads = [threading.Thread(target=run, args=(n, work)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


class Crew:
    """So many dispatchers over one folder and one database."""

    def __init__(self, folder: Path, url: str, clock: VirtualClock, size: int, **settings: str) -> None:
        self.engines = [open_engine(url) for _ in range(size)]
        self.houses = [build_house(folder, engine, clock, **settings) for engine in self.engines]

    def dispatch(self, box: Box) -> list[int]:
        """Let all of them send what is due through gateways that `box` makes; return what each handed over."""
        return at_once(*(lambda house=house: dispatch(house, box) for house in self.houses))

    def close(self) -> None:
        for engine in self.engines:
            engine.dispose()


def dispatch(house: House, box: Box) -> int:
    """Send everything due as one of several dispatchers would."""
    work = house.services.work(Routes(tuple(box(channel) for channel in Channel)), sole=False)
    return asyncio.run(Dispatcher(work).run(asyncio.Event(), until_idle=True))


@contextmanager
def just_before(engine: sa.Engine, statement: str, act: Callable[[], None]) -> Iterator[None]:
    """Let something happen once, right before the first statement of the engine that begins so."""
    done: list[bool] = []

    def look(_conn: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        if text.startswith(statement) and not done:
            done.append(True)
            act()

    sa.event.listen(engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", look)
    assert done, f"no statement began with {statement}"
