"""Errands: work that waits for somebody outside, done beside whoever asks for it, so that nothing else waits too."""

import threading
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from care.base.errors import CareError
from care.base.trouble import explain

log = structlog.get_logger()


class Errands:
    """Runs named errands, each at most once at a time; on the spot, or beside in a thread that delays no end."""

    def __init__(self, *, beside: bool = False) -> None:
        """On the spot is for commands, tests and played time; a daemon works beside."""
        self._beside = beside
        self._at_work: set[str] = set()
        self._lock = threading.Lock()

    def run(self, name: str, work: Callable[[], object]) -> bool:
        """Do the errand, or begin it; False when it is still at work since the last time.

        On the spot errors come to the caller; beside they are logged, with their place where nobody foresaw them.
        """
        with self._lock:
            if name in self._at_work:
                return False
            self._at_work.add(name)
        if self._beside:
            threading.Thread(target=self._quietly, args=(name, work), name=f"errand-{name}", daemon=True).start()
            return True
        try:
            work()
        finally:
            self._end(name)
        return True

    def is_at_work(self, name: str) -> bool:
        """Tell whether the errand has begun and not ended."""
        with self._lock:
            return name in self._at_work

    def _quietly(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except CareError as error:
            log.error("errand.failed", errand=name, problem=str(error).splitlines()[0])
        except sa.exc.DBAPIError as error:
            log.error("errand.failed", errand=name, problem=f"the database {explain(error)}")
        except Exception as error:  # a thread's last word; the next round tries again
            log.error("errand.failed", errand=name, exc_info=error)
        finally:
            self._end(name)

    def _end(self, name: str) -> None:
        with self._lock:
            self._at_work.discard(name)
