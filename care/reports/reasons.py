"""Reasons of the ledger in plain words, with what to do about each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from care.base.vocabulary import Channel
from care.delivery.channels.base import ErrorClass
from care.messages.model import PLAIN_WORDS, MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What happened, and what to do next."""

    text: str
    advice: str = ""


_WHOLE: Mapping[str, Words] = {
    "deceased": Words(text="reported as deceased", advice="nothing; correct the record if it is wrong"),
    "left": Words(text="is no longer a customer", advice="nothing; only what is owed under the contract goes out"),
    "minor": Words(text="is under age: no greetings or offers", advice="nothing; correct the record if it is wrong"),
    "hardship": Words(text="is on a hardship tariff: no offers", advice="nothing"),
    "no_contact": Words(text="has no address on the channels of this campaign", advice="import a phone or an e-mail"),
    "suppressed_or_no_contact": Words(
        text="every address is silenced, or there is none", advice="care customers show tells which"
    ),
    "no_consent": Words(
        text="has not agreed to this purpose on any channel of the campaign",
        advice="import the consent if there is one: care import consents",
    ),
    "late": Words(text="its time had passed when it was planned", advice="nothing; late is worse than never"),
    "quiet_hours": Words(text="outside the allowed hours", advice="nothing; it wakes at the next allowed hour"),
    "paused": Words(text="stopped by hand", advice="care resume lets it go"),
    "waits for approval": Words(
        text="waits until somebody approves the campaign's day", advice="care plan --campaign NAME, then care approve"
    ),
    "no longer owed": Words(text="the reason for it is gone: renewed, paid, closed or moved", advice="nothing"),
    "customer erased": Words(text="the customer's data was erased", advice="nothing"),
    "campaign withdrawn": Words(text="the campaign's file was taken away", advice="nothing; put it back if meant"),
    "spend_limit": Words(text="the day's money is spent", advice="raise limits.spend_per_day, or wait for tomorrow"),
    "international_limit": Words(
        text="the day's limit for other countries is reached", advice="raise limits.international_per_day, or wait"
    ),
    "cancelled by ops": Words(text="cancelled by hand", advice="nothing"),
    "sent again by ops": Words(text="sent again by hand", advice="nothing"),
    "no other channel reaches": Words(
        text="failed, and no other channel reaches", advice="care message show tells why; mend it, then care retry"
    ),
    "re-elected": Words(text="is told after all, because another of the household was not", advice="nothing"),
    "yields to a more important message": Words(
        text="gives way to a more important message within a day", advice="nothing; it waits while there is time"
    ),
}

_BEFORE_COLON: Mapping[str, Words] = {
    "holdout": Words(text="left out on purpose, to measure the effect (group {rest})", advice="nothing"),
    "suppressed": Words(text="must not be written to: {rest}", advice="only the customer can lift an opt-out"),
    "frequency_cap": Words(text="had as many messages as allowed ({rest})", advice="nothing; the cap is in the policy"),
    "told_via": Words(text="was told through another account on the same phone (message {rest})", advice="nothing"),
    "trial": Words(text="trial: not among the addresses in trial.only_to", advice="end the trial, or add the address"),
    "quiet_hours": Words(text="outside the allowed hours: {rest}", advice="give the customer a time zone"),
    "channel_closed": Words(
        text="the provider takes nothing ({rest})", advice="mend what care doctor tells; it goes by itself then"
    ),
}

_MEND_ADDRESS = "correct the address, then care retry"
_IN_TIME = "care retry while there is time"
_ERRORS: Mapping[ErrorClass, Words] = {
    ErrorClass.CAPACITY: Words(text="the provider asked to slow down", advice="nothing unless many: lower the rate"),
    ErrorClass.TRANSPORT: Words(text="the provider could not be reached", advice="care doctor tells why"),
    ErrorClass.AMBIGUOUS: Words(text="it is not certain that the provider took it"),
    ErrorClass.NUMBER_PERMANENT: Words(text="the address does not exist or takes no messages", advice=_MEND_ADDRESS),
    ErrorClass.NUMBER_SOFT: Words(text="the address has probably been given up", advice=_MEND_ADDRESS),
    ErrorClass.UNREACHABLE: Words(text="the phone or mailbox is off or full", advice=_IN_TIME),
    ErrorClass.OPTED_OUT: Words(text="the provider knows of an opt-out", advice="nothing; it is respected from now on"),
    ErrorClass.BLOCKED: Words(text="the carrier or receiver blocks us", advice="ask the provider why"),
    ErrorClass.FILTERED: Words(
        text="it was filtered on its way", advice="check its wording and who it says it is from"
    ),
    ErrorClass.EXPIRED: Words(text="it waited on its way until its time was over", advice="nothing"),
    ErrorClass.RISK: Words(text="the provider suspects misuse", advice="ask the provider before sending more"),
    ErrorClass.QUIET_HOURS: Words(text="the carrier's own quiet hours", advice="care retry at an allowed hour"),
    ErrorClass.LOOP_GUARD: Words(text="the same text went there too often", advice="nothing"),
    ErrorClass.CONFIG: Words(text="our account or settings are wrong", advice="care doctor; mend, then care retry"),
    ErrorClass.UNKNOWN: Words(text="the provider gave no reason we know", advice="see the code in care message show"),
}
"""Where the channel is not known, or makes no difference."""

