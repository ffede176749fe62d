"""What rules may ask about answers: `answered` and `last_score`."""

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from typing import Any

import sqlalchemy as sa

from care.calendars.walltime import instant_at, load_zone
from care.customers.tables import customer
from care.segments.facts import Fact
from care.segments.fields import KIND_OPERATORS, Kind
from care.surveys.model import Question, Survey
from care.surveys.tables import survey_answer

_COMPARE: Mapping[str, Callable[[sa.ColumnElement[Any], Any], sa.ColumnElement[bool]]] = {
    "at_least": lambda score, value: score >= value,
    "at_most": lambda score, value: score <= value,
    "more_than": lambda score, value: score > value,
    "less_than": lambda score, value: score < value,
    "equals": lambda score, value: score == value,
    "one_of": lambda score, value: score.in_(value),
}


def survey_facts(zone: str) -> Mapping[str, Fact]:
    """Return the facts by name; days are those of `zone`."""
    facts: tuple[Fact, ...] = (Answered(zone), LastScore())
    return {fact.name: fact for fact in facts}


class Answered:
    """When the customer last answered a survey's rating."""

    name = "answered"
    kind = Kind.DAY
    operators = ("within_last",)
    description = "The day of the last rating the customer gave in any survey"

    def __init__(self, zone: str) -> None:
        """Keep the zone that days are counted in."""
        self.zone = zone

    def predicate(self, operator: str, value: Any, as_of: date) -> sa.ColumnElement[bool]:  # noqa: ARG002 - there is one
        """Return whether there is a rating from so many days ago to today."""
        zone = load_zone(self.zone)
        since = instant_at(as_of - timedelta(days=value.days), time(), zone)
        until = instant_at(as_of + timedelta(days=1), time(), zone)
        a = survey_answer.c
        return (
            sa.exists()
            .where(*_given(), a.score.is_not(None), a.question.in_(_RATINGS), a.at >= since, a.at < until)
            .correlate(customer)
        )


class LastScore:
    """How satisfied the customer was with the last ticket that they rated."""

    name = "last_score"
    kind = Kind.NUMBER
    operators = KIND_OPERATORS[Kind.NUMBER]
    description = "The last overall rating of a ticket, 1 to 5; no rating passes no comparison"

    def predicate(self, operator: str, value: Any, as_of: date) -> sa.ColumnElement[bool]:  # noqa: ARG002 - the last is the last
        """Return whether the last rating compares so."""
        a = survey_answer.c
        score = sa.case((a.scale == "csat10", (a.score + 1) // 2), else_=a.score)
        last = (
            sa.select(score)
            .where(*_given(), a.survey == str(Survey.TICKET), a.question == str(Question.OVERALL), a.score.is_not(None))
            .order_by(a.at.desc(), a.id.desc())
            .limit(1)
            .correlate(customer)
            .scalar_subquery()
        )
        return sa.func.coalesce(_COMPARE[operator](last, value), sa.false())


_RATINGS = [str(Question.OVERALL), str(Question.RECOMMEND), str(Question.EFFORT)]


def _given() -> tuple[sa.ColumnElement[bool], ...]:
    return survey_answer.c.customer_id == customer.c.id, survey_answer.c.superseded_at.is_(None)
