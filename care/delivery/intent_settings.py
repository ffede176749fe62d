"""What the intent transaction checks, as the settings and policies say."""

from decimal import Decimal

from care.base.settings import Settings
from care.base.vocabulary import Channel, Purpose
from care.delivery.intent import IntentRules, Lane
from care.delivery.judge import Judge
from care.delivery.lookups import Lookup
from care.planning.permission import ConsentByCountry
from care.policy.model import Policies


def intent_rules_of(settings: Settings, policies: Policies, *, minor_digits: int) -> IntentRules:
    """Return the rules; `minor_digits` are those of the operator's currency."""
    trial = settings.trial.only_to
    minor = Decimal(10) ** minor_digits
    limit = settings.limits.spend_per_day
    return IntentRules(
        judge=Judge(policies=policies, trial=frozenset(trial) if trial is not None else None),
        lookups={p: Lookup(p, ConsentByCountry.read(policies, p)) for p in Purpose},
        lanes=_lanes(settings),
        senders=settings.senders,
        operator_zone=settings.operator.timezone,
        operator_country=settings.operator.country,
        spend_limit_minor=None if limit is None else int(limit * minor),
        international_limit=settings.limits.international_per_day,
        price_minor={country: price * minor for country, price in settings.prices.items()},
    )


def _lanes(settings: Settings) -> dict[Channel, Lane]:
    domain = settings.email.bounce_domain or settings.email.sender.rpartition("@")[2].rstrip(">")
    return {
        Channel.SMS: Lane(
            channel=Channel.SMS, provider=settings.sms.provider, rate_per_second=settings.sms.rate_per_second
        ),
        Channel.EMAIL: Lane(
            channel=Channel.EMAIL,
            provider=settings.email.provider,
            rate_per_second=settings.email.rate_per_second,
            mail_domain=domain,
        ),
    }
