"""What the survey page asks, and what a form that comes back says: pure rules."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from care.surveys.model import DIMENSIONS, Question, Survey
from care.surveys.recording import Given
from care.surveys.replies.scales import Scale, scale_named

LONGEST_COMMENT = 1_000
REASONS = (1, 2, 3, 4)
"""Digits of the reason menu: slow, attitude, not solved, other."""

_QUESTIONS: Mapping[Survey, tuple[Question, ...]] = {
    Survey.TICKET: DIMENSIONS,
    Survey.IN_PROCESS: (Question.OVERALL, Question.TIMELINESS, Question.ATTITUDE),
    Survey.NPS: (Question.RECOMMEND,),
    Survey.CES: (Question.EFFORT,),
}
_SCALES = {Survey.NPS: "nps", Survey.CES: "ces7"}
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that came back: what it says, and whether the question that counts has an answer."""

    given: Sequence[Given]
    is_complete: bool
    chosen: Mapping[str, int] = field(default_factory=dict)  # to show the form again as it was
    comment: str = ""


def survey_asked(campaign: str, occasion: str) -> Survey:
    """Return what an invitation asks about: a ticket, unless campaign or occasion are named after another survey."""
    words = set(_WORDS.split(f"{campaign} {occasion.partition(':')[0]}".lower()))
    if "nps" in words:
        return Survey.NPS
    if "ces" in words:
        return Survey.CES
    return Survey.IN_PROCESS if words >= {"in", "process"} else Survey.TICKET


def questions_of(survey: Survey) -> tuple[Question, ...]:
    """Return the questions with a scale, the one that counts first."""
    return _QUESTIONS[survey]


def scale_of(survey: Survey) -> Scale:
    """Return the scale of the page's questions; on the page the best is always the highest."""
    return scale_named(_SCALES.get(survey, "csat5"))


def read_form(form: Mapping[str, str], survey: Survey) -> Filled:
    """Return what a form says; whatever is no point of the scale counts as left out."""
    scale, questions = scale_of(survey), questions_of(survey)
    chosen = {
        str(question): score for question in questions if (score := _point(form.get(str(question), ""), scale)) >= 0
    }
    comment = clean_words(form.get("comment", ""))
    given = [
        Given(question=question, score=chosen[str(question)], raw=chosen[str(question)], scale=scale.name)
        for question in questions
        if str(question) in chosen
    ]
    if comment:
        given.append(Given(question=Question.COMMENT, comment=comment))
    return Filled(given=given, is_complete=str(questions[0]) in chosen, chosen=chosen, comment=comment)


def read_reason(form: Mapping[str, str]) -> Given | None:
    """Return the reason that a form names, by its digit or in words; None where it names none."""
    words = clean_words(form.get("words", ""))
    digit = form.get("reason", "")
    raw = int(digit) if digit in {str(one) for one in REASONS} else None
    if raw is None and not words:
        return None
    return Given(question=Question.REASON, score=raw, raw=raw, scale="reason4", comment=words or None)


def clean_words(text: str) -> str:
    """Return words without control and direction-changing characters, lines kept, cut to what is stored."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in lines if char == "\n" or char.isprintable() or char == "\u200d")
    return kept.strip()[:LONGEST_COMMENT].strip()


def _point(text: str, scale: Scale) -> int:
    """Return the point, -1 for none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 2):  # noqa: PLR2004 - the longest scale ends at 10
        return -1
    return int(text) if scale.holds(int(text)) else -1
