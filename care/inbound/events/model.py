"""What an event is, where it stands, and what its sender is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """What may have happened."""

    OPENED = "ticket.opened"
    RESOLVED = "ticket.resolved"
    REOPENED = "ticket.reopened"
    INSTALLED = "installation.completed"


class EventState(StrEnum):
    """Where an event stands; each is in exactly one state."""

    NEW = "new"  #: stored and answered, not worked on
    DONE = "done"
    WAITING = "waiting"  #: kept for repair: what it speaks of is not known yet
    STALE = "stale"  #: newer news had come before it, so it changed nothing
    REFUSED = "refused"  #: will never be worked on, the problem says why


KNOWN_TYPES = ", ".join(EventType)
RESOLVING = (EventType.RESOLVED, EventType.INSTALLED)
"""What is followed up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One event as it came, read and found good."""

    external_id: str
    type: EventType
    customer: str | None
    subject: str
    at: datetime
    data: Mapping[str, Any]
    digest: str


class EventProblem(ValueError):  # noqa: N818 - told to the sender as a problem
    """Why something cannot be taken; `str()` is the detail, which never repeats what was sent."""

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        """`code` is a word for machines, `title` the same for every problem of the kind."""
        super().__init__(detail)
        self.status, self.code, self.title = status, code, title

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as RFC 9457 has it."""
        return {
            "type": f"urn:care:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": str(self),
        }


@dataclass(slots=True, kw_only=True)
class Entry:
    """One item of a request: an event, or why it is none; `status` is what becomes of the event."""

    external_id: str | None
    event: NewEvent | None = None
    problem: EventProblem | None = None
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a sender is told."""

    status: int
    body: str


@dataclass(slots=True, kw_only=True)
class Posted:
    """One request of a sender who may post events; `answer` is there once everything in it is durable."""

    key_id: str
    entries: list[Entry]
    is_list: bool
    at: datetime
    request_digest: str
    idempotency_key: str | None = None
    answer: Answer | None = field(default=None)
