"""The shape of a policy file, checked key by key; every key is optional, so that an operator's file can be short."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from care.base.errors import CareError
from care.base.vocabulary import Purpose
from care.calendars.public import known_countries
from care.calendars.walltime import load_zone
from care.policy.hours import is_days, parse_days, parse_span
from care.policy.model import ConsentRule, OptOutScope, UrlRule, WindowGroup

_TEXTS = ("prefix", "suffix")
_CONSENTED = frozenset({Purpose.GREETING, Purpose.OFFER, Purpose.SURVEY})


def _checked_days(text: str) -> str:
    parse_days(text)
    return text


def _checked_span(text: str) -> str:
    parse_span(text)
    return text


def _checked_zone(name: str) -> str:
    try:
        return load_zone(name).key
    except CareError as error:
        raise ValueError(str(error)) from None


def _checked_country(code: str) -> str:
    if code not in known_countries():
        raise ValueError(f"'{code}' is not a two-letter country code")
    return code


def _checked_purpose(purpose: Purpose) -> Purpose:
    if purpose not in _CONSENTED:
        raise ValueError(f"consent is never asked for {purpose}; only greeting, offer and survey can be named")
    return purpose


Hours = Annotated[
    dict[Annotated[str, AfterValidator(_checked_days)], list[Annotated[str, AfterValidator(_checked_span)]]],
    Field(min_length=1),
]
Words = list[list[str]]
Cap = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OptOutPart(_Part):
    """How a refusal is heard and answered."""

    scope: OptOutScope | None = None
    honour_within: str | None = None
    confirm: bool | None = None
    words: Words | None = None
    start_words: Words | None = None
    help_words: Words | None = None


class CapsPart(_Part):
    """Frequency caps; an empty value takes a cap away."""

    marketing_per_7d: Cap | None = None
    marketing_per_30d: Cap | None = None
    survey_invites_per_30d: Cap | None = None
    survey_reminders: Cap | None = None
    all_per_day: Cap | None = None


class SmsPart(_Part):
    """What carriers and the law ask of an SMS."""

    two_way: bool | None = None
    urls: UrlRule | None = None
    sender: str | None = None
    template_approval: bool | None = None
    marketing_mark: str | None = None
    prefix: dict[str, str] | None = None
    suffix: dict[str, str] | None = None


class CountryPart(_Part):
    """One country, or the defaults."""

    name: str | None = None
    timezones: list[Annotated[str, AfterValidator(_checked_zone)]] | None = None
    languages: list[str] | None = None
    hours: dict[WindowGroup, Hours] | None = None
    states: dict[str, Hours] | None = None
    closed_on_holidays: list[WindowGroup] | None = None
    urgent_service: Literal["any_time", "in_hours"] | None = None
    consent: dict[Annotated[Purpose, AfterValidator(_checked_purpose)], ConsentRule] | None = None
    opt_out: OptOutPart | None = None
    caps: CapsPart | None = None
    evidence_years: Annotated[int, Field(ge=0)] | None = None
    sms: SmsPart | None = None
    notes: str | None = None
    basis: Literal["rule", "custom", "own"] | None = None


class WordsPart(_Part):
    """Words that count in every country."""

    opt_out: Words | None = None
    opt_in: Words | None = None
    help: Words | None = None


class PolicyFile(_Part):
    """A policy file: the product's own, or an operator's that is laid over it."""

    default: CountryPart | None = None
    worldwide: WordsPart | None = None
    countries: dict[Annotated[str, AfterValidator(_checked_country)], CountryPart] | None = None


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the keys of `above` over it; mappings merge, but hours, texts and lists are replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and key not in _TEXTS and not _is_hours(value):
            merged[key] = laid_over(old, value)
        else:
            merged[key] = value
    return merged


def _is_hours(value: Mapping[str, Any]) -> bool:
    return any(is_days(key) for key in value)
