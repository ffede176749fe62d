"""The follow-up of one resolution: the only place that moves its state."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

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

    `also` names further columns to set: `reason`, `merged_into`, `invite_message_id`.
    """
    if not ids:
        return []
    sources = sorted(str(state) for state, targets in NEXT_STATE.items() if target in targets)
    values = {"state": str(target), "state_at": now, **also}
    if target is not FollowUpState.MERGED:
        values.setdefault("merged_into", None)
    stamp = _STAMPS.get(target)
    if stamp:
        values[stamp] = now
    statement = (
        sa.update(follow_up)
        .where(follow_up.c.id.in_(sorted(ids)), follow_up.c.state.in_(sources))
        .values(
            **values, covered_at=sa.func.coalesce(follow_up.c.covered_at, sa.literal(now, follow_up.c.covered_at.type))
        )
        .returning(follow_up.c.id)
    )
    return sorted(conn.execute(statement).scalars())
