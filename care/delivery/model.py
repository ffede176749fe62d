"""What travels through the sender: a claimed message with all it needs, then its rendered form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign
from care.delivery.breaker import Door
from care.delivery.channels.base import Outgoing


@dataclass(slots=True, kw_only=True)
class Contact:
    """One address of a customer that no suppression silences for the purpose at hand."""

    channel: Channel
    address: str
    address_hash: str


class Judged(NamedTuple):
    """What of a customer decides whether a message may go now; whoever is alike in it is judged alike."""

    status: str
    deceased: bool
    minor: bool
    hardship: bool
    timezone: str | None
    country: str
    area: str | None
    may: bool  # consent allows the purpose on the channel that was chosen


class Failed(NamedTuple):
    """How the last try of a message that failed ended."""

    status: str  # undelivered where the provider had taken it, else failed
    error_class: str


@dataclass(slots=True, kw_only=True)
class Claimed:
    """A leased message with the rows it speaks of."""

    id: int
    campaign_id: str
    occasion: str
    customer_id: int
    leg: str
    purpose: Purpose
    due_at: datetime
    use_by: datetime
    attempts: int
    occasion_on: date
    strikes: int = 0  # in work when a sender died so often
    campaign: Campaign | None = None
    is_file_broken: bool = False  # the campaign may come back when its file is mended
    customer: Mapping[str, Any] | None = None
    subject: Mapping[str, Any] | None = None
    contacts: Mapping[Channel, Contact] = field(default_factory=dict)  # the first open one per channel
    spent_channels: frozenset[Channel] = frozenset()  # failed for good already
    failed: Failed | None = None  # where the last try came back or was refused for good; not what was put off
    has_contact: bool = True  # False: no address at all, or every one silenced


@dataclass(slots=True, kw_only=True)
class Prepared:
    """Rendered and addressed, waiting for its intent."""

    message: Claimed
    contact: Contact
    text: str
    subject: str
    html: str
    parts: int
    locale: str
    template: str
    country: str  # where the number lives, for price and the international brake
    unsubscribe_url: str = ""
    text_digest: str = ""  # what the attempt and the journal know of the text; taken when the intent is written


@dataclass(slots=True)
class Ready:
    """Intent committed; may leave from `leaves_at` on, and at the latest at `leave_by`, both in monotonic seconds.

    The clock on the wall may be set meanwhile, and a process that was frozen no longer knows who else has sent it.
    """

    prepared: Prepared
    outgoing: Outgoing
    leaves_at: float
    leave_by: float
    provider: str = ""  # through which of the channel's providers, as its attempt says
    door: Door | None = None  # the same as the breaker knows it
    is_probe: bool = False  # the one message that a closed provider is tried with


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why a message does not go now: it ends (`skipped`, `expired`, `cancelled`) or waits until `wake_at`."""

    status: str
    reason: str
    wake_at: datetime | None = None
