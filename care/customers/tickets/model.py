"""What is told of a ticket, and what the ticket is after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Deed(StrEnum):
    """What a fact says that happened; facts of the same instant count in this order."""

    TOLD = "told"  #: only words about the ticket
    RESOLVED = "resolved"
    REOPENED = "reopened"
    LISTED = "listed"  #: words of an imported list, which corrects what was told of the same instant


DEFAULT_KIND = "repair"
"""The kind of a ticket that nobody named one for: the ordinary one, so that its customer is asked."""

TEXT_WORDS: Mapping[str, int] = MappingProxyType(
    {
        "kind": 32,
        "severity": 32,
        "staff": 100,
        "area": 64,
        "channel": 32,
        "contact_name": 200,
        "contact_phone": 32,
        "parent": 64,
        "summary": 2_000,
        "result": 2_000,
    }
)
"""Words that are texts, with the most characters each may have."""

TIME_WORDS = ("opened_at", "first_response_at", "closed_at")
TEST_WORD = "test"
ATTRIBUTE = "attributes."
"""Before the name of a word that no column of ours has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that was so at an instant. `words` are by name; None clears, a missing one says nothing."""

    at: datetime
    deed: Deed = Deed.TOLD
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The ticket as it was when it was resolved. `until` is when it was opened again, None if it was not."""

    resolved_at: datetime
    until: datetime | None
    opened_at: datetime | None
    first_call_at: datetime | None
    first_response_at: datetime | None
    kind: str
    severity: str | None
    staff: str | None
    area: str | None
    parent: str | None
    result: str | None
    contact_phone: str | None
    is_test: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What all facts come to."""

    kind: str
    words: Mapping[str, Any]
    is_test: bool
    resolved_at: datetime | None
    reopened_at: datetime | None
    resolutions: Sequence[Resolution]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A resolution that is written down already; one that was taken on by a follow-up never changes."""

    n: int
    resolved_at: datetime
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRules:
    """Which tickets are tries or colleagues' own, so that nobody is asked about them."""

    test_kinds: frozenset[str] = frozenset()
    test_staff: frozenset[str] = frozenset()
    test_customer_types: frozenset[str] = frozenset()
