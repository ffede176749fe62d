"""A person says what a reply meant: it is written down as if it had been understood, and teaches the word lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from care.base.database import insert, write
from care.base.errors import AnswerIsNoError, InputError
from care.customers.model import SuppressionReason
from care.customers.suppressions import suppress_hash
from care.inbound import store as inbox
from care.inbound.model import HandledAs
from care.inbound.tables import inbound_message
from care.policy.model import Policies
from care.surveys.asked import scale_of
from care.surveys.cases import Concern
from care.surveys.closing_loop import open_concern
from care.surveys.conversation.questions import first_question
from care.surveys.conversation.sessions import OPEN, sessions_of
from care.surveys.loop_rules import LoopRules
from care.surveys.model import AnswerChannel, CaseReason, Question, Stage, Survey
from care.surveys.recording import About, Given, record_answers
from care.surveys.replies.learning import Lesson
from care.surveys.replies.model import Reply
from care.surveys.replies.model import Stage as Asked
from care.surveys.replies.scales import scale_named
from care.surveys.tables import survey_reply, survey_session

MEANINGS: Final = ("score", "opt_out", "help", "acknowledgement", "unclear")


class MeaningError(AnswerIsNoError):
    """This reply cannot be given that meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What a person says: one of `MEANINGS`, a score as the customer would have typed it."""

    what: str
    score: int | None = None
    by: str


def set_meaning(
    engine: sa.Engine, inbound_id: int, meant: Meant, *, policies: Policies, rules: LoopRules, now: datetime
) -> None:
    """Write down what a reply meant: its score or its refusal; nothing is said to the customer.

    Raises:
        InputError: the score is not on the scale of the question.
        MeaningError: no such message, or it belongs to no survey.
    """
    with write(engine) as conn:
        inbound = inbox.find_inbound(conn, inbound_id)
        if inbound is None:
            raise MeaningError(f"surveys: no message {inbound_id}. See: care inbox list --all")
        session = _session_of(conn, inbound)
        if meant.what == "score":
            _score(conn, inbound, session, meant, rules=rules, now=now)
        elif meant.what == "opt_out":
            _refuse(conn, inbound, policies, now)
        _keep(conn, inbound, session, meant, now)
        if inbound.handled_as == str(HandledAs.INBOX):
            inbox.set_handled(conn, inbound_id, HandledAs.OPT_OUT if meant.what == "opt_out" else HandledAs.REPLY)


def lessons(conn: sa.Connection) -> Sequence[Lesson]:
    """Return what people said replies meant, oldest first."""
    rows = _stored().where(survey_reply.c.meant.is_not(None)).order_by(survey_reply.c.meant_at)
    return [
        Lesson(id=row.inbound_id, reply=_reply(row), meant=row.meant, score=row.meant_score)
        for row in conn.execute(rows)
    ]


def stored_replies(conn: sa.Connection) -> Sequence[tuple[int, Reply]]:
    """Return every reply that was read, as it was read."""
    return [(row.inbound_id, _reply(row)) for row in conn.execute(_stored().order_by(survey_reply.c.inbound_id))]


def _stored() -> sa.Select[Any]:
    return sa.select(survey_reply, inbound_message.c.text).join(
        inbound_message, inbound_message.c.id == survey_reply.c.inbound_id
    )


def _reply(row: sa.Row[Any]) -> Reply:
    """Return what the parser was given; where a reason was open, its words were read apart."""
    stages = {"none": Asked.NONE, str(Stage.REASON): Asked.REASON, str(Stage.OPTED_OUT): Asked.OPTED_OUT}
    return Reply(text=row.text, scale=row.scale, stage=stages.get(row.stage, Asked.SCORE), lang=row.locale)


def _session_of(conn: sa.Connection, inbound: sa.Row[Any]) -> sa.Row[Any] | None:
    mine = sa.select(survey_reply.c.session_id).where(survey_reply.c.inbound_id == inbound.id)
    session_id = conn.execute(mine).scalar()
    if session_id is not None:
        return conn.execute(sa.select(survey_session).where(survey_session.c.id == session_id)).one_or_none()
    return next(iter(sessions_of(conn, inbound.address_hash, at=inbound.received_at)), None)


def _score(
    conn: sa.Connection,
    inbound: sa.Row[Any],
    session: sa.Row[Any] | None,
    meant: Meant,
    *,
    rules: LoopRules,
    now: datetime,
) -> None:
    if session is None:
        raise MeaningError(f"surveys: message {inbound.id} answers no survey of the two weeks before it")
    scale = scale_named(session.scale)
    if meant.score is None or not scale.holds(meant.score):
        raise InputError(f"--score: {meant.score} is not on the scale. Write {scale.low} to {scale.high}")
    asked = sa.select(survey_reply.c.question).where(survey_reply.c.inbound_id == inbound.id)
    open_one = conn.execute(asked).scalar() or session.question
    given = Given(
        question=Question(open_one) if open_one else first_question(Survey(session.survey)),
        score=scale.low + scale.high - meant.score if scale.best_is_low else meant.score,
        scale=session.scale,
        comment=inbound.text,
        derived=True,
    )
    about = About(
        survey=Survey(session.survey),
        customer_id=session.customer_id,
        follow_up_id=session.follow_up_id,
        session_id=session.id,
        channel=AnswerChannel.SMS,
        source=f"inbound:{inbound.id}:meant:{now.timestamp():.0f}",
        by=meant.by,
        is_late=inbound.received_at >= session.expires_at,
    )
    record_answers(conn, [given], about, now=now)
    if meant.score in scale.alarming:
        concern = Concern(
            reason=CaseReason.LOW_SCORE,
            customer_id=session.customer_id,
            due_at=rules.due(CaseReason.LOW_SCORE, now),
            follow_up_id=session.follow_up_id,
            session_id=session.id,
            inbound_id=inbound.id,
        )
        open_concern(conn, concern, rules=rules, now=now)
    if session.stage in (*OPEN, Stage.PERSON):
        done = {"stage": str(Stage.DONE), "question": None, "ended_at": now}
        conn.execute(sa.update(survey_session).where(survey_session.c.id == session.id).values(done))


def _refuse(conn: sa.Connection, inbound: sa.Row[Any], policies: Policies, now: datetime) -> None:
    owners = inbox.owners(conn, channel=inbound.channel, address_hash=inbound.address_hash)
    country = next((row.country for row in owners), "")
    suppress_hash(
        conn,
        address_hash=inbound.address_hash,
        channel=inbound.channel,
        scope=policies.country(country).opt_out.scope.value,
        reason=SuppressionReason.OPT_OUT,
        source="sms",
        now=now,
    )


def _keep(conn: sa.Connection, inbound: sa.Row[Any], session: sa.Row[Any] | None, meant: Meant, now: datetime) -> None:
    said = {"meant": meant.what, "meant_score": meant.score, "meant_by": meant.by, "meant_at": now}
    row = {
        "inbound_id": inbound.id,
        "session_id": None if session is None else session.id,
        "question": None if session is None else session.question,
        "scale": scale_of(Survey.TICKET).name if session is None else session.scale,
        "stage": "none" if session is None else session.stage,
        "locale": "" if session is None else session.locale,
        "kind": "unclear",
        "read_at": now,
        **said,
    }
    statement = insert(conn, survey_reply).values(row)
    conn.execute(statement.on_conflict_do_update(index_elements=["inbound_id"], set_=said))
