"""Which create requests Twilio refuses; the order of the lines is the order of its checks."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from care.simulators.twilio.catalogue import REFUSALS, Refusal
from care.simulators.twilio.model import Settings
from care.simulators.twilio.numbers import refusal_of_recipient, refusal_of_sender

Form = Mapping[str, str]

LONGEST_BODY: Final = 1600
LONGEST_VALIDITY_SECONDS: Final = 36_000
SOONEST: Final = timedelta(seconds=300)
LATEST: Final = timedelta(days=35)

_is_number: Final = re.compile(r"\+[1-9]\d{6,14}").fullmatch
_is_address: Final = re.compile(r"(?:whatsapp:|rcs:)?\+[1-9]\d{6,14}").fullmatch
_is_sender: Final = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}").fullmatch
_is_channel_sender: Final = re.compile(r"whatsapp:\+[1-9]\d{6,14}|rcs:\w+|messenger:\w+").fullmatch
_is_service: Final = re.compile(r"MG[0-9a-fA-F]{32}").fullmatch
_is_content: Final = re.compile(r"HX[0-9a-fA-F]{32}").fullmatch
#: http or https and a host name, in which Twilio allows no underscore
_is_url: Final = re.compile(
    r"https?://(?:[^/?#@\s]*@)?(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?(?:[/?#]\S*)?"
).fullmatch
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "ScheduleType": frozenset({"fixed"}),
    "ContentRetention": frozenset({"retain", "discard"}),
    "AddressRetention": frozenset({"retain", "obfuscate"}),
    "RiskCheck": frozenset({"enable", "disable"}),
    "TrafficType": frozenset({"free"}),
    **{
        name: frozenset({"true", "false", "True", "False"})
        for name in ("ProvideFeedback", "ForceDelivery", "SmartEncoded", "ShortenUrls", "SendAsMms")
    },
}
_COMMON: Final = frozenset(
    {"To", "From", "Body", "MessagingServiceSid", "StatusCallback", "ValidityPeriod", "MediaUrl", "ContentSid"}
)


def refuse(form: Form, settings: Settings, *, is_blocked: Callable[[str, str], bool], now: datetime) -> Refusal | None:
    """Return why Twilio would not accept this create request, None if it would.

    `form` has the parameters under Twilio's names; `is_blocked(recipient, sender)` knows who has opted out.
    """
    code = (
        _missing(form)
        or _bad_recipient(form["To"], settings)
        or _bad_sender(form, settings)
        or _bad_text(form)
        or _bad_callback(form.get("StatusCallback"))
        or _bad_validity(form.get("ValidityPeriod"))
    )
    if code is None and not form.keys() <= _COMMON:
        code = _bad_rarity(form, now)
    if code is not None:
        return REFUSALS[code]
    sender = form.get("MessagingServiceSid") or form["From"]
    if is_blocked(form["To"], sender):
        return REFUSALS[21610]
    return refusal_of_recipient(form["To"]) or refusal_of_sender(form.get("From", ""))


def _missing(form: Form) -> int | None:
    if not form.get("To"):
        return 21604
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return 21603
    if not form.get("Body") and not form.get("MediaUrl") and not form.get("ContentSid"):
        return 21602
    return None


def _bad_recipient(to: str, settings: Settings) -> int | None:
    if not _is_address(to):
        return 21211
    if settings.closed_prefixes and to.startswith(settings.closed_prefixes):
        return 21408
    return None


def _bad_sender(form: Form, settings: Settings) -> int | None:
    service, sender = form.get("MessagingServiceSid"), form.get("From")
    if service and not _is_service(service):
        return 21705
    if service and settings.services and service not in settings.services:
        return 21701
    return _bad_from(sender, form["To"], settings) if sender else None


def _bad_from(sender: str, to: str, settings: Settings) -> int | None:
    if not _is_sender(sender) and not _is_channel_sender(sender):
        return 21212
    if sender == to:
        return 21266
    if settings.senders and sender not in settings.senders:
        return 21606
    if to.startswith("+1") and not _is_number(sender) and not sender.isdecimal():
        return 21612  # no alphanumeric sender in the United States and Canada
    return None


def _bad_text(form: Form) -> int | None:
    if len(form.get("Body", "")) > LONGEST_BODY:
        return 21617
    content = form.get("ContentSid")
    if content and not _is_content(content):
        return 21655
    media = form.get("MediaUrl")
    return 21620 if media and not _is_url(media) else None


def _bad_callback(url: str | None) -> int | None:
    return 21609 if url and not _is_url(url) else None


def _bad_validity(seconds: str | None) -> int | None:
    if seconds is None:
        return None
    plain = seconds.isascii() and seconds.isdecimal()
    return None if plain and 1 <= int(seconds) <= LONGEST_VALIDITY_SECONDS else 21624


def _bad_rarity(form: Form, now: datetime) -> int | None:
    for name, choices in _CHOICES.items():
        if name in form and form[name] not in choices:
            return 20001
    if "Attempt" in form and not form["Attempt"].isdecimal():
        return 20001
    if "ScheduleType" in form:
        return _bad_schedule(form, now)
    return None


def _bad_schedule(form: Form, now: datetime) -> int | None:
    if not form.get("SendAt"):
        return 35111
    if not form.get("MessagingServiceSid"):
        return 35118
    send_at = parse_instant(form["SendAt"])
    if send_at is None:
        return 35114
    return None if SOONEST <= send_at - now <= LATEST else 35115


def parse_instant(text: str) -> datetime | None:
    """Return the aware instant an ISO 8601 text names, None if it names none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
