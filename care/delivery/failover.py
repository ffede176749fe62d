"""Who carries a channel: the first provider while it is well, else the next that is; pure rules."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from care.base.vocabulary import Channel
from care.delivery.breaker import State

ALL = 100
HOLD = timedelta(minutes=30)
"""What waits for a channel that nobody carries looks again within this time; it is woken when somebody does."""

LAST_TRY = timedelta(minutes=10)
"""So long before its time is over a held message is tried all the same: another channel may still reach."""


def is_last_try(use_by: datetime, now: datetime) -> bool:
    """Tell whether a message has no time left to wait for a channel."""
    return use_by - LAST_TRY <= now


def looks_again(now: datetime, use_by: datetime, away_until: datetime | None) -> datetime:
    """Return when what is held looks again; `away_until` is the end of maintenance."""
    last = use_by if is_last_try(use_by, now) else use_by - LAST_TRY
    return min(now + HOLD, last, away_until or last)


class Choice(NamedTuple):
    """Where the next group goes."""

    provider: str
    is_probe: bool = False  # one message, and only if nobody else tries one at this moment
    share: int = 0  # was dealt with this share for the first provider


class Standing(NamedTuple):
    """How one provider stands, as far as this choice needs to know."""

    state: State
    share: int  # percent that it may take while another could take the rest
    is_away: bool = False  # being maintained

    @property
    def is_usable(self) -> bool:
        """Tell whether messages may go there."""
        return self.state is State.WELL and not self.is_away


class Carrier(NamedTuple):
    """Who carries, and what share (percent) of it goes to the first provider again; '' is nobody."""

    provider: str
    share: int = 0


def carrier(order: Sequence[str], standing: Mapping[str, Standing]) -> Carrier:
    """Return who carries a channel whose providers stand so, the first choice first.

    One that rests gives way only to one that does not: else each that comes back would take all from the other.
    """
    first, others = order[0], [name for name in order[1:] if standing[name].is_usable]
    if standing[first].is_usable:
        share, rested = standing[first].share, [name for name in others if standing[name].share == ALL]
        return Carrier(rested[0], share) if rested and share < ALL else Carrier(first)
    return Carrier(others[0]) if others else Carrier("")


def rests_alone(carries: Carrier, standing: Mapping[str, Standing]) -> bool:
    """Tell whether whoever carries everything still rests: its rest has ended, or a later one would take from it."""
    stands = standing.get(carries.provider)
    return stands is not None and not carries.share and stands.is_usable and stands.share < ALL


def others_well(name: str, standing: Mapping[str, Standing], slow: Collection[str]) -> bool:
    """Tell whether another provider could do better than one that is slow."""
    return any(each.is_usable for other, each in standing.items() if other != name and other not in slow)


IN_MAINTENANCE = "in maintenance"


def closed_reason(channel: Channel) -> str:
    """Return how the reason of everything held for a channel begins that nobody carries."""
    return f"channel_closed:{channel}: "


class Shares:
    """Deals a share of the groups of one sender to the first provider, as evenly as groups allow."""

    def __init__(self, owed: int = 0) -> None:
        """Begin with so much owed to the first provider, below 100: processes should not all begin alike."""
        self._owed = owed

    def is_for_the_first(self, share: int) -> bool:
        """Tell whether the next group goes to the first provider."""
        return self._owed + share >= ALL

    def deal(self, share: int) -> None:
        """Note that a group was dealt as `is_for_the_first` said."""
        self._owed = (self._owed + share) % ALL
