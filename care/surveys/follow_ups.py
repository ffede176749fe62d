"""The follow-up of one resolution: the only place that moves its state."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.campaigns.model import MAIN_LEG
from care.messages.tables import message
from care.surveys.model import NEXT_STATE, FollowUpState
from care.surveys.occasion import occasion_key
from care.surveys.tables import follow_up

_UNCOVERED = [str(FollowUpState.DUE), str(FollowUpState.PHONE_TASK)]
"""A call that nobody has made yet covers no more than a question that nobody has asked yet."""

_stands = follow_up.alias("stands_for_it")

_STAMPS = {
    FollowUpState.INVITED: "invited_at",
    FollowUpState.DELIVERED: "delivered_at",
    FollowUpState.REMINDED: "reminded_at",
    FollowUpState.ANSWERED: "answered_at",
    FollowUpState.CLOSED_UNANSWERED: "closed_at",
}


@cache
def is_covered() -> sa.ColumnElement[bool]:
    """Return: this `follow_up` was asked, called, merged or exempt, at `covered_when`.

    What is merged shares the fate of what stands for it. Earlier versions wrote `covered_at` when a call was handed
    over; it counts when it is recorded.
    """
    return sa.and_(follow_up.c.covered_at.is_not(None), follow_up.c.state.not_in(_UNCOVERED), sa.not_(waits_behind()))


@cache
def waits_behind(*states: FollowUpState) -> sa.ColumnElement[bool]:
    """Return: this `follow_up` is merged into one that nobody has asked or called yet, or that is in these states."""
    wanted = [str(one) for one in states] or _UNCOVERED
    theirs = sa.select(_stands.c.id).where(_stands.c.state.in_(wanted))
    return sa.and_(follow_up.c.merged_into.is_not(None), follow_up.c.merged_into.in_(theirs))


@cache
def covered_when() -> sa.ColumnElement[Any]:
    """Return when this `follow_up` was covered: what is merged not before what stands for it; see `is_covered`."""
    theirs = sa.select(_stands.c.covered_at).where(_stands.c.id == follow_up.c.merged_into)
    at = theirs.correlate(follow_up).scalar_subquery()
    return sa.case((at > follow_up.c.covered_at, at), else_=follow_up.c.covered_at)


@cache
def message_of(leg: str = MAIN_LEG) -> sa.ColumnElement[bool]:
    """Return: this `message` asks, or reminds, about this `follow_up`."""
    return sa.and_(
        message.c.campaign_id == follow_up.c.campaign_id,
        message.c.occasion == occasion_key(),
        message.c.customer_id == follow_up.c.customer_id,
        message.c.leg == leg,
    )


def move_follow_ups(
    conn: sa.Connection, ids: Collection[int], target: FollowUpState, *, now: datetime, **also: Any
) -> list[int]:
    """Move those that may go to `target` and return their ids; the others stay as they are.

    `also` names further columns to set: `reason`, `merged_into`, `invite_message_id`, or the instant of the move where
    it happened before now: `invited_at`, `covered_at` …
    """
    if not ids:
        return []
    sources = sorted(str(state) for state, targets in NEXT_STATE.items() if target in targets)
    values: dict[str, Any] = {"state": str(target), "state_at": now, **also}
    if target is not FollowUpState.MERGED:
        values.setdefault("merged_into", None)
    stamp = _STAMPS.get(target)
    if stamp:
        values.setdefault(stamp, now)
    values["covered_at"] = None if target in _UNCOVERED else _covered(values.get("covered_at", now))
    statement = (
        sa.update(follow_up)
        .where(among(follow_up.c.id, ids), follow_up.c.state.in_(sources))
        .values(values)
        .returning(follow_up.c.id)
    )
    return sorted(conn.execute(statement).scalars())


def move_to_answered(
    conn: sa.Connection, id_: int, *, now: datetime, by_message: bool, said_at: datetime | None = None
) -> None:
    """Move one to `answered`; people answer before the job that looks after the ledger has seen the question leave.

    `by_message` says that the answer came to a message of ours, which has arrived then; `said_at` when it was given,
    where it is written down later.
    """
    asked = (
        sa.select(message.c.id, message.c.sent_at, sa.func.coalesce(follow_up.c.delivered_at, message.c.delivered_at))
        .select_from(follow_up.join(message, message_of()))
        .where(follow_up.c.id == id_, message.c.sent_at.is_not(None))
    )
    stamps: dict[str, Any] = dict(when_called(said_at, FollowUpState.ANSWERED)) if said_at else {}
    for invite_id, sent_at, delivered_at in conn.execute(asked):
        invited = {"invite_message_id": invite_id, "invited_at": sent_at, "covered_at": sent_at}
        move_follow_ups(conn, [id_], FollowUpState.INVITED, now=now, **invited)
        stamps["delivered_at"] = delivered_at or (now if by_message else None)
    move_follow_ups(conn, [id_], FollowUpState.ANSWERED, now=now, **stamps)


def when_called(at: datetime, target: FollowUpState) -> Mapping[str, datetime]:
    """Return what `move_follow_ups` is told where a call that ended in `target` was made before it is recorded."""
    return {_STAMPS[target]: at, "covered_at": at}


def take_back_flags(conn: sa.Connection, id_: int) -> None:
    """Flag no more as late what was covered in time, though that was recorded late; and what is merged into it."""
    mine = sa.or_(follow_up.c.id == id_, follow_up.c.merged_into == id_)
    for deadline, flag in ((follow_up.c.deadline_at, "is_late"), (follow_up.c.call_deadline_at, "is_call_late")):
        kept = sa.and_(mine, follow_up.c[flag], is_covered(), covered_when() <= deadline)
        conn.execute(sa.update(follow_up).where(kept).values({flag: False}))


def _covered(at: Any) -> sa.ColumnElement[Any]:
    """Return the first instant of being covered: what is covered once stays so until it is due or to be called."""
    column = follow_up.c.covered_at
    at = at if isinstance(at, sa.ColumnElement) else sa.literal(at, column.type)
    return sa.case((is_covered(), column), else_=at)


def lead_on(conn: sa.Connection, old: int, new: int) -> None:
    """Let what was merged into one follow-up stand behind another: the first was merged itself."""
    conn.execute(sa.update(follow_up).where(follow_up.c.merged_into == old).values(merged_into=new))
