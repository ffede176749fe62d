"""How many were asked in each survey, and how many answered."""

from dataclasses import dataclass

import sqlalchemy as sa

from care.base.statistics import Estimate, share
from care.base.vocabulary import Purpose
from care.campaigns.model import REMINDER_LEG
from care.messages.tables import message
from care.surveys.figures.period import Period
from care.surveys.model import MAIN, Survey
from care.surveys.tables import follow_up, survey_answer, survey_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Invitations to one survey that left in a period."""

    survey: Survey
    invited: int
    answered: int  # in time or late

    @property
    def rate(self) -> Estimate:
        """Return the share of invitations that was answered."""
        return share(self.answered, self.invited)


def asked_by_survey(conn: sa.Connection, period: Period) -> list[Asked]:
    """Return what became of the invitations of a period, per survey that asked anybody."""
    of_tickets = conn.execute(_about_tickets(period)).all()
    found = {Survey(row.survey): (row.invited, row.answered) for row in of_tickets}
    for survey in (Survey.NPS, Survey.IN_PROCESS):
        row = conn.execute(_of_prefix(survey, period)).one()
        found[survey] = (row.invited, row.answered)
    return [
        Asked(survey=survey, invited=found[survey][0], answered=found[survey][1])
        for survey in Survey
        if survey in found and found[survey][0]
    ]


def _about_tickets(period: Period) -> sa.Select[tuple[str, int, int]]:
    f = follow_up.c
    counted = sa.select(f.survey, sa.func.count().label("invited"), sa.func.count(f.answered_at).label("answered"))
    return counted.where(f.invited_at >= period.since, f.invited_at < period.until).group_by(f.survey)


def _of_prefix(survey: Survey, period: Period) -> sa.Select[tuple[int, int]]:
    """Count the messages of a survey about no resolution: their occasion begins with its name."""
    has_answer = (
        sa.exists()
        .where(
            survey_session.c.message_id == message.c.id,
            survey_answer.c.session_id == survey_session.c.id,
            survey_answer.c.question == str(MAIN[survey]),
            survey_answer.c.superseded_at.is_(None),
        )
        .correlate(message)
    )
    answered = sa.func.coalesce(sa.func.sum(sa.case((has_answer, 1), else_=0)), 0).label("answered")
    return sa.select(sa.func.count().label("invited"), answered).where(
        message.c.purpose == str(Purpose.SURVEY),
        message.c.occasion.startswith(f"{survey}:", autoescape=True),
        message.c.leg != REMINDER_LEG,
        message.c.sent_at >= period.since,
        message.c.sent_at < period.until,
    )
