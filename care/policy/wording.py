"""What stands before and after the text of an SMS: the sender's name and the way to refuse."""

from collections.abc import Iterator, Mapping

from care.base.vocabulary import Purpose
from care.policy.model import CountryPolicy

_ANY = "any"
_NEXT_OF_KIN = {"zh-HK": "zh-TW", "zh-MO": "zh-TW", "zh-Hant": "zh-TW"}


def sms_wrapping(
    policy: CountryPolicy,
    purpose: Purpose,
    locale: str,
    brand: str,
    hotline: str,
    *,
    transport_adds_signature: bool = False,
) -> tuple[str, str]:
    """Return (prefix, suffix) of an SMS; empty strings where there is none.

    `transport_adds_signature` leaves the brand out, because the gateway puts it there itself; a mark
    that marketing has to begin with stays. Only marketing has a suffix.
    """
    mark = policy.sms.marketing_mark if purpose.is_marketing else ""
    signature = "" if transport_adds_signature else _text_for(locale, policy.sms.prefix)
    suffix = _text_for(locale, policy.sms.suffix) if purpose.is_marketing else ""
    return mark + _fill(signature, brand, hotline), _fill(suffix, brand, hotline)


def _text_for(locale: str, texts: Mapping[str, str]) -> str:
    return next((texts[name] for name in _fallbacks(locale) if name in texts), "")


def _fallbacks(locale: str) -> Iterator[str]:
    """Yield the locale, its nearest relatives, `any`, and English."""
    yield locale
    if locale in _NEXT_OF_KIN:
        yield _NEXT_OF_KIN[locale]
    language = locale.split("-", maxsplit=1)[0]
    yield language
    if language == "zh":
        yield "zh-CN"
    yield _ANY
    yield "en"


def _fill(text: str, brand: str, hotline: str) -> str:
    return text.replace("{brand}", brand).replace("{hotline}", hotline)
