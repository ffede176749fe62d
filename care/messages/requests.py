"""What may still come of a message's requests, as conditions of SQL."""

from typing import Any

import sqlalchemy as sa

from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, receipt
from care.messages.words import words_for


def was_taken(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: its provider took it, and has said nothing bad of it since."""
    return sa.and_(of.c.outcome == str(Outcome.ACCEPTED), of.c.error_class.is_(None))


def was_passed_on(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: its provider says that it went on to the carrier, and nothing bad since."""
    told = sa.exists().where(receipt.c.attempt_id == of.c.id, receipt.c.status.in_(words_for(MessageStatus.SENT)))
    return sa.and_(was_taken(of), told)


def is_in_doubt(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: nobody knows whether its provider took it."""
    return sa.and_(of.c.outcome == str(Outcome.UNKNOWN))


def may_arrive(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: it was taken, may have been, or is on its way. Without an IN, which executing many at once knows not."""
    return sa.or_(of.c.outcome == str(Outcome.INTENT), is_in_doubt(of), was_taken(of))
