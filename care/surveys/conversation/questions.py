"""Which questions a conversation asks, in which order and in which words."""

from collections.abc import Collection, Mapping
from typing import Final

from care.surveys.asked import ASKS_IN_WORDS, QUESTIONS
from care.surveys.model import Question, Survey

TEMPLATES: Final[Mapping[Question, str]] = {
    Question.RESULT: "survey_result",
    Question.TIMELINESS: "survey_timeliness",
    Question.ATTITUDE: "survey_attitude",
    Question.COMMENT: "survey_nps_why",
}
_THEN_WHY: Final = frozenset({Survey.NPS})
"""They ask everybody why, also those who gave a good score."""
_REPROMPTS: Final[Mapping[Survey, str]] = {Survey.NPS: "survey_nps", Survey.CES: "survey_ces"}
_APOLOGY: Final = "survey_low_apology"
_APOLOGY_IN_WORDS: Final = "survey_low_why"


def questions_of(survey: Survey) -> tuple[Question, ...]:
    """Return the questions in the order in which they are asked."""
    return (*QUESTIONS[survey], Question.COMMENT) if survey in _THEN_WHY else QUESTIONS[survey]


def first_question(survey: Survey) -> Question:
    """Return the question of the invitation."""
    return QUESTIONS[survey][0]


def next_question(survey: Survey, answered: Collection[Question]) -> Question | None:
    """Return the first question that has no answer yet; None when all have one."""
    return next((question for question in questions_of(survey) if question not in answered), None)


def question_left(survey: Survey, answered: Collection[Question]) -> Question | None:
    """Return the question that a score still answers when nothing is asked any more."""
    return next((question for question in QUESTIONS[survey] if question not in answered), None)


def question_before(survey: Survey, question: Question) -> Question:
    """Return the question that was asked before; the first one where there is none."""
    asked = questions_of(survey)
    return asked[max(0, asked.index(question) - 1)]


def reprompt_of(survey: Survey | None) -> str:
    """Return the template that asks once more."""
    return "survey_reprompt" if survey is None else _REPROMPTS.get(survey, "survey_reprompt")


def asks_in_words(survey: Survey | None) -> bool:
    """Tell whether the reason is asked in words, without the menu of reasons."""
    return survey in ASKS_IN_WORDS


def worded_for(survey: Survey | None, template: str) -> str:
    """Return the template as a survey says it: an apology without the menu where there is none."""
    return _APOLOGY_IN_WORDS if template == _APOLOGY and asks_in_words(survey) else template
