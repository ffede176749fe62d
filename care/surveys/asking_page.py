"""What the survey page asks, and what a form that comes back says: pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from care.surveys.asked import QUESTIONS, scale_of
from care.surveys.model import Question, Survey
from care.surveys.recording import Given
from care.surveys.replies.scales import Scale

LONGEST_COMMENT = 1_000
REASONS = (1, 2, 3, 4)
"""Digits of the reason menu: slow, attitude, not solved, other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that came back: what it says, and whether the question that counts has an answer."""

    given: Sequence[Given]
    is_complete: bool
    chosen: Mapping[str, int] = field(default_factory=dict)  # to show the form again as it was
    comment: str = ""


def read_form(form: Mapping[str, str], survey: Survey) -> Filled:
    """Return what a form says; whatever is no point of the scale counts as left out."""
    scale, questions = scale_of(survey), QUESTIONS[survey]
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
