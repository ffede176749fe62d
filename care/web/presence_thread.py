"""Says now and then that this web process hears receipts, so that a time when none did is noticed afterwards.

So is a time when it heard them and could not keep them, as the database was away, or when its machine slept.

It also looks whether the leader lives, and raises the alarms in its stead when not.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import write
from care.base.errors import CareError
from care.delivery import incarnation as lives
from care.delivery.presence import SEE_EVERY, SHORTEST_GAP, WEB, note_refused
from care.web.refused import Refused

log = structlog.get_logger()


class PresenceThread:
    """One life of a web process, from `start` to `stop`; a database in trouble is tried again."""

    def __init__(self, engine: sa.Engine, clock: Clock, stand_in: Callable[[], None], *, refused: Refused) -> None:
        """`refused` is what the routes note of callbacks that they could not keep."""
        self._engine, self._clock, self._stand_in, self._refused = engine, clock, stand_in, refused
        self._number = 0
        self._seen_at: datetime | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Begin the life."""
        self._thread.start()

    def stop(self) -> None:
        """End it in good order."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        self._quietly(self._see)
        while not self._stopped.wait(SEE_EVERY.total_seconds()):
            self._quietly(self._see)
            self._quietly(self._stand_in)
        self._quietly(self._end)

    @staticmethod
    def _quietly(deed: Callable[[], None]) -> None:
        try:
            deed()
        except (sa.exc.SQLAlchemyError, CareError):
            pass  # the next look says it again
        except Exception as error:  # this thread is what tells that the leader is gone
            log.error("presence.failed", exc_info=error)

    def _see(self) -> None:
        with self._refused.told() as first, write(self._engine) as conn:
            now = self._clock.now()
            self._note_deafness(conn, first, now)
            if self._number:
                lives.see_incarnation(conn, self._number, now)
            else:
                self._number = lives.begin_incarnation(conn, WEB, now)
        self._seen_at = now

    def _end(self) -> None:
        if not self._number:
            return
        with self._refused.told() as first, write(self._engine) as conn:
            now = self._clock.now()
            self._note_deafness(conn, first, now)
            lives.end_incarnation(conn, self._number, now)

    def _note_deafness(self, conn: sa.Connection, first: datetime | None, now: datetime) -> None:
        """Enter since when callbacks were refused, `first`, or we did not see: machines sleep, and a life goes on."""
        if self._seen_at is not None and now - self._seen_at > SHORTEST_GAP:
            first = self._seen_at if first is None else min(first, self._seen_at)
        if first is not None:
            note_refused(conn, first=first, now=now)
