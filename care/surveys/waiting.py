"""Follow-ups that wait: reopened before they were asked, left out by a campaign, due again, late."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.delivery.tables import job_run
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import message
from care.surveys import merging, phone_tasks
from care.surveys.asking import Asking
from care.surveys.exemptions import NO_CAMPAIGN, REOPENED
from care.surveys.follow_ups import covered_when, is_covered, message_of, move_follow_ups, waits_behind
from care.surveys.inviting import moment_for
from care.surveys.model import FollowUpState
from care.surveys.occasion import stands_resolved
from care.surveys.tables import follow_up

AT_ONCE = 500
"""Follow-ups per transaction."""

NOT_PLANNED_AFTER = timedelta(hours=1)
"""Who is due for so long, while the ledger has no message, is called: the campaign's audience leaves them out."""

ENDED = (MessageStatus.SKIPPED, MessageStatus.EXPIRED, MessageStatus.CANCELLED)
_S = FollowUpState


def reopened(conn: sa.Connection, _asking: Asking, now: datetime) -> int:
    """Who waits to be asked about a ticket that was opened again is asked after its next resolution."""
    rows = conn.execute(_reopened()).all()
    moved = move_follow_ups(conn, [row.id for row in rows], _S.EXEMPT, now=now, reason=REOPENED)
    merging.withdraw(conn, [row.message_id for row in rows if row.message_id], REOPENED, now=now)
    return len(moved)


@cache
def _reopened() -> sa.Select[Any]:
    return (
        sa.select(follow_up.c.id, message.c.id.label("message_id"))
        .select_from(_with_ticket().outerjoin(message, message_of()))
        .where(
            follow_up.c.state == str(_S.DUE),
            sa.not_(stands_resolved()),
            sa.or_(message.c.id.is_(None), message.c.status.in_(words((*CLAIMABLE, *ENDED)))),
        )
        .limit(AT_ONCE)
    )


def not_planned(conn: sa.Connection, asking: Asking, now: datetime) -> int:
    """Nobody is forgotten because a campaign's audience, or its absence, left them out.

    While planning is put off nobody is given up: only what planning has passed over counts.
    """
    planned: datetime | None = conn.execute(sa.select(job_run.c.last_at).where(job_run.c.name == "plan")).scalar()
    passed_over = min(now, planned or now) - NOT_PLANNED_AFTER
    there = sa.exists().where(message_of()).correlate(follow_up)
    query = (
        sa.select(follow_up.c.id, follow_up.c.campaign_id)
        .where(follow_up.c.state == str(_S.DUE), follow_up.c.due_at < passed_over, sa.not_(there))
        .limit(AT_ONCE)
    )
    rows = [row for row in conn.execute(query) if not asking.campaigns.is_broken(row.campaign_id)]
    live = asking.campaigns.live
    for reason, ids in (
        ("not_in_audience", [row.id for row in rows if row.campaign_id in live]),
        (NO_CAMPAIGN, [row.id for row in rows if row.campaign_id not in live]),
    ):
        phone_tasks.hand_over(conn, move_follow_ups(conn, ids, _S.PHONE_TASK, now=now, reason=reason), now=now)
    return len(rows)


def due_again(conn: sa.Connection, asking: Asking, now: datetime) -> int:
    """What stood for others was never asked after all: they are due again."""
    rows = conn.execute(_due_again()).all()
    for row in rows:
        deadlines = [at for at in (row.call_deadline_at, row.deadline_at) if at is not None]
        moment = moment_for(asking, row, earliest=now, deadlines=deadlines, now=now)
        due_at = moment.at or now
        move_follow_ups(conn, [row.id], _S.DUE, now=now, due_at=due_at, reason=None)
    return len(rows)


@cache
def _due_again() -> sa.Select[Any]:
    target = follow_up.alias("target")
    return (
        sa.select(
            follow_up.c.id,
            follow_up.c.deadline_at,
            follow_up.c.call_deadline_at,
            *(customer.c[name] for name in ("draw", "country", "timezone", "area")),
        )
        .select_from(
            follow_up.join(target, target.c.id == follow_up.c.merged_into).join(
                customer, customer.c.id == follow_up.c.customer_id
            )
        )
        .where(
            follow_up.c.state == str(_S.MERGED),
            target.c.state == str(_S.EXEMPT),
            target.c.invited_at.is_(None),
        )
        .limit(AT_ONCE)
    )


def mark_late(conn: sa.Connection, now: datetime) -> None:
    """Flag what was covered after a deadline, or is not yet, as no call was recorded either; a flag once set stays."""
    fresh = follow_up.c.state_at > now - timedelta(days=1)  # older ones were looked at before
    for deadline, flag in ((follow_up.c.deadline_at, "is_late"), (follow_up.c.call_deadline_at, "is_call_late")):
        unflagged = follow_up.c[flag].is_(False)
        waits = sa.and_(follow_up.c.state.in_([str(_S.DUE), str(_S.PHONE_TASK)]), deadline < now)
        behind = sa.and_(waits_behind(), deadline < now)
        for missed in (waits, behind, sa.and_(fresh, is_covered(), covered_when() > deadline)):
            conn.execute(sa.update(follow_up).where(unflagged, missed).values({flag: True}))


def _with_ticket() -> sa.FromClause:
    return follow_up.join(ticket_resolution, ticket_resolution.c.id == follow_up.c.resolution_id).join(
        ticket, ticket.c.id == ticket_resolution.c.ticket_id
    )


def words(statuses: Collection[MessageStatus]) -> list[str]:
    """Return statuses as the ledger writes them."""
    return sorted(str(status) for status in statuses)
