"""The quarterly report on satisfaction and feedback: everything it needs, read in one consistent view."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.calendars.overrides import Overrides
from care.customers.tickets.tables import ticket_resolution
from care.surveys.figures.commitments import Named
from care.surveys.figures.complaints import Complaints, complaints
from care.surveys.figures.further_themes import read_themes
from care.surveys.figures.period import Period
from care.surveys.figures.promises import Measured, measure
from care.surveys.figures.report import SurveyFigures, survey_figures
from care.surveys.figures.themes import Themes
from care.surveys.promised import InTime, Promised, kept_promises


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the operator has set: who writes, where working days are counted, what is expected."""

    brand: str
    country: str
    overrides: Overrides | None
    commitments: Sequence[Named]
    promised: Promised
    target: int
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """Everything the report prints."""

    house: House
    figures: SurveyFigures
    themes: Themes
    promises: Sequence[Measured]
    kept: Sequence[InTime]  # what is promised about following up; tests are left out
    complaints: Complaints

    @property
    def is_over(self) -> bool:
        """Tell whether the period has ended; before that, the report is a preliminary one."""
        return self.figures.now >= self.figures.period.until


def read_quarter(conn: sa.Connection, period: Period, house: House, *, now: datetime) -> Quarter:
    """Return everything the report of a period prints, as it is known at `now`."""
    figures = survey_figures(conn, period, target=house.target, least=house.least, now=now)
    return Quarter(
        house=house,
        figures=figures,
        themes=read_themes(conn, period),
        promises=measure(
            conn,
            house.commitments,
            figures.sheet,
            country=house.country,
            overrides=house.overrides,
            least=house.least,
            now=now,
        ),
        kept=kept_promises(
            conn,
            house.promised,
            ticket_resolution.c.resolved_at >= period.since,
            ticket_resolution.c.resolved_at < period.until,
            ticket_resolution.c.is_test.is_(sa.false()),
            now=now,
        ),
        complaints=complaints(conn, figures.sheet),
    )
