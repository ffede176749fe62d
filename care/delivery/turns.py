"""Whose turn is it: the most urgent lane first, and to each less urgent one the small share it is sure of.

A notice goes before any greeting, so notices have nine tenths of the pace whenever they need it. The last tenth, which
admission leaves free, belongs to the less urgent lanes: replies are answered during a long run of notices too.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from care.base.vocabulary import LANES, Channel, Purpose
from care.delivery.model import Prepared

SHARES: Mapping[Purpose, float] = MappingProxyType(
    {
        Purpose.SERVICE: 0.03,
        Purpose.REPLY: 0.04,
        Purpose.SURVEY: 0.01,
        Purpose.OFFER: 0.01,
        Purpose.GREETING: 0.01,
    }
)
"""What a lane is sure of while a more urgent one has work, as a share of the pace; a tenth in all."""

LOOK_SECONDS = 1.0
"""How often a sender that has work in hand looks for something more urgent."""


class Turns:
    """Which lane one sender takes from next. Credit grows with what more urgent lanes send, in parts."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with no credit; `monotonic` returns seconds."""
        self._monotonic, self._look_at = monotonic, 0.0
        self._credit: dict[Purpose, float] = dict.fromkeys(LANES, 0.0)

    def order(self, limit: int, *, before: Purpose | None = None) -> Iterator[tuple[Purpose, int]]:
        """Yield lanes with how many messages may be taken, until one has something due.

        `before` leaves only lanes that are more urgent. A lane passed over had nothing due: it saves nothing up.
        """
        lanes = LANES if before is None else LANES[: before.lane]
        for purpose in lanes:
            if self._credit[purpose] >= 1:
                yield purpose, min(limit, int(self._credit[purpose]))
                self._credit[purpose] = 0.0
        yield from ((purpose, limit) for purpose in lanes)

    def is_time_to_look(self, waiting: Sequence[Prepared], budget: Callable[[Channel], int]) -> bool:
        """Tell, once a second, whether something more urgent may go before what is in hand and has not earned its turn.

        `budget` returns the parts of one group on a channel.
        """
        first = waiting[0]
        if first.message.purpose is LANES[0] or self._monotonic() < self._look_at:
            return False
        if self._credit[first.message.purpose] >= _parts(_front(waiting, budget(first.contact.channel))):
            return False
        self._look_at = self._monotonic() + LOOK_SECONDS
        return True

    def sent(self, purpose: Purpose, parts: int) -> None:
        """Note that parts of a lane leave."""
        self._credit[purpose] = max(0.0, self._credit[purpose] - parts)
        for other in LANES[purpose.lane + 1 :]:
            self._credit[other] += SHARES[other] * parts


def next_group(waiting: deque[Prepared], budget: int) -> list[Prepared]:
    """Take from the front what shares channel and purpose, up to so many parts, and at least one message."""
    group = _front(waiting, budget)
    for _ in group:
        waiting.popleft()
    return group


def _front(waiting: Sequence[Prepared], budget: int) -> list[Prepared]:
    channel, purpose = waiting[0].contact.channel, waiting[0].message.purpose
    group, parts = list[Prepared](), 0
    for prepared in waiting:
        parts += prepared.parts
        is_alike = prepared.contact.channel is channel and prepared.message.purpose is purpose
        if not is_alike or (group and parts > budget):
            break
        group.append(prepared)
    return group


def _parts(group: Iterable[Prepared]) -> int:
    return sum(prepared.parts for prepared in group)
