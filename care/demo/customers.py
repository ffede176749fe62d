"""The sample operator's customers, as its billing system would export them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from care.calendars.lunar import lunar_months
from care.demo.dice import Dice
from care.demo.markets import MARKETS, Market, NumberBook
from care.demo.names import Called, language

COLUMNS = (
    "id",
    "name",
    "salutation",
    "phone",
    "email",
    "locale",
    "timezone",
    "country",
    "birthday",
    "birthday_calendar",
    "birthday_leap",
    "joined_on",
    "left_on",
    "status",
    "customer_type",
    "tier",
    "area",
    "account_manager",
    "manager_phone",
    "monthly_spend",
    "key_account",
    "depends_on_line",
    "deceased",
    "minor",
    "hardship",
)

ANSWERS_STOP, ANSWERS_THANKS = "5500910", "5500911"
_FATES = (ANSWERS_STOP, ANSWERS_THANKS, "5530003", "5500408", "5521614", ANSWERS_STOP, "5500000", ANSWERS_THANKS)
"""Endings of numbers with a fate: opts out, thanks, is switched off, an answer that gets lost, no mobile number."""

_CAST = 4
"""Each of the fates is had by so many customers."""

_TYPES = {"person": 0.74, "family": 0.14, "student": 0.06, "business": 0.06}
_AGES = {"person": (24, 88), "family": (28, 70), "student": (15, 24)}
_ADULT, _YEAR = 18, 365.25
_MINDED = {"depends_on_line": 0.005, "deceased": 0.004, "hardship": 0.015}
_TIERS = {"gold": 250, "silver": 120}  # above so much a month
_LEAST_SPEND, _MOST_SPEND = 19, 9000
_LIVES_WITH_THE_LAST, _LEFT, _KEY_ACCOUNT = 0.07, 0.03, 0.12
_MAILS = ("example.com", "example.org", "example.net")


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One customer: the row of the file, and what the other files need to know."""

    row: dict[str, str]
    market: Market
    zone: str
    joined_on: date
    left_on: date | None
    is_member_of_cast: bool
    called: Called

    @property
    def id(self) -> str:
        """Return the id in the billing system."""
        return self.row["id"]

    @property
    def language(self) -> str:
        """Return the language written to this customer."""
        return self.row["locale"]

    @property
    def is_business(self) -> bool:
        """Tell whether it is a firm."""
        return self.row["customer_type"] == "business"

    @property
    def may_be_served(self) -> bool:
        """Tell whether somebody is there to write to."""
        return not self.left_on and not self.row.get("deceased")

    @property
    def has_kin(self) -> bool:
        """Tell whether another customer may live at the same place and share the telephone."""
        return not self.is_business and not self.is_member_of_cast

    @property
    def channels(self) -> list[str]:
        """Return how the customer can be reached."""
        return [channel for channel, column in (("sms", "phone"), ("email", "email")) if self.row[column]]


def draw_customers(count: int, *, today: date, seed: int) -> Iterator[Customer]:
    """Yield `count` customers as of `today`; the same seed gives the same people."""
    dice = Dice(f"customers:{seed}")
    numbers = NumberBook(dice)
    before: Customer | None = None
    for n in range(1, count + 1):
        fated = _fated_phone(n, count)
        kin = before if before and before.has_kin and not fated and dice.likely(_LIVES_WITH_THE_LAST) else None
        before = _draw(n, today=today, dice=dice, numbers=numbers, kin=kin, fated=fated)
        yield before


