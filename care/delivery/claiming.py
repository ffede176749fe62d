"""Take what is due: lease rows of the lane whose turn it is, gather what they speak of, render them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from care.base.database import read, write
from care.base.failpoints import failpoint
from care.base.vocabulary import LANES, Purpose
from care.delivery import incarnation as lives
from care.delivery.failover import is_last_try
from care.delivery.intent import move_by_verdict
from care.delivery.material import gather
from care.delivery.model import Claimed, Prepared, Verdict
from care.delivery.turns import Turns
from care.delivery.work import Work
from care.messages import store as ledger

CLAIM_LIMIT = 500
CLAIM_SECONDS = 5.0
"""A claim takes at most this much sending time."""


class Claimer:
    """Claims for one dispatcher; `hold` says how a rendered message waits that has nowhere to go."""

    def __init__(self, work: Work, turns: Turns, hold: Callable[[Prepared], Verdict | None]) -> None:
        self._work, self._turns, self._hold = work, turns, hold

    def claim(self, owner: int, before: Purpose | None) -> list[Prepared] | None:
        """Claim due messages of the lane whose turn it is, and render them; None if nothing (more urgent) is due."""
        work, now = self._work, self._work.clock.now()
        slowest = min(lane.rate_per_second for lane in work.rules.lanes.values())
        limit = int(min(CLAIM_LIMIT, max(16, slowest * CLAIM_SECONDS)))
        with write(work.engine) as conn:
            purpose, rows = self._claim_rows(conn, owner, before, limit)
        if not rows:
            return None
        failpoint("claim.committed")
        with read(work.engine) as conn:
            claimed = gather(
                conn,
                rows,
                purpose=purpose,
                campaigns=work.campaigns(),
                lookup=work.rules.lookups[purpose],
                subjects=work.subjects,
            )
        prepared, verdicts = self._prepare(work.sentry.sift(claimed))
        failpoint("claim.rendered")
        if verdicts:
            with write(work.engine) as conn:
                move_by_verdict(conn, verdicts, now=now, owner=owner)
        return prepared

    def _claim_rows(
        self, conn: sa.Connection, owner: int, before: Purpose | None, limit: int
    ) -> tuple[Purpose, Sequence[ledger.ClaimedRow]]:
        now, apart = self._work.clock.now(), self._work.apart
        suspects_later = apart is not None and apart.is_loading
        due = ledger.due_lanes(conn, now=now)
        for purpose, most in self._turns.order(limit, before=before):
            if purpose.lane not in due:
                continue
            rows = ledger.claim_due(
                conn,
                owner=owner,
                lane=purpose.lane,
                now=now,
                lease_until=now + lives.LEASE,
                limit=most,
                suspects_later=suspects_later,
            )
            if rows:
                return purpose, rows
        return LANES[-1], ()

    def _prepare(self, claimed: Sequence[Claimed]) -> tuple[list[Prepared], dict[Verdict, list[int]]]:
        now, prepared, verdicts = self._work.clock.now(), list[Prepared](), dict[Verdict, list[int]]()
        for message in claimed:
            one = self._place(message, now)
            if isinstance(one, Verdict):
                verdicts.setdefault(one, []).append(message.id)
            else:
                prepared.append(one)
        prepared.sort(key=lambda p: (p.contact.channel, p.message.use_by, p.message.id))
        return prepared, verdicts

    def _place(self, message: Claimed, now: datetime) -> Prepared | Verdict:
        """Render a message for the channel that reaches; what has no time to wait for it goes by the next."""
        one = self._work.prepare(message, now)
        verdict = one if isinstance(one, Verdict) else self._hold(one)
        if verdict is None or isinstance(one, Verdict) or not is_last_try(message.use_by, now):
            return verdict or one
        spent = message.spent_channels | {one.contact.channel}
        other = self._place(replace(message, spent_channels=spent), now)
        return verdict if isinstance(other, Verdict) else other
