"""Conversations of one phone in the database: made from the invitations that were sent to it, looked up, moved on."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from care.base.database import insert, is_sqlite
from care.base.vocabulary import Purpose
from care.customers.model import SuppressionReason
from care.customers.suppressions import active_suppressions
from care.customers.tables import customer
from care.customers.tickets.tables import ticket
from care.messages.model import Outcome
from care.messages.tables import attempt, message
from care.surveys.asked import scale_of, survey_asked
from care.surveys.conversation.model import Standing, Turn
from care.surveys.conversation.questions import first_question, question_left
from care.surveys.model import Question, Stage, Survey
from care.surveys.occasion_open import about_open_ticket
from care.surveys.tables import follow_up, survey_answer, survey_session

ANSWERS_WITHIN: Final = timedelta(days=7)
"""After an invitation; later answers are marked late."""
COUNTS_WITHIN: Final = timedelta(days=14)
"""After an invitation; what comes later is no answer any more."""
OPEN: Final = (Stage.INVITED, Stage.ASKING, Stage.REASON)
NEVER_LEFT: Final = (str(Outcome.REFUSED), str(Outcome.ABANDONED))
_TICKET: Final = "ticket:"
TemplateOf = Callable[[str], str]
"""The text of a campaign, by its id; '' where it is not known any more."""


def lay_sessions(
    conn: sa.Connection, address_hash: str, *, template_of: TemplateOf, locale: str, now: datetime
) -> None:
    """Begin a conversation for each invitation that was sent to an address and has none yet.

    A reminder begins none: it asks the same question again. `locale` is the operator's.
    """
    for row in conn.execute(_invitations(address_hash, since=now - COUNTS_WITHIN)).all():
        mine = _follow_up_of(conn, row)
        follow_up_id = None if mine is None else int(mine.id)
        if follow_up_id is not None and _asked_again(conn, follow_up_id, address_hash, row.left_at):
            continue
        names = (row.campaign_id, template_of(row.campaign_id))
        survey = survey_asked(row.occasion, *names, of_ticket=None if mine is None else mine.survey)
        values = {
            "survey": str(survey),
            "campaign_id": row.campaign_id,
            "message_id": row.id,
            "follow_up_id": follow_up_id,
            "customer_id": row.customer_id,
            "channel": row.channel,
            "address_hash": address_hash,
            "locale": row.locale or locale,
            "scale": scale_of(survey).name,
            "stage": str(Stage.INVITED),
            "question": str(first_question(survey)),
            "opened_at": row.left_at,
            "asked_at": row.left_at,
            "expires_at": row.left_at + ANSWERS_WITHIN,
            "late_until": row.left_at + COUNTS_WITHIN,
        }
        conn.execute(insert(conn, survey_session).values(values).on_conflict_do_nothing(index_elements=["message_id"]))


def _invitations(address_hash: str, *, since: datetime) -> sa.Select[Any]:
    begun = sa.exists().where(survey_session.c.message_id == message.c.id).correlate(message)
    left_at = sa.func.max(attempt.c.intent_at, type_=attempt.c.intent_at.type)
    columns = [message.c[name] for name in ("id", "campaign_id", "occasion", "subject", "customer_id")]
    return (
        sa.select(*columns, customer.c.locale, attempt.c.channel, left_at.label("left_at"))
        .join(attempt, attempt.c.message_id == message.c.id)
        .outerjoin(customer, customer.c.id == message.c.customer_id)
        .where(
            attempt.c.address_hash == address_hash,
            attempt.c.intent_at > since,
            attempt.c.outcome.not_in(NEVER_LEFT),
            message.c.purpose == str(Purpose.SURVEY),
            sa.not_(begun),
        )
        .group_by(*columns, customer.c.locale, attempt.c.channel)
        .order_by(left_at, message.c.id)
    )


def _follow_up_of(conn: sa.Connection, row: sa.Row[Any]) -> Any:
    if row.subject is None or not row.occasion.startswith(_TICKET):
        return None
    wanted = sa.select(follow_up.c.id, follow_up.c.survey).where(follow_up.c.external_id == row.subject)
    return conn.execute(wanted).one_or_none()


def _asked_again(conn: sa.Connection, follow_up_id: int, address_hash: str, at: datetime) -> bool:
    """Note that the question was asked again; return False if this was the first time."""
    same = sa.and_(survey_session.c.follow_up_id == follow_up_id, survey_session.c.address_hash == address_hash)
    found = conn.execute(sa.select(survey_session.c.id, survey_session.c.asked_at).where(same)).first()
    if found is None:
        return False
    if at > found.asked_at:
        waiting = sa.and_(survey_session.c.id == found.id, survey_session.c.ended_at.is_(None))
        conn.execute(sa.update(survey_session).where(waiting).values(asked_at=at))
    return True


def sessions_of(conn: sa.Connection, address_hash: str, *, at: datetime) -> Sequence[sa.Row[Any]]:
    """Return the conversations with an address whose answers still count, asked last first, locked; with `ref`.

    One that was begun after `at` comes behind all others: words may come to us later than what was asked since.
    """
    rows = (
        sa.select(survey_session, sa.func.coalesce(ticket.c.external_id, message.c.subject).label("ref"))
        .outerjoin(follow_up, follow_up.c.id == survey_session.c.follow_up_id)
        .outerjoin(ticket, ticket.c.id == follow_up.c.ticket_id)
        .outerjoin(message, sa.and_(message.c.id == survey_session.c.message_id, about_open_ticket()))
        .where(survey_session.c.address_hash == address_hash, survey_session.c.late_until > at)
        .order_by(survey_session.c.opened_at > at, survey_session.c.asked_at.desc(), survey_session.c.id.desc())
    )
    return conn.execute(rows if is_sqlite(conn) else rows.with_for_update(of=survey_session)).all()


def standing_of(conn: sa.Connection, session: sa.Row[Any], *, at: datetime) -> Standing:
    """Return where a conversation stands at an instant; one whose time is over, or refusal taken back, is closed."""
    survey, stage = Survey(session.survey), Stage(session.stage)
    question = Question(session.question) if session.question else None
    scores = _scores_of(conn, session)
    if stage in (*OPEN, Stage.PERSON) and at >= session.expires_at:
        stage = Stage.CLOSED
    elif stage is Stage.OPTED_OUT and not _refuses(conn, session):
        stage, question = Stage.CLOSED, question_left(survey, scores)
    return Standing(
        survey=survey,
        stage=stage,
        question=question,
        scale=session.scale,
        reprompts=session.reprompts,
        scores=scores,
    )


def _scores_of(conn: sa.Connection, session: sa.Row[Any]) -> dict[Question, int]:
    given = sa.select(survey_answer.c.question, survey_answer.c.score).where(
        survey_answer.c.session_id == session.id,
        survey_answer.c.superseded_at.is_(None),
        survey_answer.c.score.is_not(None),
        survey_answer.c.question != str(Question.REASON),
    )
    return {Question(row.question): row.score for row in conn.execute(given)}


def _refuses(conn: sa.Connection, session: sa.Row[Any]) -> bool:
    """Tell whether the refusal stands: a provider lifts it by itself and tells only whoever keeps the bans."""
    bans = active_suppressions(conn, [session.address_hash], channel=session.channel)
    return any(ban.reason is SuppressionReason.OPT_OUT for ban in bans)


def move_session(conn: sa.Connection, session: sa.Row[Any], turn: Turn, *, now: datetime) -> None:
    """Write down where a conversation went."""
    values: dict[str, Any] = {"stage": str(turn.stage), "reprompts": turn.reprompts}
    values["question"] = None if turn.question is None else str(turn.question)
    if turn.say and turn.stage in OPEN:
        values["asked_at"] = now
    if turn.stage not in OPEN and session.ended_at is None:
        values["ended_at"] = now
    elif turn.stage in OPEN:
        values["ended_at"] = None
    conn.execute(sa.update(survey_session).where(survey_session.c.id == session.id).values(values))
