"""What a follow-up, a conversation, an answer and a case are."""

from collections.abc import Mapping
from enum import StrEnum


class Survey(StrEnum):
    """What is asked about."""

    TICKET = "ticket"  #: one resolved ticket, in four dimensions
    NPS = "nps"  #: would you recommend us, to a random sample
    CES = "ces"  #: how easy was it
    IN_PROCESS = "in_process"  #: how a complaint is being dealt with, while it is open


class Question(StrEnum):
    """One question; the order here is the order in which they are asked."""

    OVERALL = "overall"
    RESULT = "result"
    TIMELINESS = "timeliness"
    ATTITUDE = "attitude"
    SOLVED = "solved"  #: yes or no
    RECOMMEND = "recommend"  #: 0 to 10
    EFFORT = "effort"  #: 1 to 7
    REASON = "reason"  #: why it was bad: a digit of the menu, or words
    COMMENT = "comment"  #: words only


DIMENSIONS: tuple[Question, ...] = (Question.OVERALL, Question.RESULT, Question.TIMELINESS, Question.ATTITUDE)
"""The four contents of a follow-up; overall first, so that one digit is a valid answer."""


MAIN: Mapping[Survey, Question] = {
    Survey.TICKET: Question.OVERALL,
    Survey.IN_PROCESS: Question.OVERALL,
    Survey.NPS: Question.RECOMMEND,
    Survey.CES: Question.EFFORT,
}
"""The question without which a survey has no valid answer."""


class FollowUpState(StrEnum):
    """Where the follow-up of one resolution stands; each is in exactly one state."""

    DUE = "due"  #: will be asked
    INVITED = "invited"  #: a provider took the invitation
    DELIVERED = "delivered"  #: the invitation reached the phone or mailbox
    REMINDED = "reminded"  #: asked a second and last time
    ANSWERED = "answered"  #: the overall question has an answer
    PHONE_TASK = "phone_task"  #: no message reaches: a person calls
    MERGED = "merged"  #: the question about a later ticket stands for it
    EXEMPT = "exempt"  #: need not be asked, the reason is named
    CLOSED_UNANSWERED = "closed_unanswered"  #: asked, and nobody answered within the time


F = FollowUpState

NEXT_STATE: Mapping[FollowUpState, frozenset[FollowUpState]] = {
    F.DUE: frozenset({F.INVITED, F.DELIVERED, F.PHONE_TASK, F.MERGED, F.EXEMPT, F.ANSWERED}),
    F.INVITED: frozenset({F.DELIVERED, F.REMINDED, F.ANSWERED, F.PHONE_TASK, F.CLOSED_UNANSWERED}),
    F.DELIVERED: frozenset({F.REMINDED, F.ANSWERED, F.PHONE_TASK, F.CLOSED_UNANSWERED}),
    F.REMINDED: frozenset({F.ANSWERED, F.PHONE_TASK, F.CLOSED_UNANSWERED}),
    F.PHONE_TASK: frozenset({F.ANSWERED, F.CLOSED_UNANSWERED, F.EXEMPT}),
    F.CLOSED_UNANSWERED: frozenset({F.ANSWERED}),  # a late answer is still an answer
    F.ANSWERED: frozenset(),
    F.MERGED: frozenset({F.DUE, F.ANSWERED}),  # what stood for it was never sent after all
    F.EXEMPT: frozenset({F.ANSWERED}),  # answered by itself, though nobody asked
}
"""The only list of legal moves."""


class AnswerChannel(StrEnum):
    """How an answer came."""

    SMS = "sms"
    EMAIL = "email"
    WEB = "web"
    PHONE = "phone"
    PAPER = "paper"


class CaseReason(StrEnum):
    """Why a person has to act."""

    DANGER = "danger"  #: somebody may be in danger: at once, at any hour
    NOT_SOLVED = "not_solved"
    LOW_SCORE = "low_score"
    CANCELLATION = "cancellation"  #: wants to end the contract
    CALL_BACK = "call_back"  #: asked to be called
    DATA_REQUEST = "data_request"  #: asked about personal data
    WRONG_NUMBER = "wrong_number"


class Stage(StrEnum):
    """Where a conversation by text message stands."""

    INVITED = "invited"  #: the overall question is open
    ASKING = "asking"  #: a further question is open, `question` says which
    REASON = "reason"  #: asked why it was bad
    DONE = "done"  #: nothing more is asked
    PERSON = "person"  #: not understood twice: waits in the inbox
    OPTED_OUT = "opted_out"
    CLOSED = "closed"  #: the time for answers is over
