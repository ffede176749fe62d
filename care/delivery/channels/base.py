"""The port of channels: hand one rendered text to a provider and say what certainly happened."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

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


class Retry(StrEnum):
    """When another try on the same channel makes sense."""

    NOW = "now"  #: after a short back-off
    LATER = "later"  #: after a long back-off, a few times
    NEXT_DAY = "next_day"  #: a daily limit was reached
    AFTER_30_MIN = "after_30_min"
    NEVER = "never"  #: neither here nor elsewhere; what is uncertain is asked about first
    OTHER_CHANNEL = "other_channel"  #: never on this channel


class Suppress(StrEnum):
    """Whom to spare from now on."""

    NONE = "none"
    NUMBER = "number"  #: the address, at once
    NUMBER_FOR_SMS = "number-for-sms"  #: no SMS to this number; voice may still reach it
    AFTER_N = "after-n"  #: the address, after several in a row
    CONSENT = "consent"  #: record an opt-out that the provider knew before us


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """What one code means and what follows from it."""

    error_class: ErrorClass
    retry: Retry
    suppress: Suppress
    outcome_is_certain: bool  # False: it may have been taken; never send again before that is settled
    meaning: str  # half a sentence for people

    @property
    def is_permanent(self) -> bool:
        """Tell whether another try on this channel is certainly pointless."""
        return self.outcome_is_certain and self.retry in (Retry.NEVER, Retry.OTHER_CHANNEL)

    @property
    def is_about_us(self) -> bool:
        """Tell whether any message would fare the same: our account or the way there is at fault, not the message."""
        ours = self.error_class in (ErrorClass.CONFIG, ErrorClass.TRANSPORT)
        return ours and self.outcome_is_certain and self.retry in (Retry.NOW, Retry.LATER)


class Outgoing(NamedTuple):
    """One rendered message, ready to leave. `token` is secret, random and of this attempt alone.

    Its `repr` shows ids only: no address, no text, no secret. A tuple, as one is made for every message.
    """

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

    def __repr__(self) -> str:
        return f"Outgoing(attempt_id={self.attempt_id}, message_id={self.message_id})"


class Result(NamedTuple):
    """What is certain after one call."""

    attempt_id: int
    outcome: Outcome  # ACCEPTED, REFUSED or UNKNOWN; never INTENT
    provider_ref: str = ""
    status: str = ""  # the provider's own first word: queued, accepted, sent
    error_code: str = ""
    error_class: ErrorClass | None = None
    retry_after_seconds: float | None = None
    rule: ErrorRule | None = None  # what follows from it; None when accepted


def refusal(attempt_id: int, rule: ErrorRule, code: str, *, retry_after_seconds: float | None = None) -> Result:
    """Return the result of a call that was not plainly accepted: REFUSED when that is certain, else UNKNOWN."""
    return Result(
        attempt_id=attempt_id,
        outcome=Outcome.REFUSED if rule.outcome_is_certain else Outcome.UNKNOWN,
        error_code=code,
        error_class=rule.error_class,
        retry_after_seconds=retry_after_seconds,
        rule=rule,
    )


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

    @property
    def channel(self) -> Channel:
        """What kind of address it reaches."""
        ...

    @property
    def provider(self) -> str:
        """Name of the provider in attempts and receipts."""
        ...

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
