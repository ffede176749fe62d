"""What is heard in a reply, what a conversation knows of itself, and what one reply leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from care.surveys.model import CaseReason, Question, Stage, Survey

NEXT_QUESTION = "(next question)"
"""Stands for the template of the question that follows."""


class Heard(StrEnum):
    """What a reply means for the conversation."""

    GOOD = "good score"
    LAST = "good score, nothing left to ask"
    LOW = "low score"
    MENDED = "corrected to a good score"
    LOWERED = "corrected to a low score"
    REASON = "a reason, or none"
    NOT_SOLVED = "not solved"
    UNCLEAR = "not understood"
    UNCLEAR_AGAIN = "not understood again"
    ACKNOWLEDGED = "acknowledgement"
    MACHINE = "written by a machine"
    OPT_OUT = "opt-out"
    NO_SURVEYS = "opt-out of surveys"
    OPT_IN = "opt-in"
    HELP = "help"
    WRONG_NUMBER = "wrong number"
    DATA_REQUEST = "personal data"
    DANGER = "danger"
    CANCELLATION = "ends the contract"
    CALL_BACK = "asks for a call"
    ELSEWHERE = "about something else"


class Lot(StrEnum):
    """Who carries on with the reply."""

    DONE = "reply"  #: it has been dealt with
    INBOX = "inbox"  #: a person
    OPT_OUT = "opt_out"  #: whoever keeps the bans
    NO_SURVEYS = "no_surveys"
    OPT_IN = "opt_in"
    HELP = "help"
    NOT_OURS = ""  #: whoever hears it next


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One arrow of the diagram: where the conversation goes, what is said, which case is opened."""

    to: Stage | None = None  # None: it stays where it is
    say: str = ""  # name of a template
    case: CaseReason | None = None
    lot: Lot = Lot.DONE
    is_reprompt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a conversation stands. Without a survey nothing was asked."""

    survey: Survey | None
    stage: Stage
    question: Question | None  # the one that is open, or was when the time was over
    scale: str = "csat5"
    reprompts: int = 0  # of the open question
    scores: Mapping[Question, int] = field(default_factory=dict)  # given so far, the best highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer to write down. `score` has the best highest, `raw` is what was typed."""

    question: Question
    score: int | None = None
    raw: int | None = None
    comment: str | None = None
    derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one reply leads to: at most one thing is said."""

    heard: Heard
    stage: Stage
    question: Question | None
    reprompts: int
    lot: Lot
    say: str = ""
    case: CaseReason | None = None
    answers: tuple[Said, ...] = ()
