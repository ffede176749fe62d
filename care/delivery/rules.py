"""From settings to what the intent transaction checks: providers, rates, senders, prices and limits."""

from collections.abc import Mapping
from decimal import Decimal

from care.base.settings import Settings
from care.base.vocabulary import Channel, Purpose
from care.delivery.intent import IntentRules
from care.delivery.judge import Judge
from care.delivery.lanes import Lane
from care.delivery.lookups import Lookup
from care.delivery.mail_ids import MailIds
from care.planning.permission import ConsentByCountry
from care.policy.model import Policies


def build_intent_rules(settings: Settings, policies: Policies, *, mail_ids: MailIds, minor_digits: int) -> IntentRules:
    """Return the rules; `minor_digits` are those of the operator's currency."""
    trial, limit, minor = settings.trial.only_to, settings.limits.spend_per_day, Decimal(10) ** minor_digits
    return IntentRules(
        judge=Judge(policies=policies, trial=frozenset(trial) if trial is not None else None),
        lookups={p: Lookup(p, ConsentByCountry.read(policies, p)) for p in Purpose},
        lanes={Channel.SMS: _sms(settings), Channel.EMAIL: _email(settings, mail_ids)},
        senders=settings.senders,
        operator_zone=settings.operator.timezone,
        operator_country=settings.operator.country,
        spend_limit_minor=None if limit is None else int(limit * minor),
        international_limit=settings.limits.international_per_day,
        price_minor={country: price * minor for country, price in settings.prices.items()},
    )


def rates_of(settings: Settings) -> Mapping[Channel, float]:
    """Return parts, or mails, per second of each channel's sender."""
    return {Channel.SMS: settings.sms.rate_per_second, Channel.EMAIL: settings.email.rate_per_second}


def _sms(settings: Settings) -> Lane:
    return Lane(channel=Channel.SMS, provider=settings.sms.provider, rate_per_second=settings.sms.rate_per_second)


def _email(settings: Settings, mail_ids: MailIds) -> Lane:
    domain = settings.email.bounce_domain or settings.email.sender.rpartition("@")[2].rstrip(">")
    return Lane(
        channel=Channel.EMAIL,
        provider=settings.email.provider,
        rate_per_second=settings.email.rate_per_second,
        mail_domain=domain,
        mail_ids=mail_ids,
    )
