"""Who is not reminded: whoever answered, wrote anything back, refused, or is in a person's hands."""

import sqlalchemy as sa

from care.inbound.model import HandledAs
from care.inbound.tables import inbound_message
from care.messages.tables import attempt
from care.surveys.replies.model import Kind
from care.surveys.tables import follow_up, survey_answer, survey_case, survey_reply, survey_session


def has_been_heard() -> sa.ColumnElement[bool]:
    """Return: of a row of `follow_up`, nobody waits for the customer's word any more."""
    answered = sa.exists().where(survey_answer.c.follow_up_id == follow_up.c.id)
    in_hand = sa.exists().where(survey_case.c.follow_up_id == follow_up.c.id)
    return sa.or_(*(one.correlate(follow_up) for one in (answered, in_hand, _wrote_back(), _refused())))


def _wrote_back() -> sa.Exists:
    """Return: a message was taken in the conversation, understood or not; what machines write is none."""
    return sa.exists().where(
        survey_session.c.follow_up_id == follow_up.c.id,
        survey_reply.c.session_id == survey_session.c.id,
        survey_reply.c.kind != str(Kind.IGNORE),
    )


def _refused() -> sa.Exists:
    """Return: the number refused after the invitation, also where that was taken back since."""
    return sa.exists().where(
        attempt.c.message_id == follow_up.c.invite_message_id,
        inbound_message.c.address_hash == attempt.c.address_hash,
        inbound_message.c.received_at >= attempt.c.intent_at,
        inbound_message.c.handled_as.in_([str(HandledAs.OPT_OUT), str(HandledAs.NO_SURVEYS)]),
    )