def _fated_phone(n: int, count: int) -> str:
    """Return the number of a member of the cast, '' for all others; they are spread over the whole file."""
    every = max(10, count // (len(_FATES) * _CAST))
    turn, rest = divmod(n, every)
    if rest or turn > len(_FATES) * _CAST:
        return ""
    return f"+8613{turn:02}{_FATES[(turn - 1) % len(_FATES)]}"


def _draw(n: int, *, today: date, dice: Dice, numbers: NumberBook, kin: Customer | None, fated: str) -> Customer:
    market = MARKETS[0] if fated else kin.market if kin else dice.choices(MARKETS, [m.share for m in MARKETS])[0]
    zone = kin.zone if kin else dice.one_of(market.zones)
    kind = "person" if fated else "family" if kin else dice.one_of(_TYPES)
    words = language(market.language)
    called = words.firm(dice) if kind == "business" else words.person(dice, kin.called.surname if kin else "")
    born = _born(kind, today, dice)
    joined_on = _joined(born, today, dice)
    left_on = None
    if not fated and dice.likely(_LEFT):
        left_on = joined_on + (today - joined_on) * dice.uniform(0.4, 0.95)
    row = {
        "id": f"C{n:06}",
        "name": called.name,
        "salutation": called.salutation,
        "phone": fated or (kin.row["phone"] if kin else _phone(market, zone, dice, numbers)),
        "email": _email(n, called, dice) if not market.prefixes or dice.likely(0.55) else "",
        "locale": market.language,
        "timezone": "" if market.has_doubtful_zones and dice.likely(0.05) else zone,
        "country": market.country,
        "joined_on": joined_on.isoformat(),
        "left_on": left_on.isoformat() if left_on else "",
        "status": "left" if left_on else "active",
        "customer_type": kind,
        "area": kin.row["area"] if kin else dice.choice(market.areas),
        "minor": _word((today - born).days < _ADULT * _YEAR),
        **_birthday(born, market.language, dice, is_told=kind != "business"),
        **_standing(kind, words.managers, dice),
        **({} if fated else {name: _word(dice.likely(share)) for name, share in _MINDED.items()}),
    }
    return Customer(
        row=row,
        market=market,
        zone=zone,
        joined_on=joined_on,
        left_on=left_on,
        is_member_of_cast=bool(fated),
        called=called,
    )


def _word(truth: bool) -> str:
    """Return a truth as files have it; an empty cell says nothing."""
    return "true" if truth else ""


def _email(n: int, called: Called, dice: Dice) -> str:
    return f"{called.mailbox}{n}@{dice.choice(_MAILS)}"


def _phone(market: Market, zone: str, dice: Dice, numbers: NumberBook) -> str:
    return numbers.draw(market, zone) if dice.likely(0.94) else ""


def _born(kind: str, today: date, dice: Dice) -> date:
    """Return the solar day of birth, whether or not the operator knows it; for a firm that of its owner."""
    youngest, oldest = _AGES.get(kind, _AGES["person"])
    born = today - timedelta(days=int(dice.uniform(youngest, oldest + 1) * _YEAR))
    return date(born.year - born.year % 4, 2, 29) if dice.likely(0.003) else born


def _joined(born: date, today: date, dice: Dice) -> date:
    """Return the first day as a customer: lately for most, and nobody as a child."""
    longest = max(30, min(24 * _YEAR, (today - born).days - 15 * _YEAR))
    return today - timedelta(days=20 + int(dice.expovariate(1 / (4.5 * _YEAR)) % longest))


def _birthday(born: date, tongue: str, dice: Dice, *, is_told: bool) -> dict[str, str]:
    """Return day and calendar; many have none, some no year, some keep the lunar calendar."""
    if not is_told or dice.likely(0.3):
        return {"birthday": "", "birthday_calendar": "", "birthday_leap": ""}
    if tongue == "en" or not dice.likely(0.12):
        day = f"--{born:%m-%d}" if dice.likely(0.04) else born.isoformat()
        return {"birthday": day, "birthday_calendar": "", "birthday_leap": ""}
    month = dice.choice(lunar_months(born.year))  # a leap month too, where the year has one
    day = f"{born.year}-{month.month:02}-{dice.randint(1, month.days):02}"
    return {"birthday": day, "birthday_calendar": "lunar", "birthday_leap": "true" if month.leap else ""}


def _standing(kind: str, managers: Sequence[str], dice: Dice) -> dict[str, str]:
    """Return what they pay, and who looks after the large ones."""
    spend = dice.lognormvariate(4.5, 0.55) * (6 if kind == "business" else 1)
    is_key = kind == "business" and dice.likely(_KEY_ACCOUNT)
    return {
        "monthly_spend": f"{min(max(spend, _LEAST_SPEND), _MOST_SPEND):.2f}",
        "tier": next((tier for tier, floor in _TIERS.items() if spend > floor), ""),
        "key_account": _word(is_key),
        "account_manager": dice.choice(managers) if is_key else "",
        "manager_phone": "96000-8" if is_key else "",
    }
