"""Links to the survey page as invitations carry them, and what came of them."""

from typing import Any

import sqlalchemy as sa

from care.base.database import read, write
from care.delivery.links import survey_claim
from care.surveys.tables import survey_answer, survey_case
from tests.surveys.factories_page import make_invitation, use_by_of
from tests.web.conftest import Site

ASKED_IN_ENGLISH = {"Accept-Language": "en"}


def invite(site: Site, **fields: Any) -> str:
    """Send an invitation and return the path of its page."""
    with write(site.services.engine) as conn:
        message_id = make_invitation(conn, now=site.services.clock.now(), **fields)
        claim = survey_claim(message_id, use_by_of(conn, message_id))
    return f"/s/{site.services.links.survey_token(claim)}"


def answers(site: Site) -> dict[str, Any]:
    """What stands, by question: the score, or the words."""
    return {
        row.question: row.comment if row.score is None else row.score
        for row in site.rows(survey_answer)
        if row.superseded_at is None
    }


def cases(site: Site) -> list[str]:
    """Why somebody has to act, one for each open case."""
    return [row.reason for row in site.rows(survey_case) if row.closed_at is None]


def one(site: Site, table: sa.Table) -> Any:
    """The only row."""
    (row,) = site.rows(table)
    return row


def count(site: Site, table: sa.Table) -> int:
    with read(site.services.engine) as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
