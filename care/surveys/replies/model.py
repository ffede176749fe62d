"""What is asked, what is known about the question, and what a reply was read as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a reply is."""

    SCORE = "score"  #: answers the question
    COMMENT = "comment"  #: says why, where that was asked
    OPT_OUT = "opt_out"  #: wants no more messages
    OPT_IN = "opt_in"  #: wants them again
    HELP = "help"  #: asks who we are or how to answer
    IGNORE = "ignore"  #: no person wrote it
    UNCLEAR = "unclear"  #: nothing that can be told for sure: ask once more, then a person


class Stage(StrEnum):
    """What the customer was asked last."""

    SCORE = "score"  #: a question with a scale
    REASON = "reason"  #: why, in words
    REASON_MENU = "reason_menu"  #: why, by the digits of a menu
    OPTED_OUT = "opted_out"  #: nothing: they have refused our messages
    NONE = "none"  #: nothing


class Flag(StrEnum):
    """What else a reply says; reports and people's queues go by it."""

    ACKNOWLEDGEMENT = "acknowledgement"  #: "ok", "thanks": no rating
    AMBIGUOUS = "ambiguous"  #: a digit that two of our messages asked for
    AUTO_REPLY = "auto_reply"
    CALL_BACK = "call_back"
    CANCEL_SERVICE = "cancel_service"
    CHURN_RISK = "churn_risk"
    COMMENT = "comment"  #: words without a judgement
    COMPLAINT = "complaint"
    CONDITIONAL = "conditional"  #: a score that hangs on an "if"
    CONTRADICTION = "contradiction"  #: the digit and the words disagree
    CORRECTION = "correction"
    DATA_REQUEST = "data_request"
    DECLINED = "declined"
    INCOMPLETE = "incomplete"  #: fewer digits than questions
    INTERESTED = "interested"
    LATE = "late"  #: the survey is closed already
    MULTIPLE_SCORES = "multiple_scores"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    NO_OPEN_SURVEY = "no_open_survey"
    NOT_RESOLVED = "not_resolved"
    OUT_OF_RANGE = "out_of_range"
    POSITIVE = "positive"
    QUESTION = "question"
    SAFETY = "safety"  #: somebody may be in danger: a person at once, at any hour
    TAPBACK = "tapback"
    WRONG_NUMBER = "wrong_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A text and the question it came after.

    `lang` is the customer's locale; it decides whether one letter can be a refusal. `context` may name the surveys
    that are `open` or `closed` (a list of `{"id": …, "ref": …}`) and the kind of the message sent last, `last_out`.
    """

    text: str
    scale: str = "csat5"
    stage: Stage = Stage.SCORE
    lang: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


Score = int | tuple[int | None, ...]
"""One point, or one for each question that was asked at once; None where a question was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply was read as. `derived` scores were said in words or stars, not typed as a digit."""

    kind: Kind
    score: Score | None = None
    comment: str = ""
    alert: bool = False  # a person has to look, soon
    derived: bool = False
    flags: tuple[Flag, ...] = ()
    about: str = ""  # id of the survey it belongs to, where the context names several

    def as_dict(self) -> dict[str, Any]:
        """Return the reading for JSON."""
        score = list(self.score) if isinstance(self.score, tuple) else self.score
        found = {
            "kind": self.kind.value,
            "score": score,
            "comment": self.comment,
            "alert": self.alert,
            "derived": self.derived,
            "flags": [flag.value for flag in self.flags],
        }
        return {**found, "attach": self.about} if self.about else found
