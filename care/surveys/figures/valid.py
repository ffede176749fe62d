"""Which answers are valid: one definition, as one query that every figure reads."""

from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket_resolution
from care.surveys.asked import USUAL_SCALE
from care.surveys.figures.ballot import ends_of
from care.surveys.figures.period import Period
from care.surveys.model import MAIN, AnswerChannel, Survey
from care.surveys.replies.scales import SCALES
from care.surveys.tables import follow_up, survey_answer, survey_session

BY_HAND = (str(AnswerChannel.PHONE), str(AnswerChannel.PAPER))


def valid_answers(period: Period) -> sa.CTE:
    """Return the valid answers given in a period, one row per matter and question.

    Valid is: asked by us or typed in by a person, on the scale, not superseded, within the time (late ones are
    marked), not about a test, the last word on its ticket, and the survey's main question has an answer too.
    A matter is a ticket, else a conversation, else a customer.
    """
    said = _said(period)
    return (
        sa.select(*(c for c in said.c if c.name not in ("nth", "has_main")))
        .where(said.c.nth == 1, said.c.has_main == 1)
        .cte("valid")
    )


def _said(period: Period) -> sa.Subquery:
    a, f, r, s = survey_answer.c, follow_up.c, ticket_resolution.c, survey_session.c
    ticket_id = sa.func.coalesce(f.ticket_id, 0)
    talk_id = sa.case((f.id.is_(None), sa.func.coalesce(a.session_id, 0)), else_=0)
    person_id = sa.case((sa.and_(f.id.is_(None), a.session_id.is_(None)), a.customer_id), else_=0)
    matter = (a.survey, ticket_id, talk_id, person_id)
    is_main = sa.or_(*(sa.and_(a.survey == str(one), a.question == str(main)) for one, main in MAIN.items()))
    return (
        sa.select(
            *(a.id, a.at, a.survey, a.question, a.scale, a.score, a.derived, a.is_late, a.channel, a.customer_id),
            f.id.label("follow_up_id"),
            f.ticket_id,
            sa.func.coalesce(r.area, customer.c.area).label("area"),
            *(r.staff, r.kind, r.resolved_at),
            sa.func.coalesce(r.first_call_at, r.opened_at).label("called_at"),
            sa.func.coalesce(f.invited_at, s.opened_at).label("invited_at"),
            sa.func.row_number()
            .over(partition_by=(*matter, a.question), order_by=(a.is_late, a.at.desc(), a.id.desc()))
            .label("nth"),
            sa.func.max(sa.case((is_main, 1), else_=0)).over(partition_by=matter).label("has_main"),
        )
        .select_from(_joined())
        .where(
            a.at >= period.since,
            a.at < period.until,
            a.superseded_at.is_(None),
            _is_on_scale(),
            sa.or_(a.session_id.is_not(None), a.follow_up_id.is_not(None), a.channel.in_(BY_HAND)),
            sa.or_(r.id.is_(None), r.is_test.is_(sa.false())),
            sa.or_(s.id.is_(None), a.at <= s.late_until),
        )
        .subquery("said")
    )


def _joined() -> sa.FromClause:
    return (
        survey_answer.outerjoin(follow_up, survey_answer.c.follow_up_id == follow_up.c.id)
        .outerjoin(ticket_resolution, follow_up.c.resolution_id == ticket_resolution.c.id)
        .outerjoin(survey_session, survey_answer.c.session_id == survey_session.c.id)
        .outerjoin(customer, survey_answer.c.customer_id == customer.c.id)
    )


def _is_on_scale() -> sa.ColumnElement[bool]:
    """Compare with the ends of the scale; where none is named, with the question's usual one."""
    a = survey_answer.c
    named = [
        sa.and_(a.scale == name, a.score.between(scale.low, scale.high))
        for name, scale in SCALES.items()
        if name in _RATED
    ]
    unnamed = [
        sa.and_(a.scale.is_(None), a.question == str(question), a.score.between(*ends_of(question, None)))
        for question in USUAL_SCALE
    ]
    return sa.and_(a.question.in_([str(question) for question in USUAL_SCALE]), sa.or_(*named, *unnamed))


_RATED = frozenset({*USUAL_SCALE.values(), "csat5r", "csat5x4", "csat10"})

SURVEYS_COUNTED = (str(Survey.TICKET),)
"""Surveys whose valid answers count towards the target of a quarter; the others are shown beside it."""


def main_of(valid: Any, survey: Survey = Survey.TICKET) -> sa.ColumnElement[bool]:
    """Return the condition that picks the main question of a survey from `valid_answers`."""
    return sa.and_(valid.c.survey == str(survey), valid.c.question == str(MAIN[survey]))
