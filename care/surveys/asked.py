"""What a survey asks: its questions in their order, their scale, and which score is low. Pure rules."""

import re
from collections.abc import Mapping
from typing import Final

from care.surveys.model import DIMENSIONS, MAIN, Question, Survey
from care.surveys.replies.scales import Scale, scale_named

QUESTIONS: Final[Mapping[Survey, tuple[Question, ...]]] = {
    Survey.TICKET: DIMENSIONS,
    Survey.NPS: (Question.RECOMMEND,),
    Survey.CES: (Question.EFFORT,),
    Survey.IN_PROCESS: (Question.OVERALL,),
}
"""Those with a scale, the one that counts first."""

USUAL_SCALE: Final[Mapping[Question, str]] = {
    Question.OVERALL: "csat5",
    Question.RESULT: "csat5",
    Question.TIMELINESS: "csat5",
    Question.ATTITUDE: "csat5",
    Question.SOLVED: "yn",
    Question.RECOMMEND: "nps",
    Question.EFFORT: "ces7",
}
"""Questions that have a score, and the scale of an answer that names none."""

ASKS_IN_WORDS: Final = frozenset({Survey.NPS, Survey.IN_PROCESS})
"""They ask why in words: the menu of reasons speaks of one finished job, and these are about none."""

_JUDGED: Final = frozenset({Question.OVERALL, Question.RESULT, Question.RECOMMEND, Question.EFFORT})
_WORDS: Final = re.compile(r"[^a-z0-9]+")
_BY_TEXT: Final = {"nps": Survey.NPS, "ces": Survey.CES}


def survey_asked(occasion: str, *names: str, of_ticket: str | None = None) -> Survey:
    """Return what an invitation asks.

    `of_ticket` is what the follow-up of its ticket says, None where it is about none. Then the occasion tells, and for
    campaigns of the operator's own making the `names` of campaign and text.
    """
    if of_ticket is not None:
        return Survey(of_ticket)
    kind, _, _ = occasion.partition(":")
    words = set(_WORDS.split(" ".join((kind, *names)).lower()))
    for word, survey in _BY_TEXT.items():
        if word in words:
            return survey
    return Survey.IN_PROCESS if words >= {"in", "process"} else Survey.TICKET


def scale_of(survey: Survey) -> Scale:
    """Return the scale on which a survey asks; the best is always the highest."""
    return scale_named(USUAL_SCALE[MAIN[survey]])


def is_low(question: Question, score: int | None, scale: str | None) -> bool:
    """Tell whether a person has to call after a score whose best is the highest.

    2 of 5 and below, 3 of 7, 6 of 10 for a recommendation, 4 of 10 for satisfaction; other questions are not judged.
    """
    if question not in _JUDGED or score is None:
        return False
    known = scale_named(scale or USUAL_SCALE[question])
    low = {known.low + known.high - point for point in known.alarming} if known.best_is_low else known.alarming
    return score <= max(low)
