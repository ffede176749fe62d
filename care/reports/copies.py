"""Messages whose one request a provider took twice: both of its references were taken, and neither failed."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from care.delivery.copies import another
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message, receipt
from care.messages.words import words_for
from care.reports.evidence import on_pages

S = MessageStatus


def taken_twice(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    """Return the messages of these pages that arrived twice by one attempt."""
    second = sa.exists().where(
        receipt.c.attempt_id == attempt.c.id,
        receipt.c.status.in_(words_for(S.ACCEPTED, S.SENT, S.DELIVERED)),
        another(),
        sa.not_(_failed(receipt.c.provider_ref, receipt)),
    )
    return (
        sa.select(message.c.id)
        .distinct()
        .join(attempt, attempt.c.message_id == message.c.id)
        .where(
            on_pages(campaign_id, first, last),
            attempt.c.outcome == str(Outcome.ACCEPTED),
            attempt.c.provider_ref.is_not(None),
            second.correlate(attempt),
            sa.not_(_failed(attempt.c.provider_ref)),
        )
    )


def _failed(reference: sa.ColumnElement[str], *around: Any) -> sa.ColumnElement[bool]:
    """Return: the provider said of this reference that it failed, and not that it arrived after all."""
    bad, good = receipt.alias(), receipt.alias()

    def said(by: Any, *statuses: MessageStatus) -> sa.ColumnElement[bool]:
        same = sa.func.lower(sa.func.trim(by.c.provider_ref)) == sa.func.lower(sa.func.trim(reference))
        mine = sa.exists().where(by.c.attempt_id == attempt.c.id, same, by.c.status.in_(words_for(*statuses)))
        return mine.correlate(attempt, *around)

    return sa.and_(said(bad, S.UNDELIVERED, S.FAILED), sa.not_(said(good, S.DELIVERED)))
