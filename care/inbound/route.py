"""What a customer's text message leads to: an open question first, then keywords, else the inbox.

Everything happens in the transaction that stores the message: an opt-out is as durable as its text.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.vocabulary import Channel
from care.customers.addresses import AddressError, AddressHasher, normalise_phone, region_of_phone
from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.suppressions import lift_opt_out, opted_out_elsewhere_since, suppress_hash
from care.delivery.bad_news import Allowed, every_channel
from care.delivery.mail_ids import MailIds
from care.inbound import store
from care.inbound.model import HandledAs, Inbound, Incoming, ReplyHandler
from care.inbound.replies import reply_by_itself
from care.policy.keywords import Keyword, classify
from care.policy.model import OptOutScope, Policies

SOURCE = "sms"
_HANDLED = {
    Keyword.OPT_OUT: HandledAs.OPT_OUT,
    Keyword.OPT_IN: HandledAs.OPT_IN,
    Keyword.HELP: HandledAs.HELP,
}
_AGAINST = {
    HandledAs.OPT_OUT: (HandledAs.OPT_IN,),
    HandledAs.NO_SURVEYS: (HandledAs.OPT_IN,),
    HandledAs.OPT_IN: (HandledAs.OPT_OUT, HandledAs.NO_SURVEYS),
}
_PROVIDER_WORDS = {"STOP": HandledAs.OPT_OUT, "START": HandledAs.OPT_IN, "HELP": HandledAs.HELP}


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRules:
    """What routing needs besides the message."""

    policies: Policies
    hasher: AddressHasher
    mail_ids: MailIds
    operator_country: str
    operator_zone: str
    answered_by_provider: frozenset[str] = frozenset()
    """Words, in capitals, that the provider confirms by itself; our own answer would be a second one."""
    handlers: Sequence[ReplyHandler] = ()
    allowed: Allowed = every_channel
    """The channels that a campaign's messages may go on by, after bad news."""


def receive(
    conn: sa.Connection, messages: Sequence[Incoming], *, rules: InboundRules, now: datetime
) -> list[HandledAs | None]:
    """Store inbound messages and do what each asks for; return what they were handled as, None for a repeat."""
    senders = [_sender_of(incoming, rules) for incoming in messages]
    store.lock_addresses(conn, [sender.address_hash for sender in senders])
    return [_receive(conn, *pair, rules=rules, now=now) for pair in zip(messages, senders, strict=True)]


def _receive(
    conn: sa.Connection, incoming: Incoming, sender: "_Sender", *, rules: InboundRules, now: datetime
) -> HandledAs | None:
    inbound = _store(conn, incoming, sender)
    if inbound is None:
        return None
    handled_as = _handle(conn, inbound, incoming, rules, now)
    if handled_as is not HandledAs.INBOX:
        store.set_handled(conn, inbound.id, handled_as)
    return handled_as


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    address: str
    address_hash: str
    country: str


def _sender_of(incoming: Incoming, rules: InboundRules) -> _Sender:
    """Return who wrote; a sender that is no phone number is kept as it is, in the operator's country."""
    address, country = incoming.sender, rules.operator_country
    with contextlib.suppress(AddressError):
        address = normalise_phone(incoming.sender, country)
        country = region_of_phone(address) or country
    return _Sender(address=address, address_hash=rules.hasher.hash(incoming.channel, address), country=country)


def _store(conn: sa.Connection, incoming: Incoming, sender: _Sender) -> Inbound | None:
    latest = store.latest_message_to(conn, sender.address_hash, incoming.received_at)
    owners = store.owners(conn, channel=incoming.channel, address_hash=sender.address_hash)
    countries = {row.id: row.country for row in owners}
    customer_id = next(iter(countries), None)
    if latest is not None and latest.customer_id in countries:
        customer_id = int(latest.customer_id)
    about = None if latest is None else int(latest.id)
    inbound_id = store.add_inbound(
        conn,
        {
            "provider_ref": incoming.provider_ref,
            "channel": str(incoming.channel),
            "address_hash": sender.address_hash,
            "address": sender.address,
            "customer_id": customer_id,
            "text": incoming.text,
            "handled_as": str(HandledAs.INBOX),
            "about_message_id": about,
            "received_at": incoming.received_at,
        },
    )
    if inbound_id is None:
        return None
    return Inbound(
        id=inbound_id,
        provider_ref=incoming.provider_ref,
        channel=incoming.channel,
        address=sender.address,
        address_hash=sender.address_hash,
        text=incoming.text,
        provider_word=incoming.provider_word,
        country=countries.get(customer_id or 0, sender.country),
        customer_id=customer_id,
        about_message_id=about,
        received_at=incoming.received_at,
    )


