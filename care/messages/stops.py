"""Stops by hand: pause, resume and cancel a campaign or a purpose, and try again what failed.

A pause is a row that planner and sender read; it moves no message. Cancel and retry move messages of one campaign
in short transactions, so that a million of them lock nobody out.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from care.base.database import insert, write
from care.messages import store as ledger
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import attempt, message, pause

EVERYTHING = "all"
STANDSTILL = "standstill"
"""Scope of the stop that only `care adopt-journal` lifts: what was sent before may not be known here."""

WAITS_FOR_APPROVAL = "waits for approval"
_WAIT = "wait:"  # scopes of single days; no stops by hand, so they are not told among those
SPAM = "spam:"
"""Scopes that stop nothing: when a campaign was last taken for spam."""
CANCELLED_BY_OPS = "cancelled by ops"
RETRIED_BY_OPS = "sent again by ops"
RETRYABLE = (MessageStatus.FAILED, MessageStatus.UNDELIVERED)
"""What `retry` may send again: nobody was told. Whatever was delivered or may have been is never among them."""

CHUNK = 2_000
"""Messages per transaction."""

_BY_LENGTH = 32  # of the columns that say who did it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One stop that stands. `scope` is `all`, `campaign:ID` or `purpose:NAME`; `until` None means until resumed."""

    scope: str
    until: datetime | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancellation did: messages withdrawn, and those too far on their way to be."""

    cancelled: int
    in_work: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What a retry did, or would do: messages that go again, whose time has passed, and that nobody would get."""

    again: int
    too_late: int
    unreachable: int


Unreachable = Callable[[sa.Connection, Collection[int]], Collection[int]]
"""Tells which of some messages could go to nobody now."""


def nobody(_conn: sa.Connection, _ids: Collection[int]) -> Collection[int]:
    """Say of no message that it could go to nobody."""
    return ()


def campaign_scope(campaign_id: str) -> str:
    """Return the scope of one campaign's pause."""
    return f"campaign:{campaign_id}"


def purpose_scope(purpose: str) -> str:
    """Return the scope of a whole purpose's pause."""
    return f"purpose:{purpose}"


def day_scope(campaign_id: str, day: date) -> str:
    """Return the scope of one local day of a campaign that waits to be approved."""
    return f"{_WAIT}{campaign_id}:{day}"


def spam_scope(campaign_id: str) -> str:
    """Return under what it is kept when a campaign was last taken for spam."""
    return f"{SPAM}{campaign_id}"


def waiting_days(conn: sa.Connection, campaign_id: str) -> frozenset[date]:
    """Return the local days of a campaign that wait to be approved."""
    mine = pause.c.scope.startswith(f"{_WAIT}{campaign_id}:", autoescape=True)
    scopes = conn.execute(sa.select(pause.c.scope).where(mine)).scalars()
    return frozenset(date.fromisoformat(scope.rpartition(":")[2]) for scope in scopes)


def is_by_hand() -> sa.ColumnElement[bool]:
    """Return: this `pause` row is a stop by hand."""
    others = [pause.c.scope.startswith(_WAIT), pause.c.scope.startswith(SPAM), pause.c.scope == STANDSTILL]
    return sa.not_(sa.or_(*others))


def signed(by: str) -> str:
    """Return who did it, as short as the ledger keeps it."""
    return by[:_BY_LENGTH]


def put_pause(conn: sa.Connection, scope: str, *, until: datetime | None, by: str, now: datetime) -> None:
    """Stop a scope; a second word about the same scope replaces the first."""
    row = insert(conn, pause).values(scope=scope, until=until, by=signed(by), at=now)
    again = {name: row.excluded[name] for name in ("until", "by", "at")}
    conn.execute(row.on_conflict_do_update(index_elements=["scope"], set_=again))


def lift_pause(conn: sa.Connection, scope: str) -> bool:
    """Let a scope go on; return False if it was not stopped."""
    return conn.execute(sa.delete(pause).where(pause.c.scope == scope).returning(pause.c.scope)).first() is not None


def standing_pauses(conn: sa.Connection, now: datetime) -> list[Pause]:
    """Return the stops by hand that are in force, by scope; those whose end has passed are none."""
    alive = sa.or_(pause.c.until.is_(None), pause.c.until > now)
    rows = conn.execute(sa.select(pause).where(alive, is_by_hand()).order_by(pause.c.scope))
    return [Pause(scope=row.scope, until=row.until, by=row.by, at=row.at) for row in rows]


