"""Lives of processes that send: every claim and intent carries the number of the life that made it."""

import os
import socket
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from care.base.among import among, beside
from care.base.hot import Hot
from care.base.vocabulary import Purpose
from care.delivery.tables import incarnation
from care.messages import store as ledger
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message

DISPATCH = "dispatch"
"""The role of a life that sends."""

LEASE = timedelta(seconds=60)
"""How long a claim lasts without progress; a living sender renews it long before."""

FIRST_SPARED, LONGEST_SPARED = timedelta(minutes=1), timedelta(minutes=30)
"""How long a message waits that was in work at two deaths of senders: by then the next one has served the others."""

_URGENT: Mapping[Purpose, timedelta] = {
    Purpose.EMERGENCY: timedelta(seconds=5),
    Purpose.REPLY: timedelta(seconds=5),
    Purpose.SERVICE: timedelta(minutes=3),
}
"""The longest wait of what cannot wait; it is rendered apart and claimed alone, so little is in danger by it."""

SHARE_OF_TIME = 10
"""No such wait takes more than this part of the time that is left."""

SUSPECT = "in work when a sender died: rendered apart from now on"

PROCESS_ENDED, LEASE_LOST = "process-ended", "lease-lost"
"""Why a request is in doubt: a lock proves that its process is gone, or only its lease ran out and it may be frozen."""


BEFORE_RESTORE = "before-restore"
"""Why another is: the journal has it, and the database, restored from a backup, forgot what became of it."""


class Recovered(NamedTuple):
    """What was settled: claims that wait again, requests in doubt, and how many of the claims have to wait a while."""

    requeued: int = 0
    in_doubt: int = 0
    spared: int = 0


_last = sa.bindparam("last", type_=sa.String)
_GOING_ON = Hot(
    sa.select(incarnation.c.id).where(
        incarnation.c.id == sa.bindparam("number"),
        incarnation.c.ended_at.is_(None),
        sa.or_(_last == "", sa.exists().where(attempt.c.token == _last)),
    )
)


def begin_incarnation(conn: sa.Connection, role: str, now: datetime, *, lock_name: str | None = None) -> int:
    """Enter a new life and return its number; `lock_name` names the file that it holds locked."""
    statement = (
        sa.insert(incarnation)
        .values(
            role=role,
            host=socket.gethostname()[:64],
            pid=os.getpid(),
            started_at=now,
            seen_at=now,
            lock_name=lock_name,
        )
        .returning(incarnation.c.id)
    )
    return int(conn.execute(statement).scalar_one())


def see_incarnation(conn: sa.Connection, number: int, now: datetime) -> None:
    """Say that the life goes on."""
    conn.execute(sa.update(incarnation).where(incarnation.c.id == number).values(seen_at=now))


def end_incarnation(conn: sa.Connection, number: int, now: datetime) -> None:
    """Close a life in good order."""
    conn.execute(sa.update(incarnation).where(incarnation.c.id == number).values(seen_at=now, ended_at=now))


def close_lives(conn: sa.Connection, numbers: Collection[int], now: datetime) -> None:
    """Say that others' lives are over. Whoever was only frozen learns it before its next intent, and sends no more."""
    is_open = sa.and_(among(incarnation.c.id, numbers), incarnation.c.ended_at.is_(None))
    conn.execute(sa.update(incarnation).where(is_open).values(ended_at=now))


def goes_on(conn: sa.Connection, mine: int, last: str) -> bool:
    """Tell whether my life goes on: no sender has closed it, and the database has the `last` that I wrote, if anything.

    One that forgot it was brought back while I lived, or it is a standby that took over before it had everything.
    """
    return bool(_GOING_ON.rows(conn, number=mine, last=last))