def _handle(conn: sa.Connection, inbound: Inbound, incoming: Incoming, rules: InboundRules, now: datetime) -> HandledAs:
    handled_as = _meaning(conn, inbound, rules, now)
    template = ""
    if _is_overtaken(conn, inbound, handled_as, now):
        return handled_as
    if handled_as is HandledAs.OPT_OUT:
        template = _opt_out(conn, inbound, rules, now)
    elif handled_as is HandledAs.NO_SURVEYS:
        template = _no_surveys(conn, inbound, rules, now)
    elif handled_as is HandledAs.OPT_IN:
        template = _opt_in(conn, inbound, now)
    elif handled_as is HandledAs.HELP:
        template = "help_reply"
    if template and not _provider_answers(inbound, rules):
        reply_by_itself(
            conn,
            inbound,
            provider_ref=incoming.provider_ref,
            template=template,
            zone=rules.operator_zone,
            now=now,
        )
    return handled_as


def _is_overtaken(conn: sa.Connection, inbound: Inbound, handled_as: HandledAs, now: datetime) -> bool:
    """Tell whether the customer has said the opposite since: words may be fetched later than those that followed."""
    against = _AGAINST.get(handled_as)
    if against is None:
        return False
    whose = {"address_hash": inbound.address_hash, "channel": str(inbound.channel)}
    is_consent = handled_as is HandledAs.OPT_IN
    until = None if is_consent else now  # a consent from the future, of a clock since set back, takes no refusal away
    if store.is_overtaken(conn, **whose, at=inbound.received_at, until=until, by=against):
        return True
    return is_consent and opted_out_elsewhere_since(conn, **whose, since=inbound.received_at, but=SOURCE)


def _meaning(conn: sa.Connection, inbound: Inbound, rules: InboundRules, now: datetime) -> HandledAs:
    """Return what the message is; where the provider acted on a word already, that settles it."""
    if inbound.provider_word in _PROVIDER_WORDS:
        return _PROVIDER_WORDS[inbound.provider_word]
    for handler in rules.handlers:
        taken = handler.take(conn, inbound, now=now)
        if taken is not None:
            return taken
    keyword = classify(inbound.text, rules.policies.country(inbound.country))
    return _HANDLED[keyword] if keyword else HandledAs.INBOX


def _opt_out(conn: sa.Connection, inbound: Inbound, rules: InboundRules, now: datetime) -> str:
    """Write the suppression; return the template that confirms it, '' if it stood already or nobody must confirm."""
    rule = rules.policies.country(inbound.country).opt_out
    if not (_silence(conn, inbound, rule.scope.value, now) and rule.confirm):
        return ""
    return "optout_confirm_all" if rule.scope is OptOutScope.ALL else "optout_confirm"


def _no_surveys(conn: sa.Connection, inbound: Inbound, rules: InboundRules, now: datetime) -> str:
    """Silence surveys alone, whatever the country's scope is; return the template that confirms it, '' for none."""
    is_news = _silence(conn, inbound, SuppressionScope.SURVEY, now)
    return "optout_confirm_survey" if is_news and rules.policies.country(inbound.country).opt_out.confirm else ""


def _silence(conn: sa.Connection, inbound: Inbound, scope: str, now: datetime) -> bool:
    return suppress_hash(
        conn,
        address_hash=inbound.address_hash,
        channel=inbound.channel,
        scope=scope,
        reason=SuppressionReason.OPT_OUT,
        source=SOURCE,
        now=now,
    )


def _opt_in(conn: sa.Connection, inbound: Inbound, now: datetime) -> str:
    """End the opt-outs of the address; return the template that confirms it, '' if there were none."""
    lifted = lift_opt_out(conn, address_hash=inbound.address_hash, channel=inbound.channel, now=now, by=SOURCE)
    return "optin_confirm" if lifted else ""


def _provider_answers(inbound: Inbound, rules: InboundRules) -> bool:
    if not rules.answered_by_provider or inbound.channel is not Channel.SMS:
        return False
    return bool(inbound.provider_word) or inbound.text.strip().upper() in rules.answered_by_provider
