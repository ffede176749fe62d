"""Who writes next within one process: those who answer a visitor go before those who can wait."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

GAP_SECONDS = 0.005
"""After each patient turn, so that other processes get the database too: SQLite's own queue is not fair."""


class Turns:
    """A lock with two kinds of visitors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nobody_urgent = threading.Condition()
        self._urgent = 0

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Hold the turn as soon as whoever has it is done."""
        with self._nobody_urgent:
            self._urgent += 1
        try:
            with self._lock:
                yield
        finally:
            with self._nobody_urgent:
                self._urgent -= 1
                if not self._urgent:
                    self._nobody_urgent.notify_all()

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Hold the turn when nobody urgent waits for it."""
        with self._nobody_urgent:
            self._nobody_urgent.wait_for(lambda: not self._urgent)
        with self._lock:
            yield
        time.sleep(GAP_SECONDS)
