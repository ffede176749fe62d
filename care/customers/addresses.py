"""Phone numbers and e-mail addresses: one written form each, a keyed hash, a time zone where the number tells it.

The libraries decide what an address is. Common forms take a short cut that is built from the libraries' own data, so
that both ways answer alike; a property test holds them side by side.
"""

import hmac
import re
from collections.abc import Callable
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata

from care.base.errors import InputError
from care.base.vocabulary import Channel


class AddressError(InputError):
    """A phone number or e-mail address that nobody can be reached at; the text never repeats the address."""


class AddressHasher:
    """Hashes addresses with the suppression key, so that a ban is recognised without keeping the address."""

    def __init__(self, key: bytes) -> None:
        """Take the secret key; another key makes every stored hash meaningless (see `care.customers.keys`)."""
        self._keyed = hmac.new(key, digestmod="sha256")

    def hash(self, channel: str, address: str) -> str:
        """Return 32 hex digits for a normalised address.

        Letters of e-mail addresses are compared without case, so that an opt-out holds however they are typed.
        """
        if channel == Channel.EMAIL:
            address = address.lower()
        mac = self._keyed.copy()
        mac.update(f"{channel}:{address}".encode())
        return mac.hexdigest()[:32]


SHORT_CUT_COUNTRIES = ("CN", "TW", "HK", "GB", "US", "SG", "FR", "DE")
_WITH_TRUNK_ZERO = {"TW", "GB", "FR", "DE"}
_DOUBLE_ZERO = re.compile(r"[\s(]*00\s*(?=[1-9])")


def normalise_phone(raw: str, country: str) -> str:
    """Return a phone number as E.164, such as +8613812345678.

    `raw` may be written nationally for `country` (two letters), or with + or 00 and a country code; full-width
    digits and separators are understood. Short codes such as 10086 are no numbers to write to.

    Raises:
        AddressError: if no subscriber can have this number.
    """
    raw = raw.strip()
    if _international().fullmatch(raw):
        return raw
    local = _local(country)
    if local and (match := local[1].fullmatch(raw)):
        return local[0] + match[1]
    return phone_by_library(raw, country)


def phone_by_library(raw: str, country: str) -> str:
    """Return what phonenumbers alone makes of `raw`; same contract as `normalise_phone`."""
    number = _parsed(raw, country)
    if number is None and (zeros := _DOUBLE_ZERO.match(raw)):
        number = _parsed("+" + raw[zeros.end() :], country)
    if number is None:
        raise AddressError(
            f"is no phone number of {country}, nor a full one of another country. Write it with + and the country code"
        )
    if number.extension:
        raise AddressError("has an extension, which no message reaches. Give a direct number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(raw: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _mobile(country: str) -> tuple[int, str]:
    metadata = PhoneMetadata.metadata_for_region(country)
    assert metadata is not None
    assert metadata.mobile is not None
    assert metadata.country_code is not None
    return metadata.country_code, metadata.mobile.national_number_pattern or ""


@cache
def _international() -> re.Pattern[str]:
    """Recognise +, country code and a mobile number of the short-cut countries: already E.164."""
    forms = (f"{code}(?:{pattern})" for code, pattern in map(_mobile, SHORT_CUT_COUNTRIES))
    return re.compile(rf"\+(?:{'|'.join(forms)})", re.ASCII)


@cache
def _local(country: str) -> tuple[str, re.Pattern[str]] | None:
    """Return the prefix and the national form of a short-cut country's mobile numbers."""
    if country not in SHORT_CUT_COUNTRIES:
        return None
    code, pattern = _mobile(country)
    trunk = "0?" if country in _WITH_TRUNK_ZERO else ""
    return f"+{code}", re.compile(f"{trunk}({pattern})", re.ASCII)


def region_of_phone(e164: str) -> str | None:
    """Return the two-letter country of a valid number; None for numbers that belong to none, such as satellites."""
    for digits in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(e164[1 : 1 + digits]))
        if regions is not None and len(regions) == 1:
            return regions[0] if regions[0].isalpha() else None
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164))


def zone_of_phone(e164: str) -> str | None:
    """Return the IANA zone of a valid number, or None unless the number tells exactly one."""
    zones = _zones_by_code()
    for digits in (1, 2, 3):
        zone = zones.get(e164[1 : 1 + digits])
        if zone is not None:
            return zone
    return zone_by_library(e164)


def zone_by_library(e164: str) -> str | None:
    """Return what phonenumbers alone says; same contract as `zone_of_phone`."""
    from phonenumbers import timezone

    zones = timezone.time_zones_for_number(phonenumbers.parse(e164))
    return zones[0] if len(zones) == 1 and zones[0] != timezone.UNKNOWN_TIMEZONE else None


@cache
def _zones_by_code() -> dict[str, str]:
    """Return the country codes whose every number lies in one and the same zone."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    found: dict[str, set[tuple[str, ...]]] = {}
    codes = {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
    for prefix, zones in TIMEZONE_DATA.items():
        code = next(prefix[:n] for n in (1, 2, 3) if prefix[:n] in codes)
        found.setdefault(code, set()).add(zones)
    single = {code: next(iter(zones)) for code, zones in found.items() if len(zones) == 1 and code in TIMEZONE_DATA}
    return {code: zones[0] for code, zones in single.items() if len(zones) == 1}


_ATOM = r"[A-Za-z0-9_+-]+"
_plain_local: Callable[[str], re.Match[str] | None] = re.compile(rf"(?=.{{1,64}}\Z){_ATOM}(?:\.{_ATOM})*").fullmatch
_LONGEST_EMAIL = 254


@cache
def _role_names() -> frozenset[str]:
    from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES  # senders need only the hash above

    return frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def normalise_email(raw: str) -> str:
    """Return an e-mail address as it is written to: domain in lower case, Unicode composed.

    Only the writing is checked, no name server is asked.

    Raises:
        AddressError: if no mail can be delivered to such an address.
    """
    raw = raw.strip()
    local, at, domain = raw.partition("@")
    if at and len(raw) <= _LONGEST_EMAIL and _plain_local(local) and local.lower() not in _role_names():
        ascii_domain = _plain_domain(domain)
        if ascii_domain:
            return f"{local}@{ascii_domain}"
    return email_by_library(raw)


def email_by_library(raw: str) -> str:
    """Return what email-validator alone makes of `raw`; same contract as `normalise_email`."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(raw, check_deliverability=False).normalized
    except EmailNotValidError:
        raise AddressError("is no e-mail address. Write it like name@example.com") from None


@lru_cache(maxsize=4096)
def _plain_domain(domain: str) -> str:
    """Return the normal form of a plain ASCII domain, or nothing when only the library can tell."""
    if not domain.isascii():
        return ""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return ""
    return found.domain if found.domain.isascii() else ""