_BY_CHANNEL: Mapping[Channel, Mapping[ErrorClass, Words]] = {
    Channel.SMS: {
        ErrorClass.NUMBER_PERMANENT: Words(
            text="the number does not exist or takes no text messages", advice=_MEND_ADDRESS
        ),
        ErrorClass.NUMBER_SOFT: Words(text="the number has probably been given up", advice=_MEND_ADDRESS),
        ErrorClass.UNREACHABLE: Words(text="the phone is off or full", advice=_IN_TIME),
        ErrorClass.BLOCKED: Words(text="the carrier or the recipient blocks us", advice="ask the provider why"),
        ErrorClass.FILTERED: Words(
            text="the carrier filtered the text", advice="check its wording and registration, then care retry"
        ),
        ErrorClass.EXPIRED: Words(text="it waited at the carrier until its time was over", advice="nothing"),
    },
    Channel.EMAIL: {
        ErrorClass.NUMBER_PERMANENT: Words(
            text="the mailbox or its domain does not exist or takes no mail", advice=_MEND_ADDRESS
        ),
        ErrorClass.NUMBER_SOFT: Words(
            text="the mailbox refuses mail and has probably been given up", advice=_MEND_ADDRESS
        ),
        ErrorClass.UNREACHABLE: Words(text="the mailbox is full or cannot be reached", advice=_IN_TIME),
        ErrorClass.BLOCKED: Words(
            text="the receiver blocks our relay", advice="look our relay up on block lists, then care retry"
        ),
        ErrorClass.FILTERED: Words(
            text="the receiver took the mail for spam or has a rule against it",
            advice="check its wording and the sender's SPF, DKIM and DMARC, then care retry",
        ),
        ErrorClass.QUIET_HOURS: Words(text="the receiver takes nothing at this hour", advice=_IN_TIME),
        ErrorClass.CONFIG: Words(
            text="our mail or its sender is not set up right",
            advice="see the code in care message show, and care doctor; mend, then care retry",
        ),
    },
}
_FINDINGS = re.compile(r"(?P<what>gave up after \d+ tries|no time left) ?(?:: |after )(?P<error>[\w-]+)")
_AGAIN: Mapping[str, str] = {"again later": "again later", "the next channel": "another channel is looked for"}
_NO_OTHER = "no other channel"


def in_words(reason: str | None, channel: str | None = None) -> Words:
    """Return a reason as a clerk would say it; what is not listed is said as it stands.

    `channel` is the one it is about: a phone is off, a mailbox is full.
    """
    if not reason:
        return Words(text="")
    if reason in _WHOLE:
        return _WHOLE[reason]
    head, colon, rest = reason.partition(":")
    if colon and head in _BEFORE_COLON:
        words = _BEFORE_COLON[head]
        return Words(text=words.text.format(rest=_spoken(rest)), advice=words.advice)
    if reason.startswith("template "):
        return Words(text=reason, advice="mend the template or the data: care campaigns check")
    return _failure(reason, channel)


def _failure(reason: str, channel: str | None) -> Words:
    """Return the words for what a provider's refusal led to, `unreachable: again later` among them."""
    found = _FINDINGS.fullmatch(reason)
    if found:
        error = _error(found["error"], channel)
        return Words(text=f"{found['what']}: {error.text}", advice=error.advice)
    head, _, rest = reason.partition(": ")
    error = _error(head, channel)
    if rest in _AGAIN:
        return Words(text=f"{error.text}; {_AGAIN[rest]}", advice="nothing")
    if rest == _NO_OTHER:
        return Words(text=f"{error.text}, and {_NO_OTHER} reaches", advice=error.advice)
    return _error(reason, channel)


def _error(word: str, channel: str | None) -> Words:
    try:
        error = ErrorClass(word)
    except ValueError:
        return Words(text=_spoken(word))
    return _BY_CHANNEL.get(Channel(channel), {}).get(error, _ERRORS[error]) if channel else _ERRORS[error]


def _spoken(word: str) -> str:
    return word.strip().replace("_", " ")


_OF_MAIL: Mapping[MessageStatus, str] = {
    MessageStatus.SENT: "handed to the receiving mail server; not confirmed yet",
    MessageStatus.UNDELIVERED: "the mail could not be delivered",
}

_SENT_AGAIN = "sent again: "
"""Begins the reason of what goes again out of doubt; then follows why."""


def status_alone(status: str, channel: str | None = None) -> str:
    """Return where a message stands, without why. Only of a phone there is a carrier and a device."""
    of_mail = _OF_MAIL if channel == Channel.EMAIL else {}
    found = MessageStatus(status)
    return of_mail.get(found, PLAIN_WORDS[found][0])


def standing_in_words(status: str, reason: str | None, channel: str | None = None) -> tuple[str, str]:
    """Return where a message stands, and why: what goes again out of doubt waits for no hour."""
    if status == MessageStatus.PLANNED and reason and reason.startswith(_SENT_AGAIN):
        return "to be sent again", reason.removeprefix(_SENT_AGAIN)
    return status_alone(status, channel), in_words(reason, channel).text


def status_in_words(status: str, reason: str | None = None, channel: str | None = None) -> Words:
    """Return where a message stands and what to do next: the reason's own advice where it has one.

    `channel` is that of its last try.
    """
    text, why = standing_in_words(status, reason, channel)
    advice = in_words(reason, channel).advice or PLAIN_WORDS[MessageStatus(status)][1]
    return Words(text=f"{text}: {why}" if why else text, advice=advice)
