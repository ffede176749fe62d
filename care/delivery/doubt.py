"""What to do about a message that left and whose answer never came: pure rules, the order is the policy."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from care.base.vocabulary import Delivery

SETTLE = timedelta(seconds=120)
"""What a provider took appears in its list, and its callbacks come, within this time; before it nothing is decided."""

MOST_COPIES = 2
"""Requests that may be in doubt at once for a message that is to arrive at least once."""


class Seen(StrEnum):
    """What the provider's own list says of one request."""

    LISTED = "listed"  #: it took it
    ABSENT = "absent"  #: its list is complete, and does not have it
    UNCLEAR = "unclear"  #: several alike, or something that may be it
    NOT_TOLD = "not told"  #: it keeps no list, gave no answer, or its list was never shown to be complete


class Step(StrEnum):
    """What follows."""

    WAIT = "wait"  #: too early to tell
    TAKEN = "taken"
    SEND_AGAIN = "send again"
    LEAVE = "leave"  #: nobody can tell; it stays in doubt, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One message in doubt."""

    delivery: Delivery
    since: datetime
    use_by: datetime
    is_sender_gone: bool  # certainly: its process lives and gave the request up, or a lock proves its end
    requests_in_doubt: int  # of the message, this one included
    is_taken_before: bool = False  # a request of it certainly was, and nothing bad was said of that one
    is_over: bool = False  # it was to end without having gone: cancelled, refused, silenced
    settle: timedelta = SETTLE  # as long as its provider's list may lag behind
    repeat_before: datetime | None = None  # until then its provider knows a repeat for the request it has


def next_step(doubt: Doubt, seen: Seen, now: datetime) -> Step:
    """Decide about one message.

    A frozen sender may still let its request go, so absence from a list proves little while it may live. Where the
    provider knows a repeat for what it has, neither matters.
    """
    if seen is Seen.LISTED:
        return Step.TAKEN
    if doubt.is_over:
        return Step.LEAVE
    if doubt.repeat_before is not None and now < min(doubt.repeat_before, doubt.use_by):
        return Step.SEND_AGAIN
    if now - doubt.since < doubt.settle:
        return Step.WAIT
    if now >= doubt.use_by or seen is Seen.UNCLEAR or doubt.is_taken_before:
        return Step.LEAVE
    return Step.SEND_AGAIN if _may_go_again(doubt, seen) else Step.LEAVE


def _may_go_again(doubt: Doubt, seen: Seen) -> bool:
    """Tell what the class allows when the time to settle is over and it is not listed."""
    if seen is Seen.ABSENT and (doubt.is_sender_gone or doubt.delivery is not Delivery.ONCE):
        return True
    return doubt.delivery is Delivery.AT_LEAST_ONCE and doubt.requests_in_doubt < MOST_COPIES