def count_waiting(conn: sa.Connection, scope: str) -> int:
    """Return how many messages wait in a scope: what a pause holds back now."""
    waiting = sa.select(sa.func.count()).where(message.c.status.in_(_words(CLAIMABLE)))
    kind, _, name = scope.partition(":")
    if scope != EVERYTHING:
        waiting = waiting.where((message.c.campaign_id if kind == "campaign" else message.c.purpose) == name)
    return int(conn.execute(waiting).scalar_one())


def cancel_campaign(engine: sa.Engine, campaign_id: str, *, by: str, now: datetime) -> Cancelled:
    """Withdraw every message of a campaign that has not left; what a sender holds at this moment may still go.

    Occasions to come are planned as the file says: pause the campaign, or take the file away, to stop those too.
    """
    mine = sa.and_(message.c.campaign_id == campaign_id, message.c.status.in_(_words(CLAIMABLE)))
    total = 0
    for ids in _chunks(engine, mine):
        with write(engine) as conn:
            moved = ledger.move_messages(
                conn,
                ids,
                MessageStatus.CANCELLED,
                now=now,
                by=signed(by),
                reason=CANCELLED_BY_OPS,
                only_from=CLAIMABLE,
            )
            total += len(moved)
    with engine.connect() as conn:
        working = sa.and_(message.c.campaign_id == campaign_id, message.c.status == str(MessageStatus.SENDING))
        in_work = conn.execute(sa.select(sa.func.count()).where(working)).scalar_one()
    return Cancelled(cancelled=total, in_work=int(in_work))


def count_retryable(
    engine: sa.Engine, campaign_id: str, status: MessageStatus, *, now: datetime, unreachable: Unreachable = nobody
) -> Retried:
    """Return what a retry would do."""
    again = left = 0
    for ids in _chunks(engine, _in_time(campaign_id, status, now)):
        with engine.connect() as conn:
            out = len(unreachable(conn, ids))
        again, left = again + len(ids) - out, left + out
    return Retried(again=again, too_late=_count_too_late(engine, campaign_id, status, now), unreachable=left)


def retry_campaign(
    engine: sa.Engine,
    campaign_id: str,
    status: MessageStatus,
    *,
    by: str,
    now: datetime,
    unreachable: Unreachable = nobody,
) -> Retried:
    """Plan the same rows again that failed, on every channel once more, while their time has not passed.

    What could go to nobody now stays as it is: the sender would skip it, and skipped is for good. Once its customer's
    address is corrected a later retry takes it.

    Raises:
        ValueError: for a status whose messages may have arrived.
    """
    if status not in RETRYABLE:
        raise ValueError(f"{status} is never sent again")
    too_late = _count_too_late(engine, campaign_id, status, now)
    again = left = 0
    for ids in _chunks(engine, _in_time(campaign_id, status, now)):
        with engine.connect() as conn:
            out = {*unreachable(conn, ids)}
        left += len(out)
        with write(engine) as conn:
            moved = ledger.move_messages(
                conn,
                [i for i in ids if i not in out],
                MessageStatus.PLANNED,
                now=now,
                by=signed(by),
                reason=RETRIED_BY_OPS,
                wake_at=now,
                only_from=[status],
            )
            conn.execute(
                sa.update(attempt).where(attempt.c.message_id.in_(moved), attempt.c.spent).values(spent=sa.false())
            )
            again += len(moved)
    return Retried(again=again, too_late=too_late, unreachable=left)


def _in_time(campaign_id: str, status: MessageStatus, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_ended(campaign_id, status), message.c.use_by > now)


def _count_too_late(engine: sa.Engine, campaign_id: str, status: MessageStatus, now: datetime) -> int:
    late = sa.select(sa.func.count()).where(_ended(campaign_id, status), message.c.use_by <= now)
    with engine.connect() as conn:
        return int(conn.execute(late).scalar_one())


def _ended(campaign_id: str, status: MessageStatus) -> sa.ColumnElement[bool]:
    return sa.and_(message.c.campaign_id == campaign_id, message.c.status == str(status))


def _chunks(engine: sa.Engine, which: sa.ColumnElement[bool]) -> Iterator[list[int]]:
    """Yield ids of the messages meant, some thousands at a time; each is given once however the rows move."""
    after = 0
    while True:
        with engine.connect() as conn:
            some = sa.select(message.c.id).where(which, message.c.id > after).order_by(message.c.id).limit(CHUNK)
            ids = [int(i) for i in conn.execute(some).scalars()]
        if not ids:
            return
        yield ids
        after = ids[-1]


def _words(statuses: frozenset[MessageStatus]) -> list[str]:
    return sorted(str(status) for status in statuses)
