"""When a sender looks for more: it may have to wait, so what is fetched at the right time costs no sending time."""

from collections.abc import Callable, Sequence

from care.base.vocabulary import Channel
from care.delivery.claiming import CLAIM_LIMIT
from care.delivery.hand import Hand, Way
from care.delivery.model import Prepared
from care.delivery.turns import LOOK_SECONDS, Turns


class Lookout:
    """Of one dispatcher. Times are monotonic."""

    def __init__(
        self,
        hand: Hand,
        turns: Turns,
        *,
        channels: Sequence[Channel],
        is_full: Callable[[Way], bool],
        half_group: Callable[[Channel], int],
        next_parts: Callable[[Channel], int],
        monotonic: Callable[[], float],
    ) -> None:
        """`half_group` is what one commit takes at least on a channel, `next_parts` what the next ones take soon."""
        self._hand, self._turns, self._channels, self._is_full = hand, turns, channels, is_full
        self._half_group, self._next_parts, self._monotonic = half_group, next_parts, monotonic
        self._ahead_at = self._channels_at = 0.0  # when it is worth while to claim ahead, and for idle channels

    def should_claim(self, way: Way | None) -> bool:
        """Tell whether to look for more; `way` is the one on which something in hand may leave now."""
        if way is not None:
            return self._turns.is_time_to_look(self._hand[way], self._half_group)
        if not self._hand:
            return True
        if len(self._hand) >= CLAIM_LIMIT:
            return False
        now = self._monotonic()
        return (now >= self._ahead_at and self._runs_short()) or (
            now >= self._channels_at and self._hand.has_none_for_any(self._channels)
        )

    def note(self, way: Way | None, claimed: Sequence[Prepared] | None) -> None:
        """Learn what a claim has brought; what was worth little is not done again soon."""
        later = self._monotonic() + LOOK_SECONDS
        if way is None and not claimed:
            self._ahead_at = self._channels_at = later
        elif self._hand.has_none_for_any(self._channels):
            self._channels_at = later

    def _runs_short(self) -> bool:
        """Tell whether little is left on a way that is full: to claim more now costs no sending time."""
        return any(len(self._hand[way]) < self._next_parts(way[0]) for way in self._hand.ways() if self._is_full(way))
