"""The port of channels: hand one rendered text to a provider and say what certainly happened."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, cast

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
    LATER = "later"  #: after a long back-off
    ONCE = "once"  #: one further try, hours later
    FEW = "few"  #: a few further tries, far apart
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


class Idempotency(StrEnum):
    """What the provider does with a second request for a message that it has."""

    NONE = "none"  #: it takes it as another message
    KEY = "key"  #: under the same key, within `key_ttl`, it answers as to the first and sends nothing
    REJECTS_DUPLICATE_REF = "rejects duplicate ref"  #: it refuses the reference, which the adapter calls ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class ListByRecipient:
    """The provider can be asked what it took for one address (`Records.list_to`)."""

    settle: timedelta  # what it took is listed within this time
    is_authoritative: bool  # what it does not list by then it certainly did not take


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter may be relied on for. The suite of contracts holds every adapter to what it declares here."""

    two_way: bool
    callback_per_message: bool  # it tells by itself what became of each message
    client_ref_echo: bool = False  # and names our token, so that it settles a request whose answer was lost
    idempotency: Idempotency = Idempotency.NONE
    key_ttl: timedelta | None = None  # of `KEY`; the key is made of `Outgoing.message_ref`, the same for all attempts
    list_by_recipient: ListByRecipient | None = None
    validity_period: bool = False  # it drops what it could not pass on before `Outgoing.valid_until`
    definitive_errors: frozenset[str] = frozenset()  # answers, as in `error_classes.tsv`, after which it has nothing
    counts_parts: bool = True  # SMS is paced and billed by part
    max_in_flight: int = 64
    keeps_records: bool = False  # it implements `Records`: what became of a message may be asked
    lists_inbound: bool = False  # it implements `InboundRecords`: what customers wrote may be asked for again
    notes: tuple[str, ...] = field(default=())
    account: str = field(default="", repr=False)  # whose list that is: absence at another account proves nothing

    @property
    def list_is_authoritative(self) -> bool:
        """Tell whether absence from the provider's list proves that it did not take a message."""
        return self.list_by_recipient is not None and self.list_by_recipient.is_authoritative

    @property
    def list_settle(self) -> timedelta:
        """Return how long the list may lag behind; zero where there is none."""
        return self.list_by_recipient.settle if self.list_by_recipient else timedelta(0)

    def repeatable_until(self, first_intent: datetime) -> datetime | None:
        """Return until when a request may be repeated whatever became of the first, None where it may not.

        A little before the provider forgets the key: the repeat takes a while to reach it.
        """
        if self.idempotency is Idempotency.KEY and self.key_ttl is not None:
            return first_intent + self.key_ttl * 0.9
        return datetime.max.replace(tzinfo=UTC) if self.idempotency is Idempotency.REJECTS_DUPLICATE_REF else None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMessage:
    """One message as the provider's own records show it; `repr` shows no number and no text."""

    sid: str
    status: str
    direction: str
    created_at: datetime
    to: str = field(repr=False)
    body: str = field(repr=False)
    error_code: str = ""
    parts: int = 0  # 0: not known yet
    price: Decimal | None = None  # in `price_unit`, below zero as providers write it; known only after sending
    price_unit: str = ""


class Records(Protocol):
    """Ask a provider what it has recorded; adapters whose capabilities say `keeps_records` do this too.

    Every question raises UnavailableError when the provider gives no usable answer.
    """

    async def fetch(self, sid: str) -> ProviderMessage | None:
        """Return one message by the provider's reference, None when it knows none."""
        ...

    async def list_to(self, number: str, after: datetime) -> list[ProviderMessage]:
        """Return our messages to an address created at or after an instant, newest first."""
        ...

    def list_between(self, start: datetime, end: datetime) -> AsyncIterator[ProviderMessage]:
        """Yield our messages created from `start` up to `end`, in any order, page after page.

        What the provider has not passed on yet, or never did, may be left out: `fetch` tells of it.
        """
        ...


def records_of(gateway: Gateway) -> Records | None:
    """Return the gateway as one that can be asked, None where it cannot."""
    return cast("Records", gateway) if gateway.capabilities.keeps_records else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMessage:
    """What a customer wrote, as the provider's own records show it; `repr` shows no number and no text."""

    sid: str
    at: datetime  # when the provider got it
    form: Mapping[str, str] = field(repr=False)  # the fields that its webhook would have brought, as far as listed


class InboundRecords(Protocol):
    """Ask a provider what customers wrote; adapters whose capabilities say `lists_inbound` do this."""

    def list_inbound(self, start: datetime, end: datetime) -> AsyncIterator[CustomerMessage]:
        """Yield what came in for our own senders from `start` up to `end`, each once, in any order.

        Raises:
            UnavailableError: the provider gives no usable answer.
        """
        ...


def inbound_records_of(gateway: Gateway) -> InboundRecords | None:
    """Return the gateway as one that can be asked what customers wrote, None where it cannot."""
    return cast("InboundRecords", gateway) if gateway.capabilities.lists_inbound else None
