"""Which questions a survey asks, in which order, on which scale, in which words."""

from collections.abc import Collection, Mapping
from typing import Final

from care.surveys.model import DIMENSIONS, Question, Survey

QUESTIONS: Final[Mapping[Survey, tuple[Question, ...]]] = {
    Survey.TICKET: DIMENSIONS,
    Survey.NPS: (Question.RECOMMEND,),
    Survey.CES: (Question.EFFORT,),
    Survey.IN_PROCESS: (Question.OVERALL,),
}
SCALES: Final[Mapping[Survey, str]] = {Survey.NPS: "nps", Survey.CES: "ces7"}
"""The others ask from 5, the best, to 1."""

TEMPLATES: Final[Mapping[Question, str]] = {
    Question.RESULT: "survey_result",
    Question.TIMELINESS: "survey_timeliness",
    Question.ATTITUDE: "survey_attitude",
}
_REPROMPTS: Final[Mapping[Survey, str]] = {Survey.NPS: "survey_nps", Survey.CES: "survey_ces"}
_BY_TEMPLATE: Final[Mapping[str, Survey]] = {"survey_nps": Survey.NPS, "survey_ces": Survey.CES}
_TICKET: Final = "ticket:"


def survey_of(occasion: str, template: str) -> Survey:
    """Return what an invitation asks, by its occasion and the name of its text."""
    if template in _BY_TEMPLATE:
        return _BY_TEMPLATE[template]
    return Survey.TICKET if occasion.startswith(_TICKET) else Survey.IN_PROCESS


def scale_of(survey: Survey) -> str:
    """Return the name of the scale on which a survey asks."""
    return SCALES.get(survey, "csat5")


def first_question(survey: Survey) -> Question:
    """Return the question of the invitation."""
    return QUESTIONS[survey][0]


def next_question(survey: Survey, answered: Collection[Question]) -> Question | None:
    """Return the first question that has no answer yet; None when all have one."""
    return next((question for question in QUESTIONS[survey] if question not in answered), None)


def question_before(survey: Survey, question: Question) -> Question:
    """Return the question that was asked before; the first one where there is none."""
    asked = QUESTIONS[survey]
    return asked[max(0, asked.index(question) - 1)]


def reprompt_of(survey: Survey | None) -> str:
    """Return the template that asks once more."""
    return "survey_reprompt" if survey is None else _REPROMPTS.get(survey, "survey_reprompt")
