"""Life of a message: the only list of statuses and the only table of legal moves."""

from collections.abc import Mapping
from enum import StrEnum


class MessageStatus(StrEnum):
    """Where one message stands. `NEXT` is the only list of legal moves."""

    PLANNED = "planned"  #: waiting for its hour
    HELD = "held"  #: may not go now (quiet hours, cap, lane closed); looked at again at `wake_at`
    SENDING = "sending"  #: claimed by one dispatcher
    ACCEPTED = "accepted"  #: the provider took it; no receipt yet
    SENT = "sent"  #: handed to the carrier or the receiving mail server
    DELIVERED = "delivered"  #: confirmed on the device or in the mailbox
    UNKNOWN = "unknown"  #: the request went out and no answer came: asked about before anything else
    UNCONFIRMED = "unconfirmed"  #: accepted, but no receipt within 72 hours
    UNDELIVERED = "undelivered"  #: the carrier says it did not arrive
    FAILED = "failed"  #: refused for good, or too many tries
    SKIPPED = "skipped"  #: qualified, but may not be written to; the reason is named
    EXPIRED = "expired"  #: its time passed before it could go
    CANCELLED = "cancelled"  #: withdrawn before it went


S = MessageStatus

NEXT: Mapping[MessageStatus, frozenset[MessageStatus]] = {
    # delivered: an earlier try arrived after all; the same for what was given up between two tries
    # accepted, sent: an earlier try that was in doubt was taken after all, so that the further one would be a copy
    # unknown: the journal has a try that the database, restored from a backup, has forgotten
    S.PLANNED: frozenset(
        {S.SENDING, S.HELD, S.SKIPPED, S.EXPIRED, S.CANCELLED, S.DELIVERED, S.UNKNOWN, S.ACCEPTED, S.SENT}
    ),
    S.HELD: frozenset(
        {S.SENDING, S.PLANNED, S.SKIPPED, S.EXPIRED, S.CANCELLED, S.DELIVERED, S.UNKNOWN, S.ACCEPTED, S.SENT}
    ),
    # back to planned: nothing left the house, try again later
    S.SENDING: frozenset(
        {S.PLANNED, S.HELD, S.ACCEPTED, S.SENT, S.DELIVERED, S.UNKNOWN, S.UNDELIVERED, S.FAILED, S.SKIPPED}
        | {S.EXPIRED, S.CANCELLED}
    ),
    S.UNKNOWN: frozenset(
        {S.ACCEPTED, S.SENT, S.DELIVERED, S.UNDELIVERED, S.FAILED, S.PLANNED, S.UNCONFIRMED, S.EXPIRED}
    ),
    S.ACCEPTED: frozenset({S.SENT, S.DELIVERED, S.UNDELIVERED, S.FAILED, S.UNCONFIRMED, S.PLANNED}),
    S.SENT: frozenset({S.DELIVERED, S.UNDELIVERED, S.FAILED, S.UNCONFIRMED, S.PLANNED}),
    S.UNCONFIRMED: frozenset({S.SENT, S.DELIVERED, S.UNDELIVERED, S.FAILED, S.PLANNED}),
    # a later `delivered` is the better news; `planned` is the next channel or `care retry`
    S.UNDELIVERED: frozenset({S.DELIVERED, S.PLANNED}),
    S.FAILED: frozenset({S.DELIVERED, S.PLANNED}),
    S.SKIPPED: frozenset({S.PLANNED, S.DELIVERED}),  # told_via: re-elected when nothing was sent after all
    S.DELIVERED: frozenset(),
    S.EXPIRED: frozenset({S.DELIVERED}),
    S.CANCELLED: frozenset({S.PLANNED, S.DELIVERED}),  # a withdrawn campaign came back in time
}

OPEN: frozenset[MessageStatus] = frozenset({S.PLANNED, S.HELD, S.SENDING, S.ACCEPTED, S.SENT, S.UNKNOWN})
"""Statuses that still await something; all others are final until a person or better news moves them."""

FINAL: frozenset[MessageStatus] = frozenset(MessageStatus) - OPEN

CLAIMABLE: frozenset[MessageStatus] = frozenset({S.PLANNED, S.HELD})
"""What a dispatcher may take when `wake_at` has come."""

RANK: Mapping[MessageStatus, int] = {
    S.ACCEPTED: 1,
    S.SENT: 2,
    S.UNDELIVERED: 3,
    S.FAILED: 3,
    S.DELIVERED: 4,
}
"""Receipts only lift a message to a higher rank, so doubled, late and shuffled ones are harmless."""


def sources_of(target: MessageStatus) -> frozenset[MessageStatus]:
    """Return the statuses that may move to `target`; SQL guards use it too."""
    return frozenset(status for status, targets in NEXT.items() if target in targets)


class Outcome(StrEnum):
    """What became of one attempt, as far as we know."""

    INTENT = "intent"  #: written down, the call may or may not have happened
    ACCEPTED = "accepted"  #: the provider confirmed it
    REFUSED = "refused"  #: certainly not processed
    UNKNOWN = "unknown"  #: no answer that settles it
    ABANDONED = "abandoned"  #: given up before the first byte


PLAIN_WORDS: Mapping[MessageStatus, tuple[str, str]] = {
    S.PLANNED: ("waiting for its hour", "nothing to do"),
    S.HELD: ("on hold until its next allowed moment", "see the reason; it wakes by itself"),
    S.SENDING: ("being sent now", "nothing to do"),
    S.ACCEPTED: ("the provider has it; no receipt yet", "wait; after 24 h it is asked about"),
    S.SENT: ("handed to the carrier; not confirmed by the device yet", "wait for the receipt"),
    S.DELIVERED: ("delivered", "nothing to do"),
    S.UNKNOWN: ("it went out and no answer came", "a late receipt may settle it; it is not sent again blindly"),
    S.UNCONFIRMED: ("accepted, but never confirmed", "nothing to do unless many: then ask the provider"),
    S.UNDELIVERED: ("the carrier could not deliver it", "see the reason; care retry sends it again"),
    S.FAILED: ("refused for good", "see the reason; mend it, then care retry"),
    S.SKIPPED: ("qualified, but we may not write", "see the reason; nothing to do if it is right"),
    S.EXPIRED: ("its time passed before it could go", "late is worse than never; see why it waited"),
    S.CANCELLED: ("withdrawn before it went", "nothing to do"),
}
"""Each status in plain words, and what to do next."""
