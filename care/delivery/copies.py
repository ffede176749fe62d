"""Two references of a provider for one request: it has it twice, and somebody may be told twice."""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
import structlog

from care.messages.tables import attempt, receipt

OURS = "mail."
"""Begins the references that we give to what mails about a mail say: the relay gave it another, or none."""

log = structlog.get_logger()


def is_another(first: str | None, second: str) -> bool:
    """Tell whether two references are of two messages; one spelt otherwise is the same."""
    if not first or not second.strip() or second.startswith(OURS):
        return False
    return _plain(first) != _plain(second)


def another(of: Any = receipt) -> sa.ColumnElement[bool]:
    """Return the same of a receipt and its attempt."""

    def plain(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.lower(sa.func.trim(column))

    is_named = sa.and_(plain(of.c.provider_ref) != "", sa.not_(of.c.provider_ref.startswith(OURS)))
    return sa.and_(is_named, plain(of.c.provider_ref) != plain(attempt.c.provider_ref))


def another_may_arrive(conn: sa.Connection, found: sa.Row[Any], reference: str, *, bad: Collection[str]) -> bool:
    """Tell whether the provider has an attempt under another reference too, of which it has said none of the bad words.

    What a mail says about a mail is about the request, whatever its reference.
    """
    told = sa.select(receipt.c.provider_ref, receipt.c.status).where(receipt.c.attempt_id == found.id)
    words = [(found.provider_ref or reference, ""), *conn.execute(told)]
    others = {_plain(ref) for ref, _ in words if is_another(reference, ref)} - {""}
    if reference.startswith(OURS) or not others:
        return False
    return bool(others - {_plain(ref) for ref, status in words if status in bad})


def _plain(reference: str) -> str:
    return reference.strip().lower()


def warn_of_copies(taken: Iterable[tuple[str, sa.Row[Any]]]) -> None:
    """Log each reference, of words that a message was taken, beside another that its attempt has already."""
    first = dict[int, str]()
    for reference, found in taken:
        known = found.provider_ref or first.setdefault(found.id, reference)
        if is_another(known, reference):
            log.warning("receipts.second_reference", message_id=found.message_id, attempt_id=found.id)
