"""The sample operator's tickets of the week, as its ticket system posts them."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from care.base.database import write
from care.bootstrap import Services
from care.demo.customers import Customer
from care.demo.dice import Dice
from care.demo.errors import DemoError
from care.inbound.events import store
from care.inbound.events.reading import read_entry

KINDS: Mapping[str, float] = {"repair": 0.55, "complaint": 0.2, "installation": 0.25}
A_WEEK_EACH = 125
"""Of so many customers one has a ticket in a week."""

_HOURS: Mapping[str, float] = {"repair": 7, "complaint": 20, "installation": 30}
_MASS_FAULT, _REOPENED = 0.06, 0.05
_STAFF = ("E-07", "E-12", "E-15", "E-21", "E-33", "E-40")
_RESULTS: Mapping[str, Sequence[str]] = {
    "zh-CN": ("已退还多收费用", "已更换设备，恢复正常", "已向您说明资费"),
    "zh-TW": ("已退還多收費用", "已更換設備，恢復正常", "已向您說明資費"),
    "en": ("the fee has been returned", "the device was replaced", "the tariff was explained"),
}


class Post(NamedTuple):
    """One event, and when the ticket system posts it."""

    at: datetime
    event: Mapping[str, Any]


def draw_posts(people: Sequence[Customer], *, since: datetime, until: datetime, seed: int) -> list[Post]:
    """Return what the ticket system posts between two instants, in that order; the same seed gives the same tickets."""
    dice = Dice(f"tickets:{seed}")
    served = [one for one in people if one.may_be_served]
    fault_at = since + (until - since) * 0.3
    posts: list[Post] = []
    for number in range(1, len(people) // A_WEEK_EACH + 1):
        is_mass = dice.likely(_MASS_FAULT)
        kind = "repair" if is_mass else dice.one_of(KINDS)
        opened = fault_at if is_mass else since + (until - since) * dice.random()
        posts += _story(f"T-{number:05}", dice.choice(served), kind, opened, dice, parent="FAULT-1" if is_mass else "")
    return sorted((post for post in posts if post.at < until), key=lambda post: (post.at, post.event["id"]))


def _story(name: str, who: Customer, kind: str, opened: datetime, dice: Dice, *, parent: str) -> Iterator[Post]:
    data = {"ticket": name, "kind": kind, "staff": dice.choice(_STAFF), "severity": "ordinary"}
    data |= {"area": who.row["area"]} if who.row.get("area") else {}
    data |= {"parent": parent} if parent else {}
    yield _post("ticket.opened", 1, who, opened, data)
    hours = 4.5 if parent else _HOURS[kind] * dice.lognormvariate(0, 0.6)
    ended = opened + timedelta(hours=hours)
    data |= {"result": dice.choice(_RESULTS.get(who.language, _RESULTS["en"]))} if kind == "complaint" else {}
    word = "installation.completed" if kind == "installation" else "ticket.resolved"
    yield _post(word, 1, who, ended, data)
    if dice.likely(_REOPENED):
        again = ended + timedelta(hours=dice.uniform(0.5, 20))
        yield _post("ticket.reopened", 2, who, again, data)
        yield _post(word, 2, who, again + timedelta(hours=hours / 2), data)


def _post(word: str, n: int, who: Customer, at: datetime, data: Mapping[str, Any]) -> Post:
    name = data["ticket"]
    event = {"id": f"{name}:{word}:{n}", "type": word, "customer": who.id, "at": at.isoformat(), "data": dict(data)}
    return Post(at, event)


def post_until(services: Services, waiting: deque[Post], now: datetime) -> None:
    """Post what has happened by `now`, as the ticket system would: stored first, worked on after.

    Raises:
        DemoError: the product does not understand an event.
    """
    rows = []
    while waiting and waiting[0].at <= now:
        entry = read_entry(waiting.popleft().event, zone=ZoneInfo(services.settings.operator.timezone), now=now)
        if entry.event is None:
            raise DemoError(f"an event was refused: {entry.problem}")
        rows.append(store.row_of(entry.event, source="demo", now=now))
    if rows:
        with write(services.engine) as conn:
            store.add_events(conn, rows)
