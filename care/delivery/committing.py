"""What one sender writes: intents before their first byte, and what was answered, mostly in one transaction."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from care.base.database import write
from care.base.failpoints import failpoint
from care.delivery.doorkeeper import Doorkeeper, News
from care.delivery.failover import Choice
from care.delivery.intent import commit_intents
from care.delivery.lanes import Lane
from care.delivery.life import Life
from care.delivery.model import Prepared, Ready
from care.delivery.pace import LATE_SECONDS, move_slots, seconds_until_free
from care.delivery.record import Answer, record_answers
from care.delivery.work import Work

PACE_AHEAD_SECONDS = 1.0
"""Slices of pace are taken at most this far ahead: what waits for its slot is not yet in doubt."""


class Committer:
    """Writes for one dispatcher, in its thread."""

    def __init__(self, work: Work, doors: Doorkeeper, life: Life) -> None:
        self._work, self._doors, self._life = work, doors, life

    def commit(
        self,
        group: list[Prepared],
        lane: Lane,
        choice: Choice,
        answers: list[Answer],
        news: News | None,
    ) -> tuple[list[Ready] | None, float]:
        """Write intents down; None if they were not to be, and for how many seconds.

        It is too early while others have taken the pace, and never for the trial that another process has taken.
        Answers are written first, so that no more than one group is ever between intent and outcome; the list is
        emptied as soon as they are durable, whatever happens afterwards.

        Raises:
            FencedError: another sender took this life for dead, or the database forgot what was sent.
                Nothing was written but answers, if those.
        """
        work = self._work
        if answers and not work.sole:  # others lock messages and addresses too: nobody may wait for us in a circle
            self.write_answers(answers, news)
        with write(work.engine) as conn:
            self._life.check(conn)
            if answers:
                self._record(conn, answers, news)
            now, sender = work.clock.now(), lane.pace_key(group[0].message.purpose, work.rules.senders)
            ahead = seconds_until_free(conn, sender, now, rate_per_second=lane.rate_per_second)
            if ahead > PACE_AHEAD_SECONDS:
                return None, ahead - PACE_AHEAD_SECONDS
            if choice.is_probe and not self._doors.take_trial(conn, group[0], choice):
                return None, 0.0
            outcome = commit_intents(
                conn,
                group,
                rules=work.rules,
                lane=lane,
                incarnation=self._life.number,
                now=now,
                monotonic=work.clock.monotonic(),
            )
            self._doors.committed(conn, group[0], choice, outcome.ready)
            failpoint("intent.before_commit")
        place: dict[str, Any] = {"provider": lane.provider, "account": lane.account}
        answers.clear()
        work.sentry.journal.write(outcome.ready, **place, incarnation=self._life.number)
        failpoint("intent.committed")
        if outcome.ready and work.clock.monotonic() - outcome.ready[0].leaves_at > LATE_SECONDS:
            with write(work.engine) as conn:
                move_slots(
                    conn,
                    outcome.ready,
                    sender=sender,
                    rate_per_second=lane.rate_per_second,
                    now=work.clock.now(),
                    monotonic=work.clock.monotonic(),
                )
        return outcome.ready, 0.0

    def write_answers(self, answers: list[Answer], news: News | None) -> None:
        """Write what was answered, and what it tells of the providers; empty the list then."""
        with write(self._work.engine) as conn:
            self._record(conn, answers, news)
        answers.clear()
        failpoint("outcome.committed")

    def _record(self, conn: sa.Connection, answers: Sequence[Answer], news: News | None) -> None:
        now = self._work.clock.now()
        record_answers(conn, answers, now=now, dice=self._work.dice, owner=self._life.number)
        self._doors.tell(conn, news)
        failpoint("outcome.before_commit")
