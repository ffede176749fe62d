"""Providers' words for what became of a message, and what each means for us."""

from collections.abc import Mapping

from care.messages.model import MessageStatus

S = MessageStatus
MEANING: Mapping[str, MessageStatus | None] = {
    "accepted": S.ACCEPTED,
    "scheduled": S.ACCEPTED,
    "queued": S.ACCEPTED,
    "sending": S.ACCEPTED,
    "sent": S.SENT,
    "delivered": S.DELIVERED,
    "partially_delivered": S.DELIVERED,
    "read": S.DELIVERED,
    "undelivered": S.UNDELIVERED,
    "failed": S.FAILED,
    "canceled": S.FAILED,
}
"""A word not listed is kept and moves nothing."""


def words_for(*statuses: MessageStatus) -> list[str]:
    """Return the words that mean one of these."""
    return sorted(word for word, means in MEANING.items() if means in statuses)


GOOD = (S.ACCEPTED, S.SENT, S.DELIVERED)
BAD_WORDS = frozenset(words_for(S.UNDELIVERED, S.FAILED))
