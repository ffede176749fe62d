"""One question for several tickets: of ordinary ones a customer is asked about one in thirty days.

What was resolved before an invitation left merges into it; what is resolved later is exempt, as the customer was asked
recently. Two that wait become one about the later ticket, as long as that keeps the promise about the earlier. A call
that is overdue stands for nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.customers.tables import contact_point
from care.customers.tickets.tables import ticket_resolution
from care.messages import store as ledger
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import attempt, message
from care.surveys.exemptions import ASKED_RECENTLY
from care.surveys.follow_ups import lead_on, move_follow_ups
from care.surveys.model import FollowUpState
from care.surveys.occasion import occasion_key
from care.surveys.tables import follow_up, phone_task

CAP = timedelta(days=30)
MERGED = "merged into a later question"
_S = FollowUpState
_IN_FLIGHT = frozenset({"sending", "accepted", "sent", "unknown", "unconfirmed", "delivered"})


@dataclass(slots=True, kw_only=True)
class Asked:
    """A follow-up of the customer that waits, or whose question went out in the last thirty days."""

    id: int
    state: FollowUpState
    is_capped: bool
    due_at: datetime | None
    deadline_at: datetime  # of itself, or the earliest of those merged into it
    sent_at: datetime | None
    message_id: int | None
    is_in_flight: bool


@dataclass(kw_only=True)
class Book:
    """What is asked of some customers, kept up to date while more is taken on."""

    of: dict[int, list[Asked]] = field(default_factory=dict)

    @classmethod
    def read(cls, conn: sa.Connection, customers: Collection[int], *, now: datetime) -> "Book":
        """Read what waits for these customers and what went out lately."""
        book = cls()
        for row in conn.execute(_asked(customers, now)):
            deadline = min(row.deadline_at, row.merged_deadline or row.deadline_at)
            book.of.setdefault(row.customer_id, []).append(
                Asked(
                    id=row.id,
                    state=_S(row.state),
                    is_capped=row.is_capped,
                    due_at=row.due_at,
                    deadline_at=deadline,
                    sent_at=row.invited_at or row.sent_at,
                    message_id=row.message_id,
                    is_in_flight=row.status in _IN_FLIGHT,
                )
            )
        return book

    def place(self, new: Mapping[str, Any], now: datetime) -> Mapping[str, Any] | None:
        """Return what changes about a new follow-up because of others: merged or exempt; None where it stands alone."""
        known = self.of.get(new["customer_id"], ())
        sent = [one for one in known if one.sent_at is not None and one.sent_at > now - CAP]
        if sent:
            last = max(sent, key=lambda one: one.sent_at or now)
            if last.sent_at is not None and new["resolved_at"] < last.sent_at:
                return _merged(last, now)
            return {"state": str(_S.EXEMPT), "reason": ASKED_RECENTLY, "covered_at": now}
        waiting = [one for one in known if one.is_capped and one.state in (_S.DUE, _S.PHONE_TASK)]
        if not waiting:
            return None
        first = waiting[0]
        stays = first.is_in_flight or first.state is _S.PHONE_TASK or not _keeps(new, first)
        return _merged(first, now) if stays else None

    def add(self, conn: sa.Connection, made: int, new: Mapping[str, Any], now: datetime) -> None:
        """Note a follow-up that was written down, and merge into it those that waited."""
        state, mine = _S(new["state"]), self.of.setdefault(new["customer_id"], [])
        if state not in (_S.DUE, _S.PHONE_TASK):
            return
        deadline = new["deadline_at"]
        if new["is_capped"] and state is _S.DUE:
            older = [one for one in mine if one.is_capped and one.state is _S.DUE and not one.is_in_flight]
            for one in older:
                deadline = min(deadline, one.deadline_at)
                merge(conn, one.id, into=made, message_id=one.message_id, now=now)
                mine.remove(one)
        mine.append(
            Asked(
                id=made,
                state=state,
                is_capped=new["is_capped"],
                due_at=new["due_at"],
                deadline_at=deadline,
                sent_at=None,
                message_id=None,
                is_in_flight=False,
            )
        )


def _keeps(new: Mapping[str, Any], first: Asked) -> bool:
    """Tell whether asking about the new one keeps the promise about the one that waits."""
    return new["state"] == str(_S.DUE) and new["due_at"] is not None and new["due_at"] < first.deadline_at


def _merged(into: Asked, now: datetime) -> Mapping[str, Any]:
    return {"state": str(_S.MERGED), "reason": None, "merged_into": into.id, "covered_at": now}


def merge(conn: sa.Connection, old: int, *, into: int, message_id: int | None, now: datetime) -> None:
    """Let another question stand for one that waits; what was planned of it is withdrawn and its key given back."""
    if not move_follow_ups(conn, [old], _S.MERGED, now=now, merged_into=into, reason=None):
        return
    lead_on(conn, old, into)
    if message_id is not None:
        withdraw(conn, [message_id], MERGED, now=now)


def asked_there(conn: sa.Connection, id_: int, *, now: datetime) -> int | None:
    """Return the follow-up of another customer that was asked last on the same phone or mailbox, since the resolution.

    None where the last question there left before it: whoever answers there was asked recently.
    """
    mine = conn.execute(sa.select(follow_up).where(follow_up.c.id == id_)).one()
    own = sa.select(contact_point.c.address_hash).where(contact_point.c.customer_id == mine.customer_id)
    reporter = sa.select(ticket_resolution.c.address_hash).where(ticket_resolution.c.id == mine.resolution_id)
    there = {word for query in (own, reporter) for word in conn.execute(query).scalars() if word}
    last = (
        sa.select(follow_up.c.id, follow_up.c.invited_at)
        .select_from(attempt.join(follow_up, follow_up.c.invite_message_id == attempt.c.message_id))
        .where(
            attempt.c.address_hash.in_(there),
            attempt.c.intent_at > now - CAP,
            follow_up.c.customer_id != mine.customer_id,
            follow_up.c.state != str(_S.PHONE_TASK),
        )
        .order_by(follow_up.c.invited_at.desc())
        .limit(1)
    )
    found = conn.execute(last).one_or_none()
    return int(found.id) if found is not None and mine.resolved_at < found.invited_at else None


def withdraw(conn: sa.Connection, message_ids: Collection[int], reason: str, *, now: datetime) -> list[int]:
    """Cancel planned invitations; should one be due again, it is planned anew."""
    gone = ledger.move_messages(
        conn,
        message_ids,
        MessageStatus.CANCELLED,
        now=now,
        by="follow-up",
        reason=reason,
        only_from=CLAIMABLE,
    )
    give_back_keys(conn, gone)
    return gone


def give_back_keys(conn: sa.Connection, message_ids: Collection[int]) -> None:
    """Free the occasions of messages that told nobody, so that the same may be planned anew."""
    was = message.c.occasion + ":was-" + sa.cast(message.c.id, sa.String)
    conn.execute(sa.update(message).where(among(message.c.id, message_ids)).values(occasion=was))


def _asked(customers: Collection[int], now: datetime) -> sa.Select[Any]:
    behind = follow_up.alias("behind")
    merged_deadline = (
        sa.select(sa.func.min(sa.type_coerce(behind.c.deadline_at, sa.BigInteger)))
        .where(behind.c.merged_into == follow_up.c.id)
        .correlate(follow_up)
        .scalar_subquery()
    )
    mine = sa.and_(
        message.c.campaign_id == follow_up.c.campaign_id,
        message.c.occasion == occasion_key(),
        message.c.customer_id == follow_up.c.customer_id,
        message.c.leg == "main",
    )
    may_be_called = sa.exists().where(
        phone_task.c.follow_up_id == follow_up.c.id, phone_task.c.done_at.is_(None), phone_task.c.call_by >= now
    )
    is_task = follow_up.c.state == str(_S.PHONE_TASK)
    return (
        sa.select(
            *(follow_up.c[name] for name in ("id", "customer_id", "state", "is_capped", "due_at", "deadline_at")),
            follow_up.c.invited_at,
            message.c.id.label("message_id"),
            message.c.status,
            message.c.sent_at,
            sa.type_coerce(merged_deadline, follow_up.c.deadline_at.type).label("merged_deadline"),
        )
        .select_from(follow_up.outerjoin(message, mine))
        .where(
            among(follow_up.c.customer_id, customers),
            sa.or_(
                follow_up.c.state == str(_S.DUE),
                sa.and_(is_task, may_be_called),
                sa.and_(sa.not_(is_task), follow_up.c.invited_at > now - CAP),
            ),
        )
        .order_by(follow_up.c.resolved_at.desc(), follow_up.c.id.desc())
    )
