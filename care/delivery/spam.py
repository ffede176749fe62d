"""Stop a campaign that carriers take for spam: more of it would be paid for, reach nobody and harm the sender's name.

What is owed under the contract is not stopped, only told of. A stop is one by hand in all but who made it: `care
resume` ends it, and only what was sent after that counts again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from care.base.vocabulary import Purpose
from care.delivery.channels.base import ErrorClass
from care.messages.model import Outcome
from care.messages.stops import SPAM, campaign_scope, put_pause, spam_scope, standing_pauses
from care.messages.tables import attempt, message, pause

LEAST, SHARE = 20, 0.2
"""So many filtered or blocked, and such a share of what the campaign lately sent."""

NEWEST, LATELY = 10_000, timedelta(hours=1)
"""Lately: among so many attempts of all campaigns, and not longer ago."""

TOLD_FOR = timedelta(hours=1)
BY = "care"

_bad = attempt.c.error_class.in_([str(ErrorClass.FILTERED), str(ErrorClass.BLOCKED)])
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spam:
    """A campaign and how much of it was taken for spam."""

    campaign_id: str
    purpose: Purpose
    filtered: int
    sent: int


def taken_for_spam(conn: sa.Connection, now: datetime) -> list[Spam]:
    """Return campaigns of which carriers lately filter a large share, by what was sent since they were last stopped."""
    newest = sa.select(sa.func.max(attempt.c.id)).scalar_subquery() - NEWEST
    is_late = sa.and_(
        attempt.c.id > newest,
        attempt.c.intent_at > now - LATELY,
        attempt.c.outcome.in_([str(Outcome.ACCEPTED), str(Outcome.REFUSED)]),
    )
    if int(conn.execute(sa.select(sa.func.count()).where(is_late, _bad)).scalar_one()) < LEAST:
        return []
    filtered = sa.func.sum(sa.case((_bad, 1), else_=0))
    told = pause.alias()
    found = (
        sa.select(message.c.campaign_id, message.c.purpose, filtered.label("filtered"), sa.func.count().label("sent"))
        .select_from(
            attempt.join(message, message.c.id == attempt.c.message_id).outerjoin(
                told, told.c.scope == SPAM + message.c.campaign_id
            )
        )
        .where(is_late, sa.or_(told.c.at.is_(None), attempt.c.intent_at > told.c.at))
        .group_by(message.c.campaign_id, message.c.purpose)
        .having(filtered >= LEAST)
        .order_by(message.c.campaign_id)
    )
    spam = [
        Spam(campaign_id=row.campaign_id, purpose=Purpose(row.purpose), filtered=int(row.filtered), sent=int(row.sent))
        for row in conn.execute(found)
    ]
    return [one for one in spam if one.filtered >= SHARE * one.sent]


def stop_spam(conn: sa.Connection, now: datetime) -> None:
    """Stop such campaigns, until somebody lets them go on, and keep for the alarm what was found."""
    for one in taken_for_spam(conn, now):
        put_pause(conn, spam_scope(one.campaign_id), until=now + TOLD_FOR, by=BY, now=now)
        is_stopped = campaign_scope(one.campaign_id) in {each.scope for each in standing_pauses(conn, now)}
        if not (one.purpose.is_service or one.purpose is Purpose.REPLY or is_stopped):
            put_pause(conn, campaign_scope(one.campaign_id), until=None, by=BY, now=now)
        log.error("campaign.taken_for_spam", campaign=one.campaign_id, filtered=one.filtered, sent=one.sent)


def told_of(conn: sa.Connection, now: datetime) -> Sequence[str]:
    """Return, for people, the campaigns taken for spam within the hour, and those still stopped for it."""
    stopped = pause.alias()
    is_stopped = sa.exists().where(
        stopped.c.scope == "campaign:" + sa.func.substr(pause.c.scope, len(SPAM) + 1), stopped.c.by == BY
    )
    rows = conn.execute(
        sa.select(pause.c.scope, is_stopped)
        .where(pause.c.scope.startswith(SPAM, autoescape=True), sa.or_(pause.c.until > now, is_stopped))
        .order_by(pause.c.scope)
    )
    return [f"{scope.removeprefix(SPAM)}{' is stopped' if is_held else ''}" for scope, is_held in rows]
