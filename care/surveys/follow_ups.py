"""The follow-up of one resolution: the only place that moves its state."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.surveys.model import NEXT_STATE, FollowUpState
from care.surveys.tables import follow_up

_STAMPS = {
    FollowUpState.INVITED: "invited_at",
    FollowUpState.DELIVERED: "delivered_at",
    FollowUpState.REMINDED: "reminded_at",
    FollowUpState.ANSWERED: "answered_at",
    FollowUpState.CLOSED_UNANSWERED: "closed_at",
}


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
    values["covered_at"] = _covered(values.get("covered_at", now)) if target is not FollowUpState.DUE else None
    statement = (
        sa.update(follow_up)
        .where(among(follow_up.c.id, ids), follow_up.c.state.in_(sources))
        .values(values)
        .returning(follow_up.c.id)
    )
    return sorted(conn.execute(statement).scalars())


def _covered(at: Any) -> sa.ColumnElement[Any]:
    """Return the first instant of being covered: what is covered once stays so until it is due again."""
    column = follow_up.c.covered_at
    return sa.func.coalesce(column, at if isinstance(at, sa.ColumnElement) else sa.literal(at, column.type))


def lead_on(conn: sa.Connection, old: int, new: int) -> None:
    """Let what was merged into one follow-up stand behind another: the first was merged itself."""
    conn.execute(sa.update(follow_up).where(follow_up.c.merged_into == old).values(merged_into=new))
