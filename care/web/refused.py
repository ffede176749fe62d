"""Since when callbacks came that this process could not keep: in memory, there is nowhere else to put it then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime


class Refused:
    """The first refusal that the database has not been told of. Routes note, the presence thread tells."""

    def __init__(self) -> None:
        self._first: datetime | None = None
        self._lock = threading.Lock()

    def note(self, at: datetime) -> None:
        """Remember that a callback which came `at` this instant was not kept."""
        with self._lock:
            self._first = at if self._first is None else min(self._first, at)

    @contextmanager
    def told(self) -> Iterator[datetime | None]:
        """Give the first refusal, None where all were kept, to tell the database; if that fails it stays remembered."""
        with self._lock:
            first, self._first = self._first, None
        try:
            yield first
        except BaseException:
            if first is not None:
                self.note(first)
            raise
