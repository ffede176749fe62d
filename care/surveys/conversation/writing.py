"""What the conversation writes down: answers, bans, what a reply was read as and what was said to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.suppressions import suppress_hash
from care.inbound.model import Inbound
from care.surveys.conversation.model import Standing, Turn
from care.surveys.conversation.rules import Letter
from care.surveys.model import AnswerChannel, Survey
from care.surveys.recording import About, Given, record_answers
from care.surveys.replies.model import Reading
from care.surveys.tables import survey_reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What our answer says and promises."""

    template: str
    ref: str | None
    call_by: datetime | None = None


def write_answers(conn: sa.Connection, inbound: Inbound, session: sa.Row[Any], turn: Turn, *, now: datetime) -> None:
    """Write down what a reply answers; later than it was asked for, it is marked."""
    about = About(
        survey=Survey(session.survey),
        customer_id=session.customer_id,
        follow_up_id=session.follow_up_id,
        session_id=session.id,
        channel=AnswerChannel.SMS,
        source=f"inbound:{inbound.id}",
        is_late=inbound.received_at >= session.expires_at,
    )
    given = [
        Given(
            question=said.question,
            score=said.score,
            raw=said.raw,
            scale=session.scale,
            comment=said.comment,
            derived=said.derived,
        )
        for said in turn.answers
    ]
    record_answers(conn, given, about, now=now)


def silence(conn: sa.Connection, inbound: Inbound, *, now: datetime) -> None:
    """Stop writing to somebody who is not our customer; what is owed under the contract waits for the case."""
    suppress_hash(
        conn,
        address_hash=inbound.address_hash,
        channel=inbound.channel,
        scope=SuppressionScope.MARKETING_AND_SURVEY,
        reason=SuppressionReason.WRONG_NUMBER,
        source="sms",
        now=now,
    )


def promised_call(conn: sa.Connection, session_id: int, spoken: Spoken) -> Spoken:
    """Return what is said with the call that was promised in this conversation, and its number where none is known."""
    mine = sa.and_(survey_reply.c.session_id == session_id, survey_reply.c.call_by.is_not(None))
    promised = sa.select(survey_reply.c.call_by, survey_reply.c.ref).where(mine)
    found = conn.execute(promised.order_by(survey_reply.c.inbound_id.desc()).limit(1)).one_or_none()
    return spoken if found is None else replace(spoken, call_by=found.call_by, ref=spoken.ref or found.ref)


def answers_so_far(conn: sa.Connection, session_id: int) -> int:
    """Return how often we have spoken by ourselves in this conversation."""
    mine = sa.and_(survey_reply.c.session_id == session_id, survey_reply.c.said.is_not(None))
    return int(conn.execute(sa.select(sa.func.count()).where(mine)).scalar_one())


def note_reply(
    conn: sa.Connection,
    inbound: Inbound,
    session: sa.Row[Any] | None,
    standing: Standing,
    *,
    letter: Letter,
    reading: Reading,
    spoken: Spoken,
    now: datetime,
) -> None:
    """Keep what the message was read as and what was answered."""
    row = {
        "inbound_id": inbound.id,
        "session_id": None if session is None else session.id,
        "question": None if standing.question is None else str(standing.question),
        "scale": standing.scale,
        "stage": str(standing.stage) if standing.survey else "none",
        "locale": letter.lang,
        "kind": str(reading.kind),
        "score": reading.score if isinstance(reading.score, int) else None,
        "flags": " ".join(reading.flags)[:120],
        "said": spoken.template or None,
        "ref": spoken.ref,
        "call_by": spoken.call_by,
        "read_at": now,
    }
    conn.execute(sa.insert(survey_reply).values(row))
