"""What is counted of a provider's answers, and when they say that it has no room for anything: pure rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

BUCKET = timedelta(seconds=5)

FULL = 5
FULL_FOR = timedelta(seconds=10)
"""So many refused for want of room over so long, and nothing accepted by any process meanwhile, close a provider.

One that merely sets the pace refuses many of a burst, and takes others of the same seconds.
"""


class Bucket(NamedTuple):
    """What a provider answered in a few seconds, all processes together."""

    at: datetime  # when the seconds begin
    answers: int
    errors: int
    slow: int
    no_room: int = 0  # refused for want of room
    not_taken: int = 0  # of the answers; older programs leave it 0, and what they saw then counts as accepted

    @property
    def accepted(self) -> int:
        """Return how many it took."""
        return self.answers - self.not_taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one process has seen of one provider since it last said so."""

    answers: int = 0
    errors: int = 0
    slow: int = 0
    accepted: int = 0
    in_row: int = 0  # errors since the last accepted
    why: str = ""  # of the last error
    no_room: int = 0  # refused for want of room; none of these is an error
    no_room_why: str = ""  # of the last of them
    is_for_today: bool = False  # that one will have no room before tomorrow

    @property
    def not_taken(self) -> int:
        """Return how many were not accepted, for whatever reason."""
        return self.answers - self.accepted


def takes_nothing(newest_first: Iterable[Bucket], now: datetime) -> bool:
    """Tell whether a provider has refused several for want of room, for a while, and accepted nothing since the first.

    A bucket counts for its last moment: what was refused then is the youngest it can hold.
    """
    full = 0
    for bucket in newest_first:
        if bucket.accepted > 0:
            return False
        full += bucket.no_room
        if full >= FULL and bucket.no_room and bucket.at + BUCKET <= now - FULL_FOR:
            return True
    return False
