"""The words of the survey page, in the customer's language or the visitor's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from care.base.settings import OperatorSettings
from care.base.yamlfile import load_yaml
from care.campaigns.formats import format_day, format_deadline
from care.campaigns.locales import choose_locale
from care.surveys.asked import ASKS_IN_WORDS, QUESTIONS, scale_of
from care.surveys.asking_page import REASONS
from care.surveys.model import CaseReason, Question, Survey
from care.surveys.page import Answered
from care.surveys.page_store import Invitation

_FILE = Path(__file__).with_name("survey.yaml")
_SHAPES: Final[Mapping[str, str]] = {"csat5": "five", "ces7": "seven", "nps": "eleven"}


@cache
def _all_words() -> dict[str, dict[str, Any]]:
    return {locale: dict(words) for locale, words in load_yaml(_FILE).items()}


class PageWords:
    """Everything the page says in one language."""

    def __init__(self, wanted: str, operator: OperatorSettings) -> None:
        self.locale: str = choose_locale(wanted, _all_words()) or "en"
        self._given = {"brand": operator.brand, "hotline": operator.hotline}
        self._zone = operator.timezone
        self._words = _all_words()[self.locale]

    def __getitem__(self, name: str) -> str:
        """Return a sentence that needs nothing but the operator."""
        return self.say(name)

    def say(self, name: str, **more: str) -> str:
        """Return a sentence with its names filled in."""
        return str(self._words[name]).format(**self._given, **more)

    def about(self, invitation: Invitation) -> str:
        """Return which service is asked about, '' where it is none in particular."""
        if not invitation.ref or invitation.about_day is None:
            return ""
        kinds = self._words["kinds"]
        day = invitation.about_day.astimezone(ZoneInfo(invitation.zone or self._zone)).date()
        kind = kinds.get(invitation.kind, kinds["other"])
        return self.say("about", kind=kind, date=format_day(day, self.locale), ref=invitation.ref)

    def questions(self, survey: Survey, chosen: Mapping[str, int]) -> list[dict[str, Any]]:
        """Return what is asked, each point with its words."""
        scale = scale_of(survey)
        points = [
            {"value": value, "word": self._words[scale.name].get(value, "")}
            for value in range(scale.low, scale.high + 1)
        ]
        return [
            {
                "name": str(question),
                "title": self["so_far"] if survey is Survey.IN_PROCESS else self[str(question)],
                "shape": "list" if question is Question.OVERALL else _SHAPES[scale.name],
                "points": points[::-1] if question is Question.OVERALL else points,
                "chosen": chosen.get(str(question)),
            }
            for question in QUESTIONS[survey]
        ]

    def comment(self, survey: Survey) -> str:
        """Return what the words beside the score are asked for: whatever else there is, or why."""
        return self["why_score"] if survey in ASKS_IN_WORDS else self["comment"]

    def reasons(self) -> list[dict[str, Any]]:
        """Return the menu of reasons."""
        return [{"value": digit, "word": self._words["reasons"][digit]} for digit in REASONS]

    def after_answer(self, invitation: Invitation, answered: Answered, now: datetime) -> tuple[str, Sequence[str]]:
        """Return title and lines after the answers."""
        calls = self._calls(invitation, answered, now)
        if answered.asks_why or calls:
            return self["sorry_title"], [*self._danger(answered), self["sorry"], *calls]
        return self["thanks_title"], [self["thanks"]]

    def after_reason(self, invitation: Invitation, answered: Answered, now: datetime) -> tuple[str, Sequence[str]]:
        """Return title and lines after the reason."""
        calls = self._calls(invitation, answered, now)
        return self["heard_title"], [*self._danger(answered), self["heard"], *calls]

    def _danger(self, answered: Answered) -> list[str]:
        return [self["danger"]] if is_urgent(answered) else []

    def _calls(self, invitation: Invitation, answered: Answered, now: datetime) -> list[str]:
        reaction = answered.reaction
        said = [self.say("reopened", ref=invitation.ref)] if reaction.reopened and invitation.ref else []
        if reaction.call_by is None:
            return said
        if reaction.call_by <= now:
            return [*said, self["call_at_once"]]
        there = reaction.call_by.astimezone(ZoneInfo(invitation.zone or self._zone))
        return [*said, self.say("call", call_by=format_deadline(there, self.locale))]


def is_urgent(answered: Answered) -> bool:
    """Tell whether somebody may be in danger."""
    return CaseReason.DANGER in answered.reaction.cases
