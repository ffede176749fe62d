"""What became of the question after each ticket of a customer, in a sentence per resolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.explain.chain import clock
from care.messages.model import MessageStatus
from care.messages.tables import message
from care.surveys.follow_ups import message_of
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up, survey_answer

RECENT = timedelta(days=30)
"""Resolutions so long before the day asked about are told."""

S = FollowUpState


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The follow-up of one resolution: `ticket` is T-881:r1."""

    ticket: str
    kind: str
    state: FollowUpState
    text: str


def follow_ups_before(conn: sa.Connection, customer_id: int, end: datetime, zone: str) -> Sequence[Told]:
    """Return what became of the resolutions of the thirty days before `end`, the newest first."""
    earlier = follow_up.alias()
    overall = (
        sa.select(survey_answer.c.score)
        .where(
            survey_answer.c.follow_up_id == follow_up.c.id,
            survey_answer.c.question == "overall",
            survey_answer.c.superseded_at.is_(None),
        )
        .limit(1)
        .scalar_subquery()
    )
    rows = conn.execute(
        sa.select(
            follow_up,
            overall.label("score"),
            earlier.c.external_id.label("stands_for_it"),
            message.c.reason.label("held_for"),
            message.c.wake_at.label("held_until"),
        )
        .join_from(follow_up, earlier, earlier.c.id == follow_up.c.merged_into, isouter=True)
        .join(message, sa.and_(message_of(), message.c.status == str(MessageStatus.HELD)), isouter=True)
        .where(
            follow_up.c.customer_id == customer_id,
            follow_up.c.resolved_at >= end - RECENT,
            follow_up.c.resolved_at < end,
        )
        .order_by(follow_up.c.resolved_at.desc(), follow_up.c.id.desc())
    )
    return [Told(ticket=row.external_id, kind=row.kind, state=S(row.state), text=_sentence(row, zone)) for row in rows]


def _sentence(row: Any, zone: str) -> str:
    late = ", late" if row.is_late else ""
    return f"resolved {clock(row.resolved_at, zone)}; {_became(row, zone)}{late}"


def _became(row: Any, zone: str) -> str:
    state = S(row.state)
    if state is S.DUE:
        if row.held_for:
            return f"waits: {row.held_for}; looked at again {clock(row.held_until, zone)}"
        return f"will be asked {clock(row.due_at, zone)}" if row.due_at else "will be asked"
    if state is S.MERGED:
        return f"the question about {row.stands_for_it} stands for it"
    if state in (S.EXEMPT, S.PHONE_TASK):
        word = "not asked" if state is S.EXEMPT else "a person calls"
        return f"{word}: {str(row.reason).replace('_', ' ')}"
    asked = f"asked {clock(row.invited_at, zone)}" if row.invited_at else "asked"
    return f"{asked}, {_after_asking(row, state, zone)}"


def _after_asking(row: Any, state: FollowUpState, zone: str) -> str:
    if state is S.ANSWERED:
        score = f" {row.score}" if row.score is not None else ""
        return f"answered{score} {clock(row.answered_at, zone)}"
    if state is S.CLOSED_UNANSWERED:
        return "nobody answered"
    if state is S.REMINDED and row.reminded_at:
        return f"asked again {clock(row.reminded_at, zone)}"
    return "arrived" if state is S.DELIVERED else "no receipt yet"
