"""The ledger's SQL: one statement per verb, connection first, so the caller's transaction is in plain sight."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from care.base.among import among, beside
from care.base.database import Instant, insert
from care.base.hot import Hot
from care.base.vocabulary import Purpose
from care.customers.tables import contact_point
from care.messages.model import CLAIMABLE, MessageStatus, sources_of
from care.messages.requests import is_in_doubt, was_passed_on, was_taken
from care.messages.tables import attempt, contact_claim, intended, message, move, pause

REASON_LENGTH = 120
SUSPECTS_AT_ONCE = 8
"""So few are rendered apart within a lease, should each of them end its process twice."""


class ClaimedRow(NamedTuple):
    """What a sender needs of a claimed row."""

    id: int
    campaign_id: str
    occasion: str
    customer_id: int
    leg: str
    occasion_on: date
    subject: str | None
    due_at: datetime
    use_by: datetime
    attempts: int
    strikes: int


_UNTOLD = (MessageStatus.SKIPPED, MessageStatus.EXPIRED, MessageStatus.FAILED, MessageStatus.UNDELIVERED)
"""Ends without a word to anyone: the rest of the household may be told. Who cancels means all of them."""

_ENDS = (*_UNTOLD, MessageStatus.CANCELLED)
IN_DOUBT_STILL = "goes no further, and an earlier request is in doubt: "
"""Begins the reason of what ended so: who says that it never went may be wrong. It is not sent again by itself."""
TAKEN_STILL = "goes no further, and an earlier request was taken: "
"""Begins why one is `accepted` again that would have ended so."""

_was_taken = sa.exists().where(attempt.c.message_id == message.c.id, was_taken())
_was_passed_on = sa.exists().where(attempt.c.message_id == message.c.id, was_passed_on())
_on_its_way = sa.case((_was_passed_on, str(MessageStatus.SENT)), else_=str(MessageStatus.ACCEPTED))
_has_doubt = sa.exists().where(attempt.c.message_id == message.c.id, is_in_doubt())
_CLAIMABLE = sorted(str(status) for status in CLAIMABLE)


_LANES = tuple(purpose.lane for purpose in Purpose)
_DUE = Hot(  # one look into an index per lane and claimable status
    sa.select(
        *(
            sa.exists().where(
                message.c.status == status,
                message.c.lane == lane,
                message.c.wake_at <= sa.bindparam("now", type_=Instant),
            )
            for lane in _LANES
            for status in _CLAIMABLE
        )
    )
)
_scopes = (
    sa.literal("all"),
    sa.literal("standstill"),
    "campaign:" + message.c.campaign_id,
    "purpose:" + message.c.purpose,
)
is_paused = (
    sa.exists()
    .where(
        sa.or_(*(pause.c.scope == scope for scope in _scopes)),
        sa.or_(pause.c.until.is_(None), pause.c.until > sa.bindparam("now", type_=Instant)),
    )
    .correlate(message)
)
_DUE_FIRST = [  # one status at a time: the index then gives them in the order of their deadlines
    Hot(
        sa.select(*(message.c[name] for name in ClaimedRow._fields))
        .where(
            message.c.status == sa.literal_column(f"'{status}'"),  # spelt out: the index holds only these
            message.c.lane == sa.bindparam("lane"),
            sa.type_coerce(message.c.wake_at, sa.BigInteger) + 0 <= sa.bindparam("now", type_=Instant),
            sa.not_(is_paused),
        )
        .order_by(message.c.use_by)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True, of=message)
    )
    for status in _CLAIMABLE
]
_earliest = attrgetter("use_by", "id")
_TAKE = Hot(
    sa.update(message)
    .where(among(message.c.id, "ids"))
    .values(
        status=str(MessageStatus.SENDING),
        reason=None,
        lease_owner=sa.bindparam("owner"),
        lease_until=sa.bindparam("until"),
        status_at=sa.bindparam("now"),
    )
)
_RENEW = (
    sa.update(message)
    .where(among(message.c.id, "ids"), beside(message.c.lease_owner) == sa.bindparam("owner"))
    .values(lease_until=sa.bindparam("until"))
)


def add_intended(
    conn: sa.Connection, *, campaign_id: str, occasion_on: date, leg: str, count: int, now: datetime
) -> None:
    """Add to the independent count of one page of the books."""
    statement = insert(conn, intended).values(
        campaign_id=campaign_id, occasion_on=occasion_on, leg=leg, count=count, counted_at=now
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "occasion_on", "leg"],
            set_={"count": intended.c.count + statement.excluded.count, "counted_at": statement.excluded.counted_at},
        )
    )


def due_lanes(conn: sa.Connection, *, now: datetime) -> frozenset[int]:
    """Return the lanes that have a message whose hour has come."""
    (found,) = _DUE.rows(conn, now=now)
    return frozenset(
        lane for (lane, _), is_due in zip(itertools.product(_LANES, _CLAIMABLE), found, strict=True) if is_due
    )


def claim_due(
    conn: sa.Connection,
    *,
    owner: int,
    lane: int,
    now: datetime,
    lease_until: datetime,
    limit: int,
    suspects_later: bool = False,
) -> list[ClaimedRow]:
    """Lease up to `limit` due messages of a lane to this sender, earliest deadline first; return their rows.

    Of a lane with nothing due it would look through all that wait: ask `due_lanes` first.

    Rows whose campaign or purpose is paused stay where they are. On PostgreSQL rows that another sender is
    claiming are passed over. What was in work when a sender died is claimed with few others of its kind, and alone
    if that happened twice, so that nothing else is struck should it be the cause; with `suspects_later` others go
    before it.
    """
    found = [ClaimedRow._make(row) for due in _DUE_FIRST for row in due.rows(conn, lane=lane, now=now, most=limit)]
    found = sorted(found, key=_earliest)[:limit]
    taken = _alike([row for row in found if not row.strikes] or found if suspects_later else found)
    if taken:
        _TAKE.run(conn, ids=[row.id for row in taken], owner=owner, until=lease_until, now=now)
    return taken


def _alike(found: Sequence[ClaimedRow]) -> list[ClaimedRow]:
    """Return the first and those that may be claimed together with it."""
    if not found:
        return []
    strikes = [min(row.strikes, 2) for row in found]
    most = {0: len(found), 1: SUSPECTS_AT_ONCE, 2: 1}[strikes[0]]
    alike = itertools.takewhile(lambda one: one[1] == strikes[0], zip(found, strikes, strict=True))
    return [row for row, _ in itertools.islice(alike, most)]


def renew_leases(conn: sa.Connection, *, owner: int, ids: Collection[int], lease_until: datetime) -> None:
    """Push the end of leases on: progress, not age, tells that a sender is alive."""
    conn.execute(_RENEW, {"ids": ids, "owner": owner, "until": lease_until})


def move_messages(
    conn: sa.Connection,
    ids: Collection[int],
    to: MessageStatus,
    *,
    now: datetime,
    by: str,
    reason: str | None = None,
    wake_at: datetime | None = None,
    only_owner: int | None = None,
    only_from: Collection[MessageStatus] = tuple(MessageStatus),
) -> list[int]:
    """Move messages where that is legal, note the decision, and return the ids that moved.

    `only_owner` guards moves of a claimed row: another sender may have taken it over. `only_from` guards rows that
    were chosen by their status: since then a sender may have taken them.

    What would end without having gone, though one of its requests was taken or is in doubt, stays open and is not
    returned.
    """
    if not ids:
        return []
    reason = reason[:REASON_LENGTH] if reason else None
    values: dict[str, Any] = {"status": str(to), "reason": reason, "status_at": now}
    if to is not MessageStatus.SENDING:
        values |= {"lease_owner": None, "lease_until": None}
    if wake_at is not None:
        values["wake_at"] = wake_at
    where: list[sa.ColumnElement[bool]] = [
        among(message.c.id, ids),
        beside(message.c.status).in_(_words(sources_of(to) & {*only_from})),
    ]
    if only_owner is not None:
        where.append(beside(message.c.lease_owner) == only_owner)
    doubtful = leave_in_doubt(conn, where, values, by=by) if to in _ENDS else []
    if doubtful:
        where.append(sa.not_(among(message.c.id, doubtful)))
    moved = conn.execute(sa.update(message).where(*where).values(values).returning(message.c.id)).scalars().all()
    note_moves(conn, [(int(i), to, reason) for i in moved], by=by, now=now)
    if to in _UNTOLD and moved:
        reelect(conn, moved, now=now)
    return [int(i) for i in moved]


def leave_in_doubt(
    conn: sa.Connection, which: Sequence[sa.ColumnElement[bool]], values: Mapping[str, Any], *, by: str
) -> list[int]:
    """Keep open what would end, with `reason` and `status_at`, though a request of it may arrive; return the ids.

    It is `accepted` or `sent` where one was, else `unknown` where one is in doubt.
    """
    taken, doubt = (f"{begun}{values['reason']}"[:REASON_LENGTH] for begun in (TAKEN_STILL, IN_DOUBT_STILL))
    kept = list[int]()
    for is_so, told, words in (
        (_was_taken, {"status": _on_its_way, "reason": None}, taken),
        (sa.and_(_has_doubt, ~_was_taken), {"status": str(MessageStatus.UNKNOWN), "reason": doubt}, doubt),
    ):
        statement = sa.update(message).where(*which, is_so).values({**values, **told})
        moved = conn.execute(statement.returning(message.c.id, message.c.status)).all()
        moves = [(int(row.id), MessageStatus(row.status), words) for row in moved]
        note_moves(conn, moves, by=by, now=values["status_at"])
        kept += [message_id for message_id, _, _ in moves]
    return kept


def note_moves(
    conn: sa.Connection, moves: Iterable[tuple[int, MessageStatus, str | None]], *, by: str, now: datetime
) -> None:
    """Append decisions to the story of messages."""
    rows = [{"message_id": i, "status": str(to), "reason": why, "by": by, "at": now} for i, to, why in moves]
    if rows:
        conn.execute(sa.insert(move), rows)


def find_message(conn: sa.Connection, message_id: int) -> sa.Row[Any] | None:
    """Return one message."""
    return conn.execute(sa.select(message).where(message.c.id == message_id)).one_or_none()


def _words(statuses: Iterable[MessageStatus]) -> list[str]:
    return sorted(str(status) for status in statuses)


def reelect(conn: sa.Connection, untold: Collection[int], *, now: datetime) -> list[int]:
    """Give back what messages claimed that told nobody, and let others who share the address be told after all."""
    in_doubt = sa.exists().where(
        message.c.id == contact_claim.c.message_id, message.c.status == str(MessageStatus.UNKNOWN)
    )
    mine = sa.delete(contact_claim).where(among(contact_claim.c.message_id, untold), sa.not_(in_doubt))
    given_back = conn.execute(mine.returning(contact_claim)).all()
    if not given_back:
        return []
    sharing = sa.select(contact_point.c.customer_id).where(
        among(contact_point.c.address_hash, {row.address_hash for row in given_back})
    )
    waiting = sa.select(message.c.id).where(
        among(message.c.campaign_id, {row.campaign_id for row in given_back}),
        among(message.c.occasion, {row.occasion for row in given_back}),
        message.c.customer_id.in_(sharing),
        message.c.status == str(MessageStatus.SKIPPED),
        among(message.c.reason, {f"told_via:{row.message_id}" for row in given_back}),
        message.c.use_by > now,
    )
    ids = conn.execute(waiting).scalars().all()
    return move_messages(
        conn,
        ids,
        MessageStatus.PLANNED,
        now=now,
        by="dispatcher",
        wake_at=now,
        reason="re-elected",
        only_from=[MessageStatus.SKIPPED],
    )
