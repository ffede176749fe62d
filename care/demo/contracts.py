"""The sample operator's subscriptions: what each customer pays for, and when the term ends."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from care.demo.customers import Customer
from care.demo.dice import Dice

COLUMNS = (
    "id",
    "customer",
    "service",
    "plan",
    "monthly_amount",
    "started_on",
    "ends_at",
    "auto_renew",
    "area",
)

NOTICE_LEAD = timedelta(hours=36)
"""How long before the end of a term the shipped notice falls due; see `campaigns/expiry_t24h.yaml`."""

TRICKLE = timedelta(minutes=40)
"""For so long after the start a watcher sees such notices fall due one after the other."""

_WATCHED = 0.017
_FEWEST = 20
_FIRST_OPEN_HOUR, _LAST_OPEN_HOUR = 7, 20

_CLOSING_HOURS = (12, 18, 20, 22)
_PLANS: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = {
    "zh-CN": {
        "mobile": (("5G畅享59", "59"), ("5G畅享99", "99"), ("5G尊享199", "199")),
        "broadband": (("宽带300M", "69"), ("千兆宽带", "129")),
        "tv": (("高清电视基本包", "26"), ("4K影视包", "45")),
    },
    "zh-TW": {
        "mobile": (("5G輕速399", "90"), ("5G暢打599", "135"), ("5G吃到飽999", "225")),
        "broadband": (("光纖300M", "150"), ("光纖1G", "230")),
        "tv": (("有線電視基本頻道", "110"),),
    },
    "en": {
        "mobile": (("5G Go", "95"), ("5G Plus", "160"), ("5G Unlimited", "260")),
        "broadband": (("Fibre 300", "180"), ("Fibre Gigabit", "290")),
        "tv": (("TV Essentials", "70"),),
    },
}
_KINDS = {"open": 0.2, "prepaid": 0.1, "renewing": 0.21, "fixed": 0.49}
_ONE_SERVICE = 0.8
_SERVICES = {"mobile": 0.6, "broadband": 0.28, "tv": 0.12}


def draw_subscriptions(customers: Sequence[Customer], *, now: datetime, seed: int) -> Iterator[dict[str, str]]:
    """Yield rows of the subscription file.

    Terms end evenly over the year. Some are prepaid and end at an hour; of these a share ends so that the notice
    before the end falls due in the next minutes, where it is not night.
    """
    dice = Dice(f"subscriptions:{seed}")
    n, awake = 0, sum(_can_be_watched(customer, now) for customer in customers)
    watched = max(_FEWEST, _WATCHED * len(customers)) / max(1, awake)
    for customer in customers:
        for _ in range(1 if dice.likely(_ONE_SERVICE) else 2):
            n += 1
            row = _draw(n, customer, now, dice)
            if _can_be_watched(customer, now) and dice.likely(watched):
                due_in = timedelta(seconds=dice.uniform(0, TRICKLE.total_seconds()))
                row |= {"ends_at": (now + due_in + NOTICE_LEAD).isoformat(timespec="seconds"), "auto_renew": ""}
            yield row


def _can_be_watched(customer: Customer, now: datetime) -> bool:
    hour = now.astimezone(ZoneInfo(customer.zone)).hour
    return customer.may_be_served and bool(customer.channels) and _FIRST_OPEN_HOUR <= hour <= _LAST_OPEN_HOUR


def _draw(n: int, customer: Customer, now: datetime, dice: Dice) -> dict[str, str]:
    service = dice.one_of(_SERVICES)
    plan, amount = dice.choice(_PLANS[customer.language][service])
    return {
        "id": f"S{n:06}",
        "customer": customer.id,
        "service": service,
        "plan": plan,
        "monthly_amount": amount,
        "started_on": customer.joined_on.isoformat(),
        "area": customer.row["area"],
        **_term(customer, now, dice),
    }


def _term(customer: Customer, now: datetime, dice: Dice) -> dict[str, str]:
    zone = ZoneInfo(customer.zone)
    if customer.left_on:
        return {"ends_at": customer.left_on.isoformat(), "auto_renew": ""}
    kind = dice.one_of(_KINDS)
    if kind == "open":
        return {"ends_at": "", "auto_renew": ""}
    if kind == "prepaid":
        end = (now + timedelta(days=dice.uniform(-6, 28))).astimezone(zone)
        hour = end.replace(hour=dice.choice(_CLOSING_HOURS), minute=0, second=0, microsecond=0)
        return {"ends_at": hour.isoformat(timespec="minutes"), "auto_renew": ""}
    ends_on = (now + timedelta(days=dice.uniform(-20, 380))).astimezone(zone).date()
    return {"ends_at": ends_on.isoformat(), "auto_renew": "true" if kind == "renewing" else ""}
