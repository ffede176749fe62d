"""What is claimed and waits to leave: a queue for each way out, so that a slow one keeps no other waiting."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from care.base.vocabulary import Channel
from care.delivery.model import Prepared

Way = tuple[Channel, str]
"""Channel and sender: what keeps a pace of its own. '' is the channel's usual sender."""


class Hand:
    """The claimed messages of one dispatcher."""

    def __init__(self, way_of: Callable[[Prepared], Way]) -> None:
        """`way_of` names the way a message takes."""
        self._way_of = way_of
        self._queues: dict[Way, deque[Prepared]] = {}
        self._rests: dict[Way, float] = {}  # until when, on the monotonic clock

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def __iter__(self) -> Iterator[Prepared]:
        for queue in self._queues.values():
            yield from queue

    def __getitem__(self, way: Way) -> deque[Prepared]:
        return self._queues[way]

    def put(self, claimed: Iterable[Prepared]) -> None:
        """Take messages in their order, behind what waits already or, when their lane is more urgent, before it."""
        by_way: dict[Way, list[Prepared]] = {}
        for way, alike in itertools.groupby(claimed, self._way_of):
            by_way.setdefault(way, []).extend(alike)
        for way, some in by_way.items():
            queue = self._queues.setdefault(way, deque())
            if queue and some[0].message.purpose.lane < queue[0].message.purpose.lane:
                queue.extendleft(reversed(some))
            else:
                queue.extend(some)

    def replace(self, way: Way, waiting: deque[Prepared]) -> None:
        """Let this be what waits on a way."""
        self._queues[way] = waiting

    def clear(self) -> None:
        """Let go of everything."""
        self._queues.clear()

    def has_none_for_any(self, channels: Sequence[Channel]) -> bool:
        """Tell whether some channel has nothing to do."""
        return {way[0] for way, queue in self._queues.items() if queue} < {*channels}

    def rest(self, way: Way, until: float) -> None:
        """Leave a way alone until its pace lets it go on; `until` is monotonic."""
        self._rests[way] = until

    def readiest(self, now: float, is_busy: Callable[[Way], bool]) -> Way | None:
        """Return the way with the most urgent message that may leave now; None: none may. `now` is monotonic."""
        ready = [way for way in self.ways() if self._rests.get(way, 0.0) <= now and not is_busy(way)]
        return min(ready, key=lambda way: self._urgency(self._queues[way][0]), default=None)

    def next_change(self, now: float) -> float | None:
        """Return seconds until the first way has rested; None: none rests."""
        ends = [self._rests[way] for way in self.ways() if self._rests.get(way, 0.0) > now]
        return min(ends) - now if ends else None

    def ways(self) -> list[Way]:
        """Return the ways on which something waits."""
        return [way for way, queue in self._queues.items() if queue]

    @staticmethod
    def _urgency(one: Prepared) -> tuple[object, ...]:
        return one.message.purpose.lane, one.message.use_by, one.message.id
