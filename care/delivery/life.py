"""One life of a process that sends: begun with what earlier ones left, kept by progress, ended in good order."""

from collections.abc import Collection

import sqlalchemy as sa
import structlog

from care.base.database import write
from care.base.errors import CareError
from care.base.failpoints import failpoint
from care.delivery import incarnation as lives
from care.delivery.doorkeeper import Doorkeeper, News
from care.delivery.pace import open_retry_pace
from care.delivery.work import Work
from care.messages import store as ledger

log = structlog.get_logger()


class FencedError(CareError):
    """Another sender has taken over what this one held, or the database forgot it. It ends; a fresh one may begin."""


class Life:
    """The dispatcher's hold on the tables; `number` is on every claim and intent of this life."""

    def __init__(self, work: Work, doors: Doorkeeper) -> None:
        self._work, self._doors = work, doors
        self.number = 0

    def begin(self) -> None:
        """Enter a new life, and settle what those before it left in work."""
        work, now = self._work, self._work.clock.now()
        lock_name = work.sentry.begin_life()
        with write(work.engine) as conn:
            for channel, lane in sorted(work.rules.lanes.items()):  # before any message, as all who queue there do
                open_retry_pace(conn, channel, rate_per_second=lane.rate_per_second, now=now)
            number = lives.begin_incarnation(conn, lives.DISPATCH, now, lock_name=lock_name)
            if work.sole:
                recovered = lives.recover(conn, number, dead=lives.dead_incarnations(conn, number), now=now)
            else:
                recovered = work.sentry.recover(conn, number, now)
            self._doors.begin(conn, number)
            failpoint("recover.before_commit")
        self.number = number  # only now is it certain
        self._tell(recovered)

    def check(self, conn: sa.Connection) -> None:
        """See whether this life may go on.

        Raises:
            FencedError: another sender took it for dead, or the database forgot what was sent.
        """
        if not lives.goes_on(conn, self.number, self._work.sentry.journal.last):
            log.error("dispatch.fenced", incarnation=self.number)
            raise FencedError(
                "dispatch: stood still until another sender took over what it held, or the database is an older one "
                "now, so it ends. Start it again: care dispatch"
            )

    def keep(self, ids: Collection[int]) -> None:
        """Show progress, which keeps what we hold, and take over what a sender that ended has left."""
        work, now = self._work, self._work.clock.now()
        recovered = lives.Recovered()
        with write(work.engine) as conn:
            self.check(conn)
            ledger.renew_leases(conn, owner=self.number, ids=ids, lease_until=now + lives.LEASE)
            lives.see_incarnation(conn, self.number, now)  # after its messages: who takes us for dead locks them first
            if not work.sole:
                recovered = work.sentry.recover(conn, self.number, now)
        self._tell(recovered)

    def give_back(self, kept: set[int], news: News | None = None, *, is_end: bool = False) -> None:
        """Let go of what is claimed and not on its way; at the end, close the life."""
        now = self._work.clock.now()
        with write(self._work.engine) as conn:
            lives.give_back(conn, self.number, kept=kept, now=now)
            self._doors.tell(conn, news)
            if is_end:
                lives.end_incarnation(conn, self.number, now)

    def _tell(self, recovered: lives.Recovered) -> None:
        requeued, doubtful, spared = recovered
        if requeued and self._work.apart is not None:
            self._work.apart.start()  # soon needed; meanwhile others are sent
        if requeued or doubtful:
            log.warning("dispatch.recovered", requeued=requeued, in_doubt=doubtful, spared=spared)
