"""The tickets of the made-up year, and what the ticket system says of them: doubled and out of order now and then."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.surveys.year.people import Person

KINDS = {"repair": 0.55, "complaint": 0.18, "installation": 0.17, "billing": 0.1}
FOLLOWED = frozenset({"repair", "complaint", "installation"})
_HOURS_TO_RESOLVE = {"repair": 9, "complaint": 30, "installation": 60, "billing": 5}
_REOPENED = 0.04
_TESTS = 0.01
_STORM = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One time that a ticket was resolved."""

    opened_at: datetime
    resolved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One ticket with every time it was resolved."""

    id: str
    customer: Person
    kind: str
    rounds: Sequence[Round]
    parent: str = ""
    is_test: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def resolutions(self) -> list[str]:
        """Return the names of its resolutions: T-1:r1."""
        return [f"{self.id}:r{n}" for n in range(1, len(self.rounds) + 1)]


def draw_tickets(count: int, people: Sequence[Person], begin: datetime, days: int, dice: random.Random) -> list[Ticket]:
    """Return tickets opened over the days, one mass fault among them."""
    tickets = []
    storm_at = begin + timedelta(days=days * 0.6, hours=2)
    for number in range(count):
        in_storm = dice.random() < _STORM
        kind = "repair" if in_storm else dice.choices(list(KINDS), list(KINDS.values()))[0]
        opened = storm_at if in_storm else begin + timedelta(seconds=dice.randrange(days * 86_400))
        rounds = [_round(opened, kind, dice, in_storm=in_storm)]
        if dice.random() < _REOPENED:
            again = rounds[0].resolved_at + timedelta(hours=dice.uniform(1, 90))
            rounds.append(_round(again, kind, dice))
        tickets.append(
            Ticket(
                id=f"T-{number:06}",
                customer=dice.choice(people),
                kind=kind,
                rounds=rounds,
                parent="STORM-1" if in_storm else "",
                is_test=dice.random() < _TESTS,
                data={"staff": f"S{dice.randrange(40):02}", "area": dice.choice("NESW"), "severity": "ordinary"},
            )
        )
    return tickets


def _round(opened: datetime, kind: str, dice: random.Random, *, in_storm: bool = False) -> Round:
    hours = 6 + dice.random() / 4 if in_storm else _HOURS_TO_RESOLVE[kind] * dice.lognormvariate(0, 0.7)
    return Round(opened_at=opened, resolved_at=opened + timedelta(hours=hours))


def events_of(ticket: Ticket) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield what the ticket system posts, each with the instant it is posted."""
    common = {"ticket": ticket.id, "kind": ticket.kind, **ticket.data}
    if ticket.parent:
        common["parent"] = ticket.parent
    if ticket.is_test:
        common["test"] = True
    for n, one in enumerate(ticket.rounds, start=1):
        begun = "ticket.opened" if n == 1 else "ticket.reopened"
        yield _event(ticket, begun, n, one.opened_at, common)
        ended = "installation.completed" if ticket.kind == "installation" else "ticket.resolved"
        yield _event(ticket, ended, n, one.resolved_at, common)


def _event(ticket: Ticket, word: str, n: int, at: datetime, data: dict[str, Any]) -> tuple[datetime, dict[str, Any]]:
    return at, {
        "id": f"{ticket.id}-{word}-{n}",
        "type": word,
        "customer": ticket.customer.id,
        "at": at.isoformat(),
        "data": data,
    }


def posted(tickets: Sequence[Ticket], dice: random.Random) -> list[tuple[datetime, dict[str, Any]]]:
    """Return all events in the order they are posted: some twice, some up to an hour late."""
    posts = []
    for ticket in tickets:
        for at, event in events_of(ticket):
            late = timedelta(minutes=dice.uniform(0, 60)) if dice.random() < 0.05 else timedelta(0)
            posts.append((at + late, event))
            if dice.random() < 0.03:
                posts.append((at + late + timedelta(minutes=dice.uniform(0, 600)), event))
    return sorted(posts, key=lambda post: (post[0], post[1]["id"]))
