"""What is known about one customer and one campaign on one day: plain values, gathered by the loader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from care.base.vocabulary import Channel, Purpose
from care.customers.model import Suppression
from care.policy.caps import Release
from care.policy.model import ConsentRule
from care.reports.log import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Something owed on the day: the occasion's key, and when."""

    occasion: str
    due_at: datetime
    use_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What the customer said about a purpose on a channel; `given` None where nothing is on record."""

    rule: ConsentRule
    given: bool | None = None
    at: datetime | None = None

    @property
    def allows(self) -> bool:
        """Tell whether the purpose may be sent on the channel."""
        if self.rule is ConsentRule.NONE:
            return True
        return self.given is True if self.rule is ConsentRule.REQUIRED else self.given is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Where the customer's household stands in a hold-out group; below the share means left out."""

    group: str
    share: float
    position: float

    @property
    def is_out(self) -> bool:
        """Tell whether the household is left out."""
        return self.position < self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A pause or a cancellation that concerns the campaign."""

    scope: str
    until: datetime | None = None
    by: str = ""
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What of the record decides for every campaign."""

    erased_at: datetime | None
    has_left: bool
    left_on: date | None
    deceased: bool
    minor: bool
    hardship: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFacts:
    """Everything the chain of decisions looks at. Suppressions are those that silence the purpose, by channel."""

    campaign_id: str
    name: str
    purpose: Purpose
    channels: tuple[Channel, ...]
    occasion: str  # in plain English
    day: date
    today: date
    zone: str  # of the clock that times are shown on
    person: Person
    owed: Sequence[Owed]
    next_on: date | None  # the next day it is due, None within the horizon looked at
    lacks: str  # what the record lacks for this occasion ever to come: "no birthday on record"
    disqualified: str | None  # the leaf of the audience that failed, None who qualifies
    contacts: frozenset[Channel]
    suppressions: Mapping[Channel, Sequence[Suppression]]
    open_channels: frozenset[Channel]  # with an address that nothing silences
    consents: Mapping[Channel, Word]
    lot: Lot | None
    stops: Sequence[Stop]
    opens_at: datetime | None  # next allowed hour at the due time; None: never
    cap: Release | None  # that the customer has reached when it is decided about
    messages: Sequence[Entry]
    kept_back: str = ""  # why the ledger says a cap kept it back, where counting again does not
    is_older_plan: bool = False  # a message was planned from another version of the file

    @property
    def due_at(self) -> datetime | None:
        """Return the first hour owed on the day."""
        return min((one.due_at for one in self.owed), default=None)
