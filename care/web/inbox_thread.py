"""Works on stored webhooks beside the web server, moments after they came."""

import threading
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from care.base.told import Told
from care.base.trouble import explain

IDLE_SECONDS = 5.0
"""How often to look without being told: for what waits for another try."""

GATHER_SECONDS = 0.05
"""How long to let webhooks gather: one transaction for many, and the database stays free for the sender."""

REST_AFTER_TROUBLE_SECONDS = 2.0

log = structlog.get_logger()


class InboxThread:
    """Calls `work` whenever something was stored, until stopped."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work, self._told = work, Told()
        self._stored = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin; what waited since the last time is worked on at once."""
        self._stored.set()
        self._thread.start()

    def notice(self) -> None:
        """Say that something was stored; cheap, from any thread."""
        self._stored.set()

    def stop(self) -> None:
        """Finish what is in hand and end."""
        self._stopped.set()
        self._stored.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._stored.wait(IDLE_SECONDS)
            self._stored.clear()
            self._stopped.wait(GATHER_SECONDS)
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - the rows stay, and the next round tries again
                self._tell(error)
                self._stopped.wait(REST_AFTER_TROUBLE_SECONDS)
                self._stored.set()
            else:
                if self._told.is_over("inbox"):
                    log.info("inbox.goes_on")

    def _tell(self, error: Exception) -> None:
        problem = type(error).__name__
        if isinstance(error, sa.exc.DBAPIError):
            problem = f"the database {explain(error)}"
        if self._told.is_news("inbox", problem):
            log.error("inbox.trouble", problem=problem)
