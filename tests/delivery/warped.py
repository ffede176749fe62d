"""A loop in which waiting costs nothing: where it would wait, the virtual clock moves on instead."""

import asyncio
import math
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any

from care.base.clock import VirtualClock


class _Warp(selectors.DefaultSelector):
    """Never waits for what has no file: the clock takes the step."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "waits for something that never comes"
        if timeout > 0:
            self._clock.advance(timedelta(microseconds=math.ceil(timeout * 1e6)))
        return super().select(0)


class WarpedLoop(asyncio.SelectorEventLoop):
    """Runs on a virtual clock; what belongs to a thread is done at once and takes no time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_Warp(clock))

    def time(self) -> float:
        return self._virtual.monotonic()

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> Any:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - given to whoever waits
            done.set_exception(error)
        return done
