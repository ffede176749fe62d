"""The survey page's use cases: what a link shows, what an answer does, the reason after a low one, and a refusal."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.delivery.links import SurveyClaim, UnsubscribeClaim
from care.inbound.preferences import Choice, choose
from care.surveys import page_store as store
from care.surveys.asked import ASKS_IN_WORDS, scale_of
from care.surveys.asking_page import Filled
from care.surveys.closing_loop import Reaction, concerns_of, react_to_answers
from care.surveys.loop_rules import LoopRules
from care.surveys.model import MAIN, AnswerChannel, CaseReason, Stage
from care.surveys.page_store import Invitation
from care.surveys.recording import About, Given, record_answers
from care.surveys.replies.model import Flag, Reply
from care.surveys.replies.model import Stage as ReplyStage
from care.surveys.replies.read import read_reply
from care.surveys.tables import survey_session
from care.surveys.telling import tell_reopened

_HEARD = frozenset({Flag.SAFETY, Flag.NOT_RESOLVED, Flag.CANCEL_SERVICE, Flag.CALL_BACK, Flag.DATA_REQUEST})
"""What words on the page may call for; whoever opened a link of their own is no wrong number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the thank-you page says."""

    reaction: Reaction
    asks_why: bool  # a low score: the reason may follow, once, where the page did not ask for it at once


def open_invitation(conn: sa.Connection, claim: SurveyClaim | None, *, now: datetime) -> Invitation | None:
    """Return the invitation that may be answered; None if there is none, it was answered, or its time is over."""
    invitation = _invitation(conn, claim, now)
    return None if invitation is None or store.is_answered(conn, invitation) else invitation


def invitation_asked_why(conn: sa.Connection, claim: SurveyClaim | None, *, now: datetime) -> Invitation | None:
    """Return the invitation whose page brought a low score and asked why, None if that is answered too."""
    invitation = _invitation(conn, claim, now)
    if invitation is None or store.has_reason(conn, invitation):
        return None
    score = store.given_score(conn, invitation)
    return invitation if score is not None and _is_low(invitation, score) else None


def _invitation(conn: sa.Connection, claim: SurveyClaim | None, now: datetime) -> Invitation | None:
    invitation = store.find_invitation(conn, claim.message_id) if claim is not None else None
    return None if invitation is None or now >= invitation.late_until else invitation


def answer(
    conn: sa.Connection,
    claim: SurveyClaim | None,
    fill: Callable[[Invitation], Filled],
    *,
    rules: LoopRules,
    locale: Callable[[Invitation], str],
    now: datetime,
) -> tuple[Invitation, Filled, Answered | None] | None:
    """Write the answers of a form down, once; nothing for a link that leads nowhere or was used.

    `fill` reads the form for what is asked, `locale` says in which language it was. Without an answer to the question
    that counts nothing is written, and the last of the three is None.
    """
    invitation = open_invitation(conn, claim, now=now)
    if invitation is None:
        return None
    filled = fill(invitation)
    if not filled.is_complete:
        return invitation, filled, None
    store.lock_matter(conn, invitation)
    if store.is_answered(conn, invitation):
        return None  # somebody was quicker while we waited
    spoken = locale(invitation)
    session_id = store.end_session(conn, invitation, locale=spoken, now=now)
    about = _about(replace(invitation, session_id=session_id), now)
    record_answers(conn, filled.given, about, now=now)
    flags = _flags(filled.given, spoken, invitation)
    reaction = _react(conn, filled.given, about, flags=flags, rules=rules, now=now)
    asks_why = invitation.survey not in ASKS_IN_WORDS and bool(concerns_of(filled.given))
    return invitation, filled, Answered(reaction=reaction, asks_why=asks_why)


def answer_why(
    conn: sa.Connection,
    claim: SurveyClaim | None,
    given: Given | None,
    *,
    rules: LoopRules,
    locale: Callable[[Invitation], str],
    now: datetime,
) -> tuple[Invitation, Answered] | None:
    """Write down why the score was low, once; nothing for a link that is not asked for it."""
    invitation = invitation_asked_why(conn, claim, now=now)
    if invitation is None:
        return None
    if given is None:
        return invitation, Answered(reaction=Reaction(), asks_why=False)
    store.lock_matter(conn, invitation)
    about = _about(invitation, now)
    if not record_answers(conn, [given], about, now=now):
        return None
    reaction = _react(conn, [given], about, flags=_flags([given], locale(invitation), invitation), rules=rules, now=now)
    return invitation, Answered(reaction=reaction, asks_why=False)


def never_ask_again(conn: sa.Connection, claim: SurveyClaim | None, *, wording: str, now: datetime) -> bool:
    """Silence surveys to the address of a link, as its owner wishes; also when it was used or is long too old."""
    invitation = store.find_invitation(conn, claim.message_id) if claim is not None else None
    if invitation is None:
        return False
    address = UnsubscribeClaim(
        customer_id=invitation.customer_id,
        channel=invitation.channel,
        address_hash=invitation.address_hash,
        purpose=str(Purpose.SURVEY),
    )
    choose(conn, address, Choice.SURVEY, wording=wording, now=now)
    waiting = sa.update(survey_session).where(
        survey_session.c.message_id == invitation.message_id, survey_session.c.ended_at.is_(None)
    )
    conn.execute(waiting.values(stage=str(Stage.OPTED_OUT), question=None, ended_at=now))
    return True


def _about(invitation: Invitation, now: datetime) -> About:
    return About(
        survey=invitation.survey,
        customer_id=invitation.customer_id,
        follow_up_id=invitation.follow_up_id,
        session_id=invitation.session_id,
        channel=AnswerChannel.WEB,
        source=store.source_of(invitation),
        is_late=now > invitation.expires_at,
    )


def _is_low(invitation: Invitation, score: int) -> bool:
    scale = scale_of(invitation.survey).name
    return bool(concerns_of([Given(question=MAIN[invitation.survey], score=score, scale=scale)]))


def _flags(given: Sequence[Given], locale: str, invitation: Invitation) -> list[Flag]:
    """Return what the words of answers call for; they are read as the words of a text message are.

    "Not solved" about no finished job is a wish to be called.
    """
    asks_in_words = invitation.survey in ASKS_IN_WORDS
    found: list[Flag] = []
    for words in (one.comment for one in given if one.comment):
        reading = read_reply(Reply(text=words, stage=ReplyStage.REASON, lang=locale))
        heard = [flag for flag in reading.flags if flag in _HEARD]
        found += [Flag.CALL_BACK if asks_in_words and flag is Flag.NOT_RESOLVED else flag for flag in heard]
    return found


def _react(
    conn: sa.Connection,
    given: Sequence[Given],
    about: About,
    *,
    flags: Collection[Flag],
    rules: LoopRules,
    now: datetime,
) -> Reaction:
    reaction = react_to_answers(conn, given, about, rules=rules, now=now, flags=flags)
    case_id = reaction.cases.get(CaseReason.NOT_SOLVED)
    if reaction.reopened and case_id is not None:
        tell_reopened(conn, case_id, customer_id=about.customer_id, zone=rules.zone, now=now)
    return reaction
