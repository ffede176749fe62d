"""Where the words in a template come from: customer, occasion, campaign, operator, links of the sender.

Age and year of birth are no variables, and never will be: a greeting does not tell people how old they are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from care.base.vocabulary import Channel
from care.campaigns.first_names import first_name_of
from care.campaigns.locales import fallbacks, language_of
from care.campaigns.model import Campaign
from care.campaigns.occasion import Occasion, OccasionFacts
from care.campaigns.plain_words import plain
from care.campaigns.sandbox import Value

MAX_ATTRIBUTE: Final = 200  #: characters of a customer's own attribute that a text may show


class Origin(StrEnum):
    """Who gives a variable. Where several do, the first in this order wins."""

    VALUES = "campaign's `values`"
    OCCASION = "occasion"
    CUSTOMER = "customer"
    OPERATOR = "settings `operator`"
    LINK = "sender (e-mail)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerVariable:
    """A variable that each customer has; `read` gives None where it is not known."""

    name: str
    meaning: str
    read: Callable[[OccasionFacts], Value | None]
    default: str = ""  # in words, for the documentation


def _column(name: str) -> Callable[[OccasionFacts], Value | None]:
    def read(facts: OccasionFacts) -> Value | None:
        value = facts.customer.get(name)
        return value if isinstance(value, str) else None

    return read


def _salutation(facts: OccasionFacts) -> str:
    return facts.customer.get("salutation") or default_salutation(facts.locale)


def _first_name(facts: OccasionFacts) -> str:
    return first_name_of(facts.customer) or default_first_name(facts.locale)


def _years(facts: OccasionFacts) -> int | None:
    joined: date | None = facts.customer.get("joined_on")
    if joined is None:
        return None
    day = facts.occasion_on
    years = day.year - joined.year - ((day.month, day.day) < (joined.month, joined.day))
    return years if years >= 1 else None


_SALUTATIONS: Final[Mapping[str, str]] = {"zh-CN": "尊敬的客户", "zh-TW": "尊敬的客戶", "en": "Dear customer"}
_FIRST_NAMES: Final[Mapping[str, str]] = {"zh-CN": "尊敬的客户", "zh-TW": "尊敬的客戶", "en": "dear customer"}


def default_salutation(locale: str) -> str:
    """Return how to address someone whose salutation is not known."""
    return next(_SALUTATIONS[name] for name in fallbacks(locale) if name in _SALUTATIONS)


def default_first_name(locale: str) -> str:
    """Return what stands for a first name that is not known, small so that it fits inside a sentence."""
    return next(_FIRST_NAMES[name] for name in fallbacks(locale) if name in _FIRST_NAMES)


CUSTOMER_VARIABLES: Final = (
    CustomerVariable(name="customer_id", meaning="the customer's id as imported", read=_column("external_id")),
    CustomerVariable(name="name", meaning="full name", read=_column("name")),
    CustomerVariable(
        name="salutation",
        meaning="how to address the customer, as imported: 王女士",
        read=_salutation,
        default="尊敬的客户, 尊敬的客戶, Dear customer",
    ),
    CustomerVariable(
        name="first_name",
        meaning="given name of a person whose name is written in Latin letters; attribute `first_name` wins",
        read=_first_name,
        default="dear customer (尊敬的客户, 尊敬的客戶)",
    ),
    CustomerVariable(
        name="years", meaning="whole years as a customer on the day; unknown before the first", read=_years
    ),
    CustomerVariable(name="area", meaning="where the customer lives", read=_column("area")),
    CustomerVariable(name="tier", meaning="the customer's tier", read=_column("tier")),
    CustomerVariable(name="manager", meaning="account manager", read=_column("account_manager")),
)
READ_OF_CUSTOMER: Final = (
    *("external_id", "name", "salutation", "customer_type", "joined_on", "area", "tier", "account_manager"),
    *("locale", "timezone", "country", "attributes"),
)
"""The columns of a customer that variables, occasions and the choice of words read."""
OPERATOR_VARIABLES: Final[Mapping[str, str]] = {
    "brand": "`operator.brand`",
    "hotline": "`operator.hotline`",
}
LINK_VARIABLES: Final[Mapping[str, str]] = {
    "unsubscribe_url": "one-click unsubscribe page of this recipient; absent on service mail",
    "preferences_url": "preference page of this recipient",
    "survey_url": "survey page of this recipient; `?score=4` behind it opens the page with that score chosen. "
    "By SMS only where no reply can come back",
}
_BY_NAME: Final = {variable.name: variable for variable in CUSTOMER_VARIABLES}


def available_variables(
    occasion: Occasion | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    channel: Channel | None = None,
) -> dict[str, Origin]:
    """Return the variables a template may use and who gives each.

    Customers' attributes come on top: their names are not known before the data is.
    """
    found: dict[str, Origin] = {}
    if channel is not Channel.SMS:
        found |= dict.fromkeys(LINK_VARIABLES, Origin.LINK)
    found |= dict.fromkeys(OPERATOR_VARIABLES, Origin.OPERATOR)
    found |= dict.fromkeys(_BY_NAME, Origin.CUSTOMER)
    if occasion is not None:
        found |= dict.fromkeys(occasion.variable_names(), Origin.OCCASION)
    return found | dict.fromkeys(values or (), Origin.VALUES)


def usable_variables(campaigns: Iterable[Campaign]) -> Iterator[tuple[str, list[str]]]:
    """Yield where words come from and their names: for every template, then by occasion, then by campaign."""
    always = {*_BY_NAME, *OPERATOR_VARIABLES}
    occasions: dict[str, set[str]] = {}
    values: dict[str, list[str]] = {}
    for campaign in campaigns:
        occasions.setdefault(campaign.occasion.kind, set()).update(campaign.occasion.variable_names())
        if campaign.values:
            values[campaign.name] = sorted(campaign.values)
    yield "always", sorted(always)
    yield "in mails", sorted(LINK_VARIABLES)
    for kind, names in sorted(occasions.items()):
        yield f"occasion {kind}", sorted(names - always)
    for name, given in sorted(values.items()):
        yield f"values of {name}", given


Reader = Callable[[OccasionFacts], Value | None]


def customer_reader(name: str) -> Reader:
    """Return how to read a variable from the customer: a known one, else the attribute of that name."""
    known = _BY_NAME.get(name)
    return known.read if known else _attribute(name)


def _attribute(name: str) -> Reader:
    def read(facts: OccasionFacts) -> Value | None:
        attributes: Mapping[str, Any] = facts.customer.get("attributes") or {}
        value = attributes.get(name)
        if isinstance(value, bool | dict | list):
            return None
        return str(value)[:MAX_ATTRIBUTE] if value is not None else None

    return read


def is_fit(name: str, words: str) -> bool:
    """Tell whether words may stand for a variable: not empty, and a web address where the name ends in `_url`."""
    return bool(words) and (not name.endswith("_url") or words.startswith(("https://", "http://")))


def fixed_values(campaign: Campaign, locale: str, *, operator: Mapping[str, str]) -> dict[str, Value]:
    """Return the variables that are the same for all customers of one campaign and locale.

    A value of the campaign that has no words for the locale or a relative of it is left out, never given
    in another language.
    """
    given = {name: operator.get(name, "") for name in OPERATOR_VARIABLES}
    given |= {name: chosen for name, words in campaign.values.items() if (chosen := _words_for(locale, words))}
    clean = {name: plain(words) for name, words in given.items()}
    return {name: words for name, words in clean.items() if is_fit(name, words)}


def _words_for(locale: str, words: Mapping[str, str]) -> str:
    same = [name for name in fallbacks(locale) if language_of(name) == language_of(locale)]
    return next((words[name] for name in (*same, "") if name in words), "")