def recover(conn: sa.Connection, mine: int, *, dead: Collection[int] | None, now: datetime) -> Recovered:
    """Settle what dead senders left in work.

    `dead` names lives known to be over; None means every claim whose lease has run out. A claim without an
    intent made no call and waits again, with a strike; an intent without an outcome is in doubt: `unknown`.
    The lives are closed, so that none of them writes another intent.
    """
    whose = message.c.lease_until < now if dead is None else among(message.c.lease_owner, dead)
    left = sa.select(message.c.id, message.c.lease_owner).where(message.c.status == str(MessageStatus.SENDING), whose)
    found = conn.execute(left.with_for_update(skip_locked=True)).all()  # locked: someone is at work on it
    ids = [int(row.id) for row in found]
    over = {int(row.lease_owner) for row in found if row.lease_owner is not None} if dead is None else set(dead)
    if over - {mine}:
        close_lives(conn, over - {mine}, now)
    if not ids:
        return Recovered()
    open_intents = sa.select(attempt.c.message_id).where(
        among(attempt.c.message_id, ids), attempt.c.outcome == str(Outcome.INTENT)
    )
    doubtful = {int(i) for i in conn.execute(open_intents).scalars()}
    conn.execute(
        sa.update(attempt)
        .where(among(attempt.c.message_id, doubtful), attempt.c.outcome == str(Outcome.INTENT))
        .values(
            outcome=str(Outcome.UNKNOWN),
            done_at=now,
            error_class="ambiguous",
            error_code=LEASE_LOST if dead is None else PROCESS_ENDED,
        )
    )
    reason = "the sender ended between request and answer"
    ledger.move_messages(conn, doubtful, MessageStatus.UNKNOWN, now=now, by="recovery", reason=reason)
    safe = [i for i in ids if i not in doubtful]
    spared = _requeue(conn, safe, now) if safe else 0
    return Recovered(len(safe), len(doubtful), spared)


def give_back(conn: sa.Connection, mine: int, *, kept: Collection[int], now: datetime) -> int:
    """Let my claims that are not `kept` wait again; return how many. The caller has certainly sent none of them.

    An intent among them whose commit had an unclear end is abandoned: no byte of it left.
    """
    claimed = sa.select(message.c.id).where(
        message.c.status == str(MessageStatus.SENDING), message.c.lease_owner == mine
    )
    ids = set(conn.execute(claimed).scalars()) - set(kept)
    open_intent = sa.and_(among(attempt.c.message_id, ids), attempt.c.outcome == str(Outcome.INTENT))
    conn.execute(sa.update(attempt).where(open_intent).values(outcome=str(Outcome.ABANDONED), done_at=now))
    ledger.move_messages(conn, ids, MessageStatus.PLANNED, now=now, by="dispatcher", wake_at=now, only_owner=mine)
    return len(ids)


def _requeue(conn: sa.Connection, ids: list[int], now: datetime) -> int:
    """Let claims wait again, each a suspect from now on, rendered apart and claimed alone; return how many are spared.

    Nobody fails for being there when a sender dies: only what ends the process of its own does. What was in work twice
    waits a while longer each time, so that senders which die at every start do not die of it forever.
    """
    struck = conn.execute(
        sa.update(message)
        .where(among(message.c.id, ids), beside(message.c.status) == str(MessageStatus.SENDING))
        .values(strikes=message.c.strikes + 1)
        .returning(message.c.id, message.c.strikes, message.c.purpose, message.c.use_by)
    ).all()
    waits: dict[timedelta, list[int]] = {}
    for row in struck:
        waits.setdefault(spared_for(Purpose(row.purpose), row.strikes, row.use_by - now), []).append(row.id)
    for wait, some in waits.items():
        when = now + wait
        ledger.move_messages(conn, some, MessageStatus.PLANNED, now=now, by="recovery", reason=SUSPECT, wake_at=when)
    return sum(len(some) for wait, some in waits.items() if wait)


def spared_for(purpose: Purpose, strikes: int, left: timedelta) -> timedelta:
    """Return how long a suspect waits before it is claimed again, with so much of its time `left`."""
    if strikes <= 1:
        return timedelta(0)
    wait = FIRST_SPARED * 2.0 ** min(strikes - 2, 8)
    return max(timedelta(0), min(wait, _URGENT.get(purpose, LONGEST_SPARED), left / SHARE_OF_TIME))


def dead_incarnations(conn: sa.Connection, mine: int) -> list[int]:
    """Return every other life that is open or still holds claims; only where a lock proves that no other sender lives.

    One may live all the same, frozen, where somebody took its lock away.
    """
    owners = sa.select(message.c.lease_owner).where(message.c.lease_owner.is_not(None))
    still_open = sa.select(incarnation.c.id).where(incarnation.c.role == DISPATCH, incarnation.c.ended_at.is_(None))
    return [int(number) for number in conn.execute(owners.union(still_open)).scalars() if number != mine]
