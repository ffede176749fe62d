"""What the survey page reads: the invitation behind a link, and whether its question has an answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import Purpose
from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages.tables import attempt, campaign_known, message
from care.surveys.asked import scale_of, survey_asked
from care.surveys.model import MAIN, Question, Stage, Survey
from care.surveys.occasion_open import about_open_ticket, open_ticket
from care.surveys.tables import follow_up, survey_answer, survey_session

IN_TIME = timedelta(days=7)
"""After the invitation; a later answer is marked late."""

COUNTED_FOR = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a link leads to."""

    message_id: int
    campaign_id: str
    customer_id: int
    survey: Survey
    follow_up_id: int | None
    session_id: int | None
    channel: str
    address_hash: str
    locale: str | None  # the customer's own choice
    zone: str | None
    sent_at: datetime
    expires_at: datetime
    late_until: datetime
    ref: str = ""  # of the ticket
    kind: str = ""
    about_day: datetime | None = None  # when the ticket was resolved, or opened if it still is


def find_invitation(conn: sa.Connection, message_id: int) -> Invitation | None:
    """Return the invitation, None where there is none of a living customer."""
    row = conn.execute(_invitations().where(message.c.id == message_id)).first()
    if row is None:
        return None
    sent = conn.execute(
        sa.select(attempt.c.channel, attempt.c.address_hash)
        .where(attempt.c.message_id == message_id)
        .order_by(attempt.c.n.desc())
        .limit(1)
    ).first()
    if sent is None:
        return None  # never left: nobody can have the link
    return _invitation(row, sent)


def _invitations() -> sa.Select[Any]:
    wanted = sa.select(
        message,
        customer.c.locale,
        customer.c.timezone,
        campaign_known.c.name,
        follow_up.c.id.label("follow_up_id"),
        follow_up.c.survey.label("of_ticket"),
        sa.func.coalesce(ticket.c.external_id, open_ticket.c.ref).label("ref"),
        sa.func.coalesce(ticket_resolution.c.kind, open_ticket.c.kind).label("kind"),
        sa.func.coalesce(ticket_resolution.c.resolved_at, open_ticket.c.begun_at).label("began_or_ended_at"),
        survey_session.c.id.label("session_id"),
        survey_session.c.survey,
        survey_session.c.expires_at,
        survey_session.c.late_until,
    )
    return (
        wanted.join(customer, customer.c.id == message.c.customer_id)
        .outerjoin(campaign_known, campaign_known.c.campaign_id == message.c.campaign_id)
        .outerjoin(follow_up, follow_up.c.external_id == message.c.subject)
        .outerjoin(ticket, ticket.c.id == follow_up.c.ticket_id)
        .outerjoin(ticket_resolution, ticket_resolution.c.id == follow_up.c.resolution_id)
        .outerjoin(open_ticket, sa.and_(open_ticket.c.ref == message.c.subject, about_open_ticket()))
        .outerjoin(survey_session, survey_session.c.message_id == message.c.id)
        .where(message.c.purpose == str(Purpose.SURVEY), customer.c.erased_at.is_(None))
    )


def _invitation(row: Any, sent: Any) -> Invitation:
    sent_at = row.sent_at or row.due_at
    asked = row.survey or survey_asked(row.occasion, row.campaign_id, row.name or "", of_ticket=row.of_ticket)
    return Invitation(
        message_id=row.id,
        campaign_id=row.campaign_id,
        customer_id=row.customer_id,
        survey=Survey(asked),
        follow_up_id=row.follow_up_id,
        session_id=row.session_id,
        channel=sent.channel,
        address_hash=sent.address_hash,
        locale=row.locale,
        zone=row.timezone,
        sent_at=sent_at,
        expires_at=row.expires_at or sent_at + IN_TIME,
        late_until=row.late_until or sent_at + COUNTED_FOR,
        ref=row.ref or "",
        kind=row.kind or "",
        about_day=row.began_or_ended_at,
    )


def is_answered(conn: sa.Connection, invitation: Invitation) -> bool:
    """Tell whether the question that counts has an answer, in whatever way it came."""
    first = MAIN[invitation.survey]
    return conn.execute(_answers(invitation, first)).first() is not None


def given_score(conn: sa.Connection, invitation: Invitation) -> int | None:
    """Return the score that this link's page brought, None where it brought none."""
    first = MAIN[invitation.survey]
    mine = _answers(invitation, first).where(survey_answer.c.source == source_of(invitation))
    return conn.execute(mine.with_only_columns(survey_answer.c.score)).scalar()


def has_reason(conn: sa.Connection, invitation: Invitation) -> bool:
    """Tell whether the customer has said why."""
    return conn.execute(_answers(invitation, Question.REASON)).first() is not None


def source_of(invitation: Invitation) -> str:
    """Return how answers of this link are told apart from all others."""
    return f"web:{invitation.message_id}"


def _answers(invitation: Invitation, question: Question) -> sa.Select[Any]:
    same = [survey_answer.c.source == source_of(invitation)]
    if invitation.follow_up_id is not None:
        same.append(survey_answer.c.follow_up_id == invitation.follow_up_id)
    if invitation.session_id is not None:
        same.append(survey_answer.c.session_id == invitation.session_id)
    wanted = sa.select(survey_answer.c.id).where(survey_answer.c.question == str(question), sa.or_(*same))
    return wanted.where(survey_answer.c.superseded_at.is_(None))


def lock_matter(conn: sa.Connection, invitation: Invitation) -> None:
    """Let one answer at a time come to an invitation, and to all others about the same ticket."""
    conn.execute(sa.select(message.c.id).where(message.c.id == invitation.message_id).with_for_update())
    if invitation.follow_up_id is not None:
        conn.execute(sa.select(follow_up.c.id).where(follow_up.c.id == invitation.follow_up_id).with_for_update())


def end_session(conn: sa.Connection, invitation: Invitation, *, locale: str, now: datetime) -> int:
    """Return the session of the invitation, over now: opened here if a link was all that was sent."""
    row = {
        "survey": str(invitation.survey),
        "campaign_id": invitation.campaign_id,
        "message_id": invitation.message_id,
        "follow_up_id": invitation.follow_up_id,
        "customer_id": invitation.customer_id,
        "channel": invitation.channel,
        "address_hash": invitation.address_hash,
        "locale": locale,
        "scale": scale_of(invitation.survey).name,
        "stage": str(Stage.DONE),
        "opened_at": invitation.sent_at,
        "asked_at": invitation.sent_at,
        "expires_at": invitation.expires_at,
        "late_until": invitation.late_until,
        "ended_at": now,
    }
    over = {"stage": str(Stage.DONE), "question": None, "ended_at": now}
    statement = insert(conn, survey_session).values(row)
    ended = statement.on_conflict_do_update(index_elements=["message_id"], set_=over)
    return int(conn.execute(ended.returning(survey_session.c.id)).scalar_one())
