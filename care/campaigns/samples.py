"""Sample values of every known variable and a sample customer with long words, for checks and previews."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from care.base.vocabulary import Purpose
from care.base.yamlfile import load_yaml
from care.campaigns.locales import choose_locale
from care.campaigns.occasion import OccasionFacts
from care.campaigns.sandbox import Value

SAMPLE_LINKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unsubscribe_url": "https://care.example.com/u/0123456789abcdefghijkl",
        "preferences_url": "https://care.example.com/u/0123456789abcdefghijkl",
        "survey_url": "https://care.example.com/s/0123456789abcdefghijkl",
    }
)

_FILE: Final = Path(__file__).with_name("samples.yaml")
_YEARS: Final = 12
_MONTHLY_MINOR: Final = 12_900
_DAYS_LEFT: Final = 60


@cache
def sample_values(locale: str) -> Mapping[str, Value]:
    """Return a believable, rather long value for each variable in the nearest language there is."""
    values = load_yaml(_FILE)["values"]
    chosen = choose_locale(locale, values)
    assert chosen is not None  # English is there
    return MappingProxyType(dict(values[chosen]))


@cache
def shipped_purposes() -> Mapping[str, Purpose]:
    """Return what each template that comes with the product is written for."""
    groups = load_yaml(_FILE)["purposes"]
    return MappingProxyType({name: Purpose(purpose) for purpose, names in groups.items() for name in names})


def sample_facts(
    *,
    locale: str,
    country: str,
    zone: str,
    currency: str,
    day: date,
    attributes: Mapping[str, Any] | None = None,
) -> OccasionFacts:
    """Return a customer of twelve years with long words and a subscription that ends in two months."""
    words = sample_values(locale)
    ends_on = day + timedelta(days=_DAYS_LEFT)
    return OccasionFacts(
        occasion="sample",
        occasion_on=day,
        locale=locale,
        zone=zone,
        currency=currency,
        customer={
            "external_id": words["customer_id"],
            "country": country,
            "customer_type": "person",
            "name": words["name"],
            "salutation": words["salutation"],
            "joined_on": date(day.year - _YEARS, 1, 1),
            "area": words["area"],
            "tier": words["tier"],
            "account_manager": words["manager"],
            "attributes": dict(attributes or {}),
        },
        subject={
            "external_id": "S1024",
            "plan": words["plan"],
            "service": words["service"],
            "area": words["area"],
            "monthly_amount_minor": _MONTHLY_MINOR,
            "started_on": ends_on - timedelta(days=365),
            "ends_on": ends_on,
            "ends_at": datetime(ends_on.year, ends_on.month, ends_on.day, 15, 59, tzinfo=UTC),
            "auto_renew": False,
            "ref": words["ref"],
            "kind": "repair",
            "result": words["result"],
            "staff": words["staff"],
            "attributes": {},
        },
    )
