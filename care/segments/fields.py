"""The declared fields of the rule language: name, kind, operators and meaning. Nothing else can be asked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a field holds, which decides what may be asked of it."""

    TRUTH = "yes or no"
    TEXT = "text"
    NUMBER = "whole number"
    MONEY = "money"  # rules speak of major units, columns hold minor ones
    DAY = "day"
    YEARS = "years since a day"
    MONTHS = "months since a day"
    AGE = "completed years"
    FREE = "text or number"


class Source(StrEnum):
    """Where a field's value stands."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    CONTACT = "contact point"
    ATTRIBUTE = "attribute"
    FACT = "fact"


IS = "is"  # the operator of a bare `open_complaint: true`
TOP_PERCENT = "top_percent"
LEAVE_BELOW = "leave_below"  # belongs to top_percent
ORDER = ("at_least", "at_most", "more_than", "less_than")
OPERATORS: Mapping[str, str] = MappingProxyType(
    {
        "at_least": "the value or more",
        "at_most": "the value or less",
        "more_than": "more than the value",
        "less_than": "less than the value",
        "equals": "exactly the value",
        "one_of": "exactly one of a list",
        "contains": "the text occurs in it; upper and lower case differ",
        "within_next": "from today to so many days ahead, both included: 30d, 2w",
        "within_last": "from so many days ago to today, both included: 30d, 2w",
        TOP_PERCENT: "ranked in the top so many percent of the customers of the same type; "
        f"{LEAVE_BELOW} names the percent that members must fall below to leave again",
    }
)
KIND_OPERATORS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.TRUTH: (IS,),
        Kind.TEXT: ("equals", "one_of", "contains"),
        Kind.NUMBER: (*ORDER, "equals", "one_of"),
        Kind.MONEY: (*ORDER, "equals"),
        Kind.DAY: (*ORDER, "equals", "within_next", "within_last"),
        Kind.YEARS: ORDER,
        Kind.MONTHS: ORDER,
        Kind.AGE: (*ORDER, "equals"),
        Kind.FREE: (*ORDER, "equals", "one_of", "contains"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One name that rules may ask about.

    `column` is the column, contact channel or attribute behind it; `choices` are the only words a text field takes.
    """

    name: str
    kind: Kind
    description: str
    column: str = ""
    source: Source = Source.CUSTOMER
    operators: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the operators that may follow the name."""
        return self.operators or KIND_OPERATORS[self.kind]


def _customer(name: str, kind: Kind, description: str, column: str = "") -> Field:
    return Field(name=name, kind=kind, description=description, column=column or name)


def _ranked(name: str, description: str) -> Field:
    operators = (*KIND_OPERATORS[Kind.MONEY], TOP_PERCENT)
    return Field(name=name, kind=Kind.MONEY, description=description, column=f"{name}_minor", operators=operators)


def _subscription(name: str, kind: Kind, description: str, column: str = "") -> Field:
    return Field(name=name, kind=kind, description=description, column=column or name, source=Source.SUBSCRIPTION)


BORN = "born"  # year * 10000 + month * 100 + day of a solar birthday whose year is known
BIRTH_MONTH = "birth_month"

STANDARD = (
    _customer("tenure_years", Kind.YEARS, "Years since joining; a year is full on its anniversary", "joined_on"),
    _customer("tenure_months", Kind.MONTHS, "Months since joining; a month is full on the same day", "joined_on"),
    _customer("joined_on", Kind.DAY, "The day the customer joined"),
    _ranked("monthly_spend", "Average monthly bill over three full months"),
    _ranked("lifetime_value", "What the customer has brought in so far"),
    _customer("customer_type", Kind.TEXT, "person, family, business, student … as imported"),
    _customer("tier", Kind.TEXT, "Service tier as imported"),
    _customer("area", Kind.TEXT, "Area of the customer"),
    _customer("account_manager", Kind.TEXT, "Named account manager"),
    _customer("key_account", Kind.TRUTH, "Named as a key account"),
    _customer("depends_on_line", Kind.TRUTH, "Depends on the line: alarm, medical device, lift"),
    _customer("deceased", Kind.TRUTH, "Reported as deceased"),
    _customer("minor", Kind.TRUTH, "Under age"),
    _customer("hardship", Kind.TRUTH, "On a hardship tariff"),
    _customer("open_complaint", Kind.TRUTH, "Has a complaint that is not closed"),
    Field(
        name="status",
        kind=Kind.TEXT,
        description="active, or left",
        column="status",
        operators=("equals", "one_of"),
        choices=("active", "left"),
    ),
    _customer("country", Kind.TEXT, "Country code of two capitals, such as CN"),
    _customer("locale", Kind.TEXT, "Language of the customer, such as zh-CN"),
    _customer("timezone", Kind.TEXT, "Time zone, such as Asia/Shanghai"),
    _customer("age", Kind.AGE, "Completed years; needs a solar birthday with its year", BORN),
    _customer("birthday_month", Kind.NUMBER, "Month of a solar birthday, 1 to 12", BIRTH_MONTH),
    Field(name="has_phone", kind=Kind.TRUTH, description="Has a phone number", column="sms", source=Source.CONTACT),
    Field(
        name="has_email", kind=Kind.TRUTH, description="Has an e-mail address", column="email", source=Source.CONTACT
    ),
    _subscription("plan", Kind.TEXT, "Plan of a subscription that has not ended"),
    _subscription("service", Kind.TEXT, "Service of a subscription that has not ended"),
    _subscription(
        "monthly_amount", Kind.MONEY, "Monthly price of a subscription that has not ended", "monthly_amount_minor"
    ),
    _subscription("auto_renew", Kind.TRUTH, "A subscription that has not ended renews by itself"),
    _subscription("subscription_ends_on", Kind.DAY, "Last day of a subscription, past or to come", "ends_on"),
)

ATTRIBUTE_PREFIX = "attributes."
_ATTRIBUTE_NAME = re.compile(r"[^\W][\w .\-]{0,99}", re.UNICODE)


def attribute_field(name: str) -> Field | None:
    """Return the field behind `attributes.<name>`, or None if it is not such a name."""
    if not name.startswith(ATTRIBUTE_PREFIX):
        return None
    column = name.removeprefix(ATTRIBUTE_PREFIX)
    if not _ATTRIBUTE_NAME.fullmatch(column):
        return None
    return Field(
        name=name,
        kind=Kind.FREE,
        description="A column of the import that has no field of its own",
        column=column,
        source=Source.ATTRIBUTE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Every name that rules may use, and how many decimals the operator's currency has."""

    named: Mapping[str, Field] = field(default_factory=lambda: MappingProxyType({one.name: one for one in STANDARD}))
    minor_digits: int = 2

    def get(self, name: str) -> Field | None:
        """Return the field of a name, attributes included; None if there is none."""
        return self.named.get(name) or attribute_field(name)

    def with_facts(self, facts: Iterable[Field]) -> "Fields":
        """Return the same fields and those that other capabilities declare."""
        return Fields(
            named=MappingProxyType({**self.named, **{one.name: one for one in facts}}),
            minor_digits=self.minor_digits,
        )


STANDARD_FIELDS = Fields()
