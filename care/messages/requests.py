"""What may still come of a message's requests, as conditions of SQL; none has an IN, which executing many knows not."""

from typing import Any

import sqlalchemy as sa

from care.messages.model import Outcome
from care.messages.tables import attempt


def was_taken(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: its provider took it, and has said nothing bad of it since."""
    return sa.and_(of.c.outcome == str(Outcome.ACCEPTED), of.c.error_class.is_(None))


def is_in_doubt(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: nobody knows whether its provider took it."""
    return sa.and_(of.c.outcome == str(Outcome.UNKNOWN))


def may_arrive(of: Any = attempt) -> sa.ColumnElement[bool]:
    """Return: it was taken, may have been, or is on its way."""
    return sa.or_(of.c.outcome == str(Outcome.INTENT), is_in_doubt(of), was_taken(of))
