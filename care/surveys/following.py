"""Follow-ups move with the ledger: asked when a provider took the message, delivered, reminded, closed, or called.

Every step is a short transaction over some hundred rows, chosen by the state they are in; what was moved is not chosen
again, so a killed job goes on where it stood.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from care.base.database import write
from care.base.failpoints import failpoint
from care.campaigns.model import REMINDER_LEG
from care.customers.tables import customer
from care.messages import store as ledger
from care.messages.model import CLAIMABLE, MessageStatus
from care.messages.tables import message
from care.surveys import merging, phone_tasks, waiting
from care.surveys.asking import Asking, place_of
from care.surveys.commitments import another_hour
from care.surveys.exemptions import ASKED_RECENTLY, verdict_on
from care.surveys.follow_ups import message_of, move_follow_ups
from care.surveys.model import FollowUpState
from care.surveys.occasion import TicketResolved
from care.surveys.reminding import has_been_heard
from care.surveys.tables import follow_up
from care.surveys.waiting import AT_ONCE, ENDED, words

CLOSE_AFTER = timedelta(days=7)
SURVEY_CAP = "frequency_cap:survey_invites_per_30d"
ANSWERED = "answered, wrote back, or in a person's hands"
BY = "follow-up"

_S, _M = FollowUpState, MessageStatus
_TAKEN = (_M.ACCEPTED, _M.SENT, _M.DELIVERED, _M.UNCONFIRMED)
_LOST = (_M.UNDELIVERED, _M.FAILED)
_ASKED = (str(_S.INVITED), str(_S.DELIVERED), str(_S.REMINDED))


def follow(engine: sa.Engine, asking: Asking, *, now: datetime, may_judge: bool = True) -> int:
    """Move every follow-up to where the ledger and the tickets say it stands; return how many moved.

    `may_judge` says that the planner had its turn since the follow-ups fell due, so that no message means no message.
    """
    steps: Sequence[Callable[[sa.Connection, Asking, datetime], int]] = (
        waiting.reopened,
        _asked,
        _arrived,
        _lost,
        *((waiting.not_planned,) if may_judge else ()),
        waiting.due_again,
        _reminded,
        _closed,
        _stop_reminders,
    )
    total = 0
    for step in steps:
        while True:
            with write(engine) as conn:
                moved = step(conn, asking, now)
                if moved:
                    failpoint("follow.before_commit")
            if moved:
                failpoint("follow.committed")
            total += moved
            if moved < AT_ONCE:
                break
    with write(engine) as conn:
        waiting.mark_late(conn, now)
    return total


def _asked(conn: sa.Connection, asking: Asking, now: datetime) -> int:
    """Move on who is due and whose message left or ended."""
    rows = sorted(conn.execute(_just_asked()).all(), key=lambda row: not _has_left(row))  # others may merge into them
    for row in rows:
        if _has_left(row):
            _invited(conn, row, asking, now)
        elif row.reason == SURVEY_CAP:
            _asked_lately(conn, row, now)
        else:
            _not_asked(conn, row, now)
    return len(rows)


def _has_left(row: Any) -> bool:
    return row.sent_at is not None or row.status in words(_TAKEN)


@cache
def _just_asked() -> sa.Select[Any]:
    return (
        sa.select(
            follow_up.c.id,
            follow_up.c.external_id,
            follow_up.c.customer_id,
            follow_up.c.campaign_id,
            follow_up.c.resolved_at,
            message.c.id.label("message_id"),
            message.c.status,
            message.c.reason,
            message.c.sent_at,
            *(customer.c[name] for name in ("draw", "country", "timezone", "area")),
        )
        .select_from(
            follow_up.join(message, message_of()).outerjoin(customer, customer.c.id == follow_up.c.customer_id)
        )
        .where(follow_up.c.state == str(_S.DUE), message.c.status.in_(words((*_TAKEN, *_LOST, *ENDED))))
        .limit(AT_ONCE)
    )


def _invited(conn: sa.Connection, row: Any, asking: Asking, now: datetime) -> None:
    """A provider took the invitation: it counts from then, however late we look."""
    move_follow_ups(
        conn,
        [row.id],
        _S.INVITED,
        now=now,
        invite_message_id=row.message_id,
        invited_at=row.sent_at or now,
        covered_at=row.sent_at or now,
        remind_at=_remind_at(row, row.sent_at or now, asking),
    )


def _remind_at(row: Any, invited_at: datetime, asking: Asking) -> datetime | None:
    campaign = asking.campaigns.live.get(row.campaign_id)
    occasion = campaign.occasion if campaign else None
    if not isinstance(occasion, TicketResolved) or occasion.remind_after is None or row.country is None:
        return None
    return another_hour(
        invited_at + occasion.remind_after,
        invited_at=invited_at,
        waking=asking.waking(row.country, row.timezone, row.area),
        position=place_of(row.draw),
    )


def _asked_lately(conn: sa.Connection, row: Any, now: datetime) -> None:
    """The cap let the message not pass: another question went out, which may stand for this one."""
    book = merging.Book.read(conn, [row.customer_id], now=now)
    new = {"customer_id": row.customer_id, "resolved_at": row.resolved_at}
    others = [one for one in book.of.get(row.customer_id, ()) if one.id != row.id and one.sent_at is not None]
    place = merging.Book(of={row.customer_id: others}).place(new, now) if others else None
    into = place.get("merged_into") if place is not None else merging.asked_there(conn, row.id, now=now)
    if into is not None:
        merging.merge(conn, row.id, into=into, message_id=None, now=now)
        merging.give_back_keys(conn, [row.message_id])
    else:
        move_follow_ups(conn, [row.id], _S.EXEMPT, now=now, reason=ASKED_RECENTLY)


def _not_asked(conn: sa.Connection, row: Any, now: datetime) -> None:
    word = row.reason if row.status == str(_M.SKIPPED) or row.reason == "customer erased" else str(row.status)
    verdict = verdict_on(word or str(row.status))
    moved = move_follow_ups(conn, [row.id], verdict.state, now=now, reason=verdict.reason)
    phone_tasks.hand_over(conn, moved, now=now)


def _arrived(conn: sa.Connection, _asking: Asking, now: datetime) -> int:
    at = sa.select(message.c.delivered_at).where(message.c.id == follow_up.c.invite_message_id)
    ids = [row.id for row in conn.execute(_invited_and((_M.DELIVERED,)))]
    move_follow_ups(conn, ids, _S.DELIVERED, now=now, delivered_at=at.correlate(follow_up).scalar_subquery())
    return len(ids)


def _lost(conn: sa.Connection, _asking: Asking, now: datetime) -> int:
    """The invitation left and did not arrive, on no channel: a person calls."""
    rows = conn.execute(_invited_and((*_LOST, *ENDED))).all()
    for status in {row.status for row in rows}:
        ids = [row.id for row in rows if row.status == status]
        phone_tasks.hand_over(conn, move_follow_ups(conn, ids, _S.PHONE_TASK, now=now, reason=status), now=now)
    return len(rows)


@cache
def _invited_and(statuses: tuple[MessageStatus, ...]) -> sa.Select[Any]:
    joined = follow_up.join(message, message.c.id == follow_up.c.invite_message_id)
    is_so = sa.and_(follow_up.c.state == str(_S.INVITED), message.c.status.in_(words(statuses)))
    return sa.select(follow_up.c.id, message.c.status).select_from(joined).where(is_so).limit(AT_ONCE)


def _reminded(conn: sa.Connection, _asking: Asking, now: datetime) -> int:
    query = (
        sa.select(follow_up.c.id, message.c.sent_at)
        .select_from(follow_up.join(message, message_of(REMINDER_LEG)))
        .where(
            follow_up.c.state.in_(_ASKED[:2]),
            follow_up.c.remind_at <= now,
            message.c.status.in_(words(_TAKEN)),
        )
        .limit(AT_ONCE)
    )
    rows = conn.execute(query).all()
    for row in rows:
        move_follow_ups(conn, [row.id], _S.REMINDED, now=now, reminded_at=row.sent_at or now)
    return len(rows)


def _closed(conn: sa.Connection, asking: Asking, now: datetime) -> int:
    total = 0
    for campaign_id, after in _closing(asking).items():
        query = sa.select(follow_up.c.id).where(
            follow_up.c.state.in_(_ASKED), follow_up.c.campaign_id == campaign_id, follow_up.c.invited_at <= now - after
        )
        total += len(_close(conn, query, now))
    others = sa.select(follow_up.c.id).where(
        follow_up.c.state.in_(_ASKED),
        follow_up.c.campaign_id.not_in(list(_closing(asking))),
        follow_up.c.invited_at <= now - CLOSE_AFTER,
    )
    return total + len(_close(conn, others, now))


def _close(conn: sa.Connection, query: sa.Select[Any], now: datetime) -> list[int]:
    ids = list(conn.execute(query.limit(AT_ONCE)).scalars())
    return move_follow_ups(conn, ids, _S.CLOSED_UNANSWERED, now=now)


def _closing(asking: Asking) -> dict[str, timedelta]:
    occasions = {campaign.id: campaign.occasion for campaign in asking.campaigns}
    return {i: one.close_after for i, one in occasions.items() if isinstance(one, TicketResolved)}


def _stop_reminders(conn: sa.Connection, _asking: Asking, now: datetime) -> int:
    """Withdraw planned reminders of whoever has been heard or is asked no more."""
    query = (
        sa.select(message.c.id)
        .select_from(follow_up.join(message, message_of(REMINDER_LEG)))
        .where(
            follow_up.c.remind_at > now - timedelta(days=3),
            message.c.status.in_(words(CLAIMABLE)),
            sa.or_(follow_up.c.state.not_in(_ASKED), has_been_heard()),
        )
        .limit(AT_ONCE)
    )
    ids = list(conn.execute(query).scalars())
    gone = ledger.move_messages(
        conn, ids, MessageStatus.CANCELLED, now=now, by=BY, reason=ANSWERED, only_from=CLAIMABLE
    )
    return len(gone)
