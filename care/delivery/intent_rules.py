"""The settings as the intent transaction reads them."""

from decimal import Decimal

from care.base.settings import Settings
from care.base.vocabulary import Channel, Purpose
from care.delivery.intent import IntentRules, Lane
from care.delivery.judge import Judge
from care.delivery.lookups import Lookup
from care.delivery.mail_ids import MailIds
from care.planning.permission import ConsentByCountry
from care.policy.model import Policies


def intent_rules_of(settings: Settings, *, policies: Policies, mail_ids: MailIds, minor_digits: int) -> IntentRules:
    """Return what the intent transaction checks; `minor_digits` are those of the operator's currency."""
    trial = settings.trial.only_to
    minor = Decimal(10) ** minor_digits
    limit = settings.limits.spend_per_day
    return IntentRules(
        judge=Judge(policies=policies, trial=frozenset(trial) if trial is not None else None),
        lookups={p: Lookup(p, ConsentByCountry.read(policies, p)) for p in Purpose},
        lanes=_lanes(settings, mail_ids),
        senders=settings.senders,
        operator_zone=settings.operator.timezone,
        operator_country=settings.operator.country,
        spend_limit_minor=None if limit is None else int(limit * minor),
        international_limit=settings.limits.international_per_day,
        price_minor={country: price * minor for country, price in settings.prices.items()},
    )


def _lanes(settings: Settings, mail_ids: MailIds) -> dict[Channel, Lane]:
    sms, email = settings.sms, settings.email
    return {
        Channel.SMS: Lane(channel=Channel.SMS, provider=sms.provider, rate_per_second=sms.rate_per_second),
        Channel.EMAIL: Lane(
            channel=Channel.EMAIL,
            provider=email.provider,
            rate_per_second=email.rate_per_second,
            mail_domain=email.bounce_domain or email.sender.rpartition("@")[2].rstrip(">"),
            mail_ids=mail_ids,
        ),
    }
