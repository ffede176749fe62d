"""Write answers down, whatever way they came: by text message, on the page, by phone or on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.database import insert
from care.surveys.follow_ups import move_to_answered
from care.surveys.model import MAIN, AnswerChannel, Question, Survey
from care.surveys.tables import survey_answer

REASON_SOURCE = "miss:"
"""Begins the source of a comment that tells why there is no answer; no customer wrote it."""

_BY_MESSAGE = (AnswerChannel.SMS, AnswerChannel.EMAIL, AnswerChannel.WEB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One answer. `score` has the best highest; `raw` is what was typed."""

    question: Question
    score: int | None = None
    raw: int | None = None
    scale: str | None = None
    comment: str | None = None
    derived: bool = False  # said in words, not typed


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the answers are about, and how they came."""

    survey: Survey
    customer_id: int
    follow_up_id: int | None
    session_id: int | None
    channel: AnswerChannel
    source: str  # inbound:17, web:…, import:FILE:LINE; the same source is written down once
    by: str | None = None  # who typed it in
    is_late: bool = False
    said_at: datetime | None = None  # where that was before it was written down


def record_answers(conn: sa.Connection, given: Sequence[Given], about: About, *, now: datetime) -> int:
    """Write answers down and return how many were news; earlier ones to the same questions are superseded.

    The follow-up becomes `answered` with the question that counts. A source that was written down before changes
    nothing.
    """
    written = [question for question in given if _write(conn, question, about, now)]
    if about.follow_up_id is not None and any(one.question is MAIN[about.survey] for one in written):
        by_message = about.channel in _BY_MESSAGE
        move_to_answered(conn, about.follow_up_id, now=now, by_message=by_message, said_at=about.said_at)
    return len(written)


def keep_words(conn: sa.Connection, words: str, about: About, *, now: datetime) -> None:
    """Keep what a person wrote about a call without answers, such as why; it supersedes no answer."""
    _insert(conn, Given(question=Question.COMMENT, comment=words), about, now)


def _insert(conn: sa.Connection, given: Given, about: About, now: datetime) -> int | None:
    """Write one row down and return its id, None where its source was written down before."""
    row = {
        "session_id": about.session_id,
        "follow_up_id": about.follow_up_id,
        "customer_id": about.customer_id,
        "survey": str(about.survey),
        "question": str(given.question),
        "scale": given.scale,
        "score": given.score,
        "raw": given.raw,
        "comment": given.comment,
        "derived": given.derived,
        "is_late": about.is_late,
        "channel": str(about.channel),
        "source": about.source,
        "by": about.by,
        "at": about.said_at or now,
    }
    statement = insert(conn, survey_answer).values(row).on_conflict_do_nothing().returning(survey_answer.c.id)
    made: int | None = conn.execute(statement).scalar()
    return made


def _write(conn: sa.Connection, given: Given, about: About, now: datetime) -> bool:
    made = _insert(conn, given, about, now)
    if made is None:
        return False
    conn.execute(
        sa.update(survey_answer)
        .where(
            survey_answer.c.id != made,
            survey_answer.c.question == str(given.question),
            survey_answer.c.superseded_at.is_(None),
            _same_matter(about),
        )
        .values(superseded_at=now)
    )
    return True


def _same_matter(about: About) -> sa.ColumnElement[bool]:
    if about.follow_up_id is not None:
        return survey_answer.c.follow_up_id == about.follow_up_id
    return survey_answer.c.session_id == (about.session_id if about.session_id is not None else -1)
