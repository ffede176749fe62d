"""What keeps a customer from being asked out of the blue: an open matter, or a question asked lately. As SQL."""

from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from care.base.vocabulary import Purpose
from care.customers.tickets.tables import ticket
from care.messages.model import MessageStatus
from care.messages.tables import message
from care.surveys.model import FollowUpState
from care.surveys.tables import follow_up, survey_case

RESTS: Final = timedelta(days=30)
"""So long nobody is drawn who was asked something else."""

_NEVER_SENT: Final = [str(one) for one in (MessageStatus.SKIPPED, MessageStatus.EXPIRED, MessageStatus.CANCELLED)]
_WAITING: Final = [str(one) for one in (MessageStatus.PLANNED, MessageStatus.HELD, MessageStatus.SENDING)]
_earlier = message.alias("earlier")


def open_matters(who: sa.ColumnElement[int]) -> dict[str, sa.ColumnElement[bool]]:
    """Return, by its words, what is open of the customer `who`: a correlated id."""
    return {
        "has an open ticket": _there(
            ticket, who, ticket.c.resolved_at.is_(None), ticket.c.closed_at.is_(None), ticket.c.is_test.is_(False)
        ),
        "is about to be asked about a ticket": _there(follow_up, who, follow_up.c.state == str(FollowUpState.DUE)),
        "has a case that is not closed": _there(survey_case, who, survey_case.c.closed_at.is_(None)),
    }


def asked_lately(
    who: sa.ColumnElement[int], campaign: str, occasion: Any, since: Any, until: datetime | None = None
) -> sa.ColumnElement[bool]:
    """Return: another survey was sent to the customer after `since`, or waits to be sent.

    With `until`, what was sent later does not count: a day of the past is asked about with today's rows.
    """
    waits = _earlier.c.status.in_(_WAITING)
    other = sa.or_(_earlier.c.campaign_id != campaign, _earlier.c.occasion != occasion)
    sent = _earlier.c.sent_at > since
    lately = sa.or_(sent if until is None else sa.and_(sent, _earlier.c.sent_at <= until), waits)
    return _there(_earlier, who, _earlier.c.purpose == str(Purpose.SURVEY), other, lately)


def drawn_lately(who: sa.ColumnElement[int], campaign: str, occasion: str, since: Any) -> sa.ColumnElement[bool]:
    """Return: the campaign drew the customer in an earlier round, after the local day `since`."""
    e = _earlier.c
    mine = sa.and_(e.campaign_id == campaign, e.occasion != occasion)
    return _there(_earlier, who, mine, e.occasion_on > since, e.status.not_in(_NEVER_SENT))


def _there(table: Any, who: sa.ColumnElement[int], *where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return: the table has such a row of the customer; OFFSET 0 keeps it a look-up for each of the few drawn."""
    found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(table)
    return found.where(table.c.customer_id == who, *where).correlate_except(table).offset(0).exists()
