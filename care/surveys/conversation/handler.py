"""Who hears a customer's text message first: the conversation with an open question, and whoever is in danger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from care.base.vocabulary import Channel, Purpose
from care.customers.tables import customer
from care.inbound import store as inbox
from care.inbound.model import HandledAs, Inbound
from care.inbound.replies import is_too_late, plan_reply, reply_by_itself
from care.messages.tables import message
from care.surveys.asked import is_low
from care.surveys.cases import Concern
from care.surveys.closing_loop import open_concern
from care.surveys.conversation.model import Heard, Lot, Standing, Turn
from care.surveys.conversation.naming import take_reference
from care.surveys.conversation.rules import Letter, take_turn
from care.surveys.conversation.sessions import (
    TemplateOf,
    lay_sessions,
    move_session,
    sessions_of,
    standing_of,
)
from care.surveys.conversation.writing import (
    Spoken,
    answers_so_far,
    note_reply,
    promised_call,
    silence,
    write_answers,
)
from care.surveys.loop_rules import LoopRules
from care.surveys.model import CaseReason, Stage
from care.surveys.replies.lexicon import Lexicon
from care.surveys.replies.model import Reading, Reply
from care.surveys.replies.read import read_reply

BY: Final = "survey"
MOST_ANSWERS: Final = 12
"""Automatic answers in one conversation: all questions, each asked twice, and a few wishes; two robots end there."""
_ASK: Final = (Stage.ASKING, Stage.REASON)
_NOTHING: Final = Standing(survey=None, stage=Stage.DONE, question=None)
_LOTS: Final = {
    Lot.DONE: HandledAs.REPLY,
    Lot.INBOX: HandledAs.INBOX,
    Lot.OPT_OUT: HandledAs.OPT_OUT,
    Lot.NO_SURVEYS: HandledAs.NO_SURVEYS,
    Lot.OPT_IN: HandledAs.OPT_IN,
    Lot.HELP: HandledAs.HELP,
}


@dataclass(frozen=True, kw_only=True)
class SurveyConversation:
    """Hears replies to surveys; fills `inbound`'s port. `lexicon` and `template_of` are asked each time."""

    lexicon: Callable[[], Lexicon]
    template_of: TemplateOf
    loop: LoopRules
    zone: str  # the operator's
    locale: str

    def take(self, conn: sa.Connection, inbound: Inbound, *, now: datetime) -> HandledAs | None:
        """Answer, write down and open a case, all in this transaction; None: the message is no business of ours."""
        if inbound.channel is not Channel.SMS:
            return None
        at = inbound.received_at
        lay_sessions(conn, inbound.address_hash, template_of=self.template_of, locale=self.locale, now=at)
        sessions = sessions_of(conn, inbound.address_hash, at=at)
        session, text = _choose(sessions, inbound.text)
        standing = _NOTHING if session is None else standing_of(conn, session, at=at)
        lang = _locale_of(conn, inbound) if session is None else str(session.locale)
        letter = Letter(text=text, lang=lang, context=self._context(conn, inbound, session, standing))
        turn, reading = take_turn(standing, letter, self._read)
        is_new = turn.stage in _ASK and (turn.stage, turn.question) != (standing.stage, standing.question)
        if is_new and is_too_late(inbound, now):
            turn = replace(turn, stage=Stage.DONE, question=None, say="")  # what nobody is asked awaits no answer
        if turn.lot is Lot.NOT_OURS:
            return None
        spoken = self._carry_out(conn, inbound, session, turn, now=now)
        note_reply(conn, inbound, session, standing, letter=letter, reading=reading, spoken=spoken, now=now)
        return _LOTS[turn.lot]

    def _read(self, reply: Reply) -> Reading:
        return read_reply(reply, self.lexicon())

    def _context(
        self, conn: sa.Connection, inbound: Inbound, session: sa.Row[Any] | None, standing: Standing
    ) -> dict[str, Any]:
        """Return what the parser has to know: which survey waits, and what else was sent after its question."""
        if session is None:
            return {}
        here = {"id": str(session.id)}
        last = self._last_out(conn, inbound)
        if standing.stage is Stage.CLOSED:
            return {"open": [], "closed": [here], "last_out": last}
        return {"open": [here], "last_out": last}

    def _last_out(self, conn: sa.Connection, inbound: Inbound) -> str:
        """Return the kind of the message that was sent last, '' for the survey's own and our answers."""
        if inbound.about_message_id is None:
            return ""
        columns = sa.select(message.c.purpose, message.c.campaign_id)
        last = conn.execute(columns.where(message.c.id == inbound.about_message_id)).one()
        if last.purpose in (Purpose.SURVEY, Purpose.REPLY):
            return ""
        is_renewal = self.template_of(last.campaign_id).startswith("renewal")
        return "renewal" if is_renewal else str(last.purpose)

    def _carry_out(
        self, conn: sa.Connection, inbound: Inbound, session: sa.Row[Any] | None, turn: Turn, *, now: datetime
    ) -> Spoken:
        if session is not None:
            write_answers(conn, inbound, session, turn, now=now)
            move_session(conn, session, turn, now=now)
        spoken = Spoken(template=turn.say, ref=session.ref if session is not None else None)
        for reason in _cases(turn, session):
            spoken = self._open(conn, inbound, session, reason, spoken, now=now)
        if turn.case is None and session is not None and turn.say:
            spoken = promised_call(conn, session.id, spoken)
        if turn.heard is Heard.WRONG_NUMBER:
            silence(conn, inbound, now=now)
        if turn.say and not self._say(conn, inbound, session, turn.say, now=now):
            spoken = replace(spoken, template="")
        return spoken

    def _open(
        self,
        conn: sa.Connection,
        inbound: Inbound,
        session: sa.Row[Any] | None,
        reason: CaseReason,
        spoken: Spoken,
        *,
        now: datetime,
    ) -> Spoken:
        """Open the case, or find the one that is open, and return what our answer tells of it."""
        concern = Concern(
            reason=reason,
            customer_id=inbound.customer_id if session is None else session.customer_id,
            due_at=self.loop.due(reason, now),
            follow_up_id=None if session is None else session.follow_up_id,
            session_id=None if session is None else session.id,
            inbound_id=inbound.id,
        )
        opened = open_concern(conn, concern, rules=self.loop, now=now)
        is_own = reason is CaseReason.DATA_REQUEST or not spoken.ref
        return replace(spoken, ref=f"C{opened.case_id}" if is_own else spoken.ref, call_by=opened.due_at)

    def _say(
        self, conn: sa.Connection, inbound: Inbound, session: sa.Row[Any] | None, template: str, *, now: datetime
    ) -> bool:
        """Plan our one answer to a message; where nothing was asked, one an hour at most."""
        if session is None:
            return reply_by_itself(
                conn, inbound, provider_ref=inbound.provider_ref, template=template, zone=self.zone, now=now
            )
        if is_too_late(inbound, now) or answers_so_far(conn, session.id) >= MOST_ANSWERS:
            return False
        planned = plan_reply(
            conn,
            inbound_id=inbound.id,
            provider_ref=inbound.provider_ref,
            customer_id=session.customer_id,
            template=template,
            zone=self.zone,
            now=now,
        )
        return planned is not None and inbox.note_answer(conn, inbound.id, by=BY, at=now, text=None)


def _cases(turn: Turn, session: sa.Row[Any] | None) -> list[CaseReason]:
    """Return why a person has to act on a reply: beside a wish to be called a low score counts too."""
    if turn.case is None:
        return []
    low = session is not None and any(is_low(said.question, said.score, session.scale) for said in turn.answers)
    return [CaseReason.LOW_SCORE, turn.case] if low and turn.case is CaseReason.CALL_BACK else [turn.case]


def _locale_of(conn: sa.Connection, inbound: Inbound) -> str:
    """Return the language of somebody who was asked nothing, '' where it is not known."""
    who = sa.select(customer.c.locale).where(customer.c.id == inbound.customer_id)
    return str(conn.execute(who).scalar() or "")


def _choose(sessions: Sequence[sa.Row[Any]], text: str) -> tuple[sa.Row[Any] | None, str]:
    """Return the conversation that a text belongs to: the one whose ticket it names, else the one asked last."""
    if not sessions:
        return None, text
    named, rest = take_reference(text, [session.ref for session in sessions if session.ref])
    if named:
        return next(session for session in sessions if session.ref == named), rest
    return sessions[0], text
