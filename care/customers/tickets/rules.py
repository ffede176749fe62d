"""From facts to a ticket. Which fact came first or twice never matters, only when it happened."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from care.customers.tickets.model import DEFAULT_KIND, TEST_WORD, Deed, Fact, Kept, Resolution, Ticket, TicketRules

_RANKS = {deed: rank for rank, deed in enumerate(Deed)}
_OF_ONE_ROUND = frozenset({"staff", "result"})
"""Words that a later round must not lend to an earlier one: who did it, and what came of it."""


def key_of(fact: Fact) -> tuple[datetime, int, str]:
    """Return what tells facts apart, and puts them in the order in which they count."""
    return fact.at, _RANKS[fact.deed], json.dumps(dict(fact.words), sort_keys=True, default=str)


def joined(known: Sequence[Fact], told: Iterable[Fact]) -> list[Fact]:
    """Return all facts in order, each once; what a list says of an instant replaces what a list said of it before."""
    facts = {key_of(fact): fact for fact in known}
    for fact in told:
        if fact.deed is Deed.LISTED:
            same = next((key for key, one in facts.items() if one.deed is Deed.LISTED and one.at == fact.at), None)
            earlier = facts.pop(same).words if same else {}
            fact = Fact(at=fact.at, deed=fact.deed, words={**earlier, **fact.words})  # noqa: PLW2901
        facts[key_of(fact)] = fact
    return [facts[key] for key in sorted(facts)]


def fold(facts: Sequence[Fact], rules: TicketRules, customer_type: str | None) -> Ticket:
    """Return the ticket after facts, at least one, that are in order.

    Resolving what is resolved changes nothing; resolving what was opened again is the next resolution.
    """
    words = _words(facts)
    rounds = [_resolution(facts, part, rules, customer_type) for part in _rounds(facts)]
    reopened = [fact.at for fact in facts if fact.deed is Deed.REOPENED]
    is_resolved = bool(rounds) and rounds[-1].until is None
    return Ticket(
        kind=words.get("kind") or DEFAULT_KIND,
        words=words,
        is_test=is_test(words, rules, customer_type),
        resolved_at=rounds[-1].resolved_at if is_resolved else None,
        reopened_at=reopened[-1] if reopened else None,
        resolutions=rounds,
        as_of=facts[-1].at,
    )


def says_the_same(one: Ticket, other: Ticket) -> bool:
    """Tell whether two tickets differ in nothing but how new their news is."""
    parts = ("kind", "is_test", "resolved_at", "reopened_at", "resolutions")
    return all(getattr(one, part) == getattr(other, part) for part in parts) and _filled(one) == _filled(other)


def _filled(ticket: Ticket) -> dict[str, Any]:
    return {name: word for name, word in ticket.words.items() if word is not None}


def is_test(words: Mapping[str, Any], rules: TicketRules, customer_type: str | None) -> bool:
    """Tell whether a ticket is a try or a colleague's own; its own word on that counts most."""
    if words.get(TEST_WORD) is not None:
        return bool(words[TEST_WORD])
    return (
        str(words.get("kind")).lower() in rules.test_kinds
        or words.get("staff") in rules.test_staff
        or customer_type in rules.test_customer_types
    )


def was_resolved_by(facts: Sequence[Fact], at: datetime) -> bool:
    """Tell whether a resolution of that instant or before it is known: what there is to be opened again."""
    return any(fact.deed is Deed.RESOLVED and fact.at <= at for fact in facts)


def numbered(rounds: Sequence[Resolution], kept: Sequence[Kept]) -> list[tuple[int, Resolution]]:
    """Return what is to be written down: the rounds that no follow-up has taken on, each with its number.

    A resolution that was taken on stands for its round, with its own number, even if it turns out that the round
    was resolved earlier than we had heard.
    """
    taken = [one for one in kept if one.is_taken]
    open_rounds = [part for part in rounds if not any(_covers(part, one) for one in taken)]
    used = {one.n for one in taken}
    free = (n for n in count(1) if n not in used)
    return [(next(free), part) for part in open_rounds]


def _covers(part: Resolution, kept: Kept) -> bool:
    return part.resolved_at <= kept.resolved_at and (part.until is None or kept.resolved_at < part.until)


_Part = tuple[datetime, datetime | None, datetime | None]


def _rounds(facts: Sequence[Fact]) -> Iterator[_Part]:
    """Yield each time it was resolved: when, until when, and since when it had been open again."""
    since = start = None
    for fact in facts:
        if fact.deed is Deed.RESOLVED and start is None:
            start = fact.at
        elif fact.deed is Deed.REOPENED:
            if start is not None:
                yield start, fact.at, since
                start, since = None, fact.at
            since = since or fact.at
    if start is not None:
        yield start, None, since


def _words(facts: Iterable[Fact]) -> dict[str, Any]:
    return {name: word for fact in facts for name, word in fact.words.items()}


def _words_at(facts: Sequence[Fact], start: datetime, until: datetime | None) -> dict[str, Any]:
    """Return the words as they were at an instant; what was told only later is better than nothing."""
    later: dict[str, Any] = {}
    for fact in reversed([fact for fact in facts if fact.at > start]):
        is_of_round = until is None or fact.at < until
        later.update((n, word) for n, word in fact.words.items() if is_of_round or n not in _OF_ONE_ROUND)
    return later | _words(fact for fact in facts if fact.at <= start)


def _resolution(facts: Sequence[Fact], part: _Part, rules: TicketRules, customer_type: str | None) -> Resolution:
    start, until, since = part
    words = _words_at(facts, start, until)
    return Resolution(
        resolved_at=start,
        until=until,
        opened_at=since or words.get("opened_at"),
        first_call_at=words.get("opened_at"),
        first_response_at=words.get("first_response_at"),
        kind=words.get("kind") or DEFAULT_KIND,
        is_test=is_test(words, rules, customer_type),
        **{name: words.get(name) for name in ("severity", "staff", "area", "parent", "result", "contact_phone")},
    )
