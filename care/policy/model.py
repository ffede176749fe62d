"""The policy of one country: consent, contact hours, opt-out, caps and SMS wording."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from care.base.vocabulary import Purpose

DAY_MINUTES = 1440
DAYS_OF_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Span = tuple[int, int]
"""Minutes of a local day, half-open: (540, 1200) is 09:00 to 20:00."""


class ConsentRule(StrEnum):
    """What has to be on record before a purpose may be sent."""

    REQUIRED = "required"  #: a recorded yes
    IMPLIED = "implied"  #: no record is a yes; a recorded no is a no
    NONE = "none"  #: consent is not asked


class OptOutScope(StrEnum):
    """What a customer who says STOP no longer gets."""

    ALL = "all"
    MARKETING_AND_SURVEY = "marketing_and_survey"
    MARKETING = "marketing"
    SURVEY = "survey"

    @property
    def purposes(self) -> frozenset[Purpose]:
        """Return the purposes it silences; never the answer to something the customer writes."""
        return _SILENCED[self]


_MARKETING = frozenset({Purpose.OFFER, Purpose.GREETING})
_SILENCED: Mapping[OptOutScope, frozenset[Purpose]] = {
    OptOutScope.ALL: frozenset(Purpose) - {Purpose.REPLY},
    OptOutScope.MARKETING_AND_SURVEY: _MARKETING | {Purpose.SURVEY},
    OptOutScope.MARKETING: _MARKETING,
    OptOutScope.SURVEY: frozenset({Purpose.SURVEY}),
}


class WindowGroup(StrEnum):
    """Purposes that share contact hours. Replies belong to none: they are exempt."""

    MARKETING = "marketing"
    SURVEY = "survey"
    SERVICE = "service"


class UrlRule(StrEnum):
    """Whether carriers let links in an SMS pass."""

    ALLOWED = "allowed"
    REGISTERED = "registered"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """When sending is allowed, by the recipient's wall clock.

    `days` has the open spans of Monday to Sunday, sorted and apart; `holidays_of` is the country whose
    public holidays are closed as well, empty for none.
    """

    days: tuple[tuple[Span, ...], ...]
    holidays_of: str = ""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a week that is not one, and compute the hash once: windows are cache keys per message."""
        if len(self.days) != len(DAYS_OF_WEEK):
            raise ValueError("windows need seven days")
        for spans in self.days:
            edges = [-1, *(edge for span in spans for edge in span), DAY_MINUTES + 1]
            if edges != sorted(set(edges)):
                raise ValueError(f"windows need sorted spans of 0 to {DAY_MINUTES} minutes that do not touch")
        object.__setattr__(self, "_hash", hash((self.days, self.holidays_of)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def is_any_time(self) -> bool:
        """Tell whether no hour of no day is closed."""
        return self == ANY_TIME


ANY_TIME = Windows(days=(((0, DAY_MINUTES),),) * 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How often a customer may be written to; None is no limit, 0 is never."""

    marketing_per_7d: int | None = None
    marketing_per_30d: int | None = None
    survey_invites_per_30d: int | None = None
    survey_reminders: int | None = None
    all_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutRule:
    """How a refusal is heard and answered. Words are in the form of `keywords.normalise`."""

    scope: OptOutScope
    words: frozenset[str]
    start_words: frozenset[str]
    help_words: frozenset[str]
    honour_within: str
    confirm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsRule:
    """What carriers and the law ask of an SMS. Texts are by locale, with `{brand}` and `{hotline}`."""

    two_way: bool
    urls: UrlRule
    sender: str
    template_approval: bool
    marketing_mark: str
    prefix: Mapping[str, str]
    suffix: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryPolicy:
    """Everything `care` knows about writing to people in one country."""

    code: str
    name: str
    timezones: tuple[str, ...]
    languages: tuple[str, ...]
    hours: Mapping[WindowGroup, Windows]
    states: Mapping[str, Windows]  # marketing hours of an area, already cut down to the country's
    urgent_any_time: bool
    consent: Mapping[Purpose, ConsentRule]
    opt_out: OptOutRule
    caps: Caps
    sms: SmsRule
    evidence_years: int
    notes: str
    basis: str

    def consent_rule(self, purpose: Purpose) -> ConsentRule:
        """Return what has to be on record before a message of this purpose may go out."""
        return self.consent.get(purpose, ConsentRule.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies of all countries."""

    countries: Mapping[str, CountryPolicy]
    elsewhere: CountryPolicy

    def country(self, code: str | None) -> CountryPolicy:
        """Return the policy of a two-letter country code.

        A country without an entry, and no country, get the defaults with the narrowest hours of all.
        """
        known = (code or "").strip().upper()
        return self.countries.get(known) or replace(self.elsewhere, code=known)
