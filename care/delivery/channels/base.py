"""The port of channels: hand one rendered text to a provider and say what certainly happened."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from care.base.vocabulary import Channel
from care.messages.model import Outcome


class ErrorClass(StrEnum):
    """What a provider's refusal means for us; `error_classes.tsv` maps codes to these."""

    CAPACITY = "capacity"  #: not processed, slow down and try again
    TRANSPORT = "transport"  #: the request never left
    AMBIGUOUS = "ambiguous"  #: it may have been accepted
    NUMBER_PERMANENT = "number-permanent"  #: this address can never be reached on this channel
    NUMBER_SOFT = "number-soft-permanent"  #: probably gone; count
    UNREACHABLE = "unreachable"  #: switched off, full: later
    OPTED_OUT = "opted-out"  #: the provider keeps an opt-out we did not know
    BLOCKED = "blocked"
    FILTERED = "filtered"  #: content or registration
    EXPIRED = "expired"
    RISK = "risk"
    QUIET_HOURS = "quiet-hours"
    LOOP_GUARD = "loop-guard"
    CONFIG = "config"  #: our fault: stop the channel and tell ops
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One rendered message, ready to leave. `token` is secret, random and of this attempt alone."""

    attempt_id: int
    message_id: int
    token: str
    to: str  # E.164 or e-mail address
    body: str  # SMS text with prefix and suffix, or the plain text part
    valid_until: datetime  # the provider should drop it after this instant
    sender: str = ""  # another sender than the default, by purpose
    subject: str = ""
    html: str = ""
    message_ref: str = ""  # stable over attempts: Message-ID
    unsubscribe_url: str = ""  # RFC 8058, marketing and survey mail only
    locale: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What is certain after one call."""

    attempt_id: int
    outcome: Outcome  # ACCEPTED, REFUSED or UNKNOWN; never INTENT
    provider_ref: str = ""
    status: str = ""  # the provider's own first word: queued, accepted, sent
    error_code: str = ""
    error_class: ErrorClass | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter may be relied on for; stage by stage the sender uses more of it."""

    two_way: bool
    callback_per_message: bool
    list_is_authoritative: bool = False
    validity_period: bool = False
    counts_parts: bool = True  # SMS is paced and billed by part
    max_in_flight: int = 64
    notes: tuple[str, ...] = field(default=())


class Gateway(Protocol):
    """Hand messages to one provider. One suite of tests runs on every adapter."""

    channel: ClassVar[Channel]
    provider: ClassVar[str]

    @property
    def capabilities(self) -> Capabilities:
        """Return what this adapter can do."""
        ...

    async def open(self) -> None:
        """Prepare connections; called once inside the event loop."""
        ...

    async def send(self, outgoing: Outgoing) -> Result:
        """Hand over one message. Never raises for what a provider or network does: the result says it.

        A refusal is REFUSED only when the provider certainly did not process the request.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...

    async def check(self) -> str:
        """Reach the provider without sending; return '' when well, else one line with what to do."""
        ...
