"""Whom a question is about: a customer's id as typed, with the nearest one where there is none."""

import difflib

import sqlalchemy as sa

from care.base.errors import AnswerIsNoError
from care.base.masking import mask_text
from care.customers.tables import customer

_MOST_CANDIDATES = 200
_LAST_LETTER = "\U0010ffff"


class UnknownCustomerError(AnswerIsNoError):
    """No customer has this id."""

    def __init__(self, word: str, near: str) -> None:
        """Name the id and the nearest one."""
        fix = f"Did you mean '{near}'?" if near else "Check the id, or import: care import customers FILE"
        super().__init__(f"customer '{mask_text(word)}': not known. {fix}")
        self.word, self.near = word, near


def find_customer(conn: sa.Connection, word: str) -> int:
    """Return our key of a customer, erased ones too.

    Raises:
        UnknownCustomerError: if nobody has this id, with the nearest id.
    """
    found = conn.execute(sa.select(customer.c.id).where(customer.c.external_id == word)).scalar()
    if found is None:
        raise UnknownCustomerError(word, _nearest(conn, word))
    return int(found)


def _nearest(conn: sa.Connection, word: str) -> str:
    """Return an id that begins alike and differs by little; a look into the index, however many customers."""
    ids = customer.c.external_id
    for length in range(len(word), 0, -1):
        head = word[:length]
        alike = sa.select(ids).where(ids >= head, ids < head + _LAST_LETTER).order_by(ids).limit(_MOST_CANDIDATES)
        candidates = conn.execute(alike).scalars().all()
        close = difflib.get_close_matches(word, candidates, 1)
        if close:
            return str(close[0])
    return ""
