"""When a sender claims more: before it must wait for it, and not more than it can soon send."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from care.base.vocabulary import Channel, Purpose
from care.delivery.claiming import CLAIM_LIMIT
from care.delivery.hand import Hand, Way
from care.delivery.lookout import Lookout
from care.delivery.turns import LOOK_SECONDS, Turns

SMS: Way = (Channel.SMS, "")
MAIL: Way = (Channel.EMAIL, "")
HALF, NEXT = 100, 250


@dataclass(frozen=True)
class Waiting:
    """As much of a prepared message as the lookout sees: way, purpose and parts."""

    way: Way
    purpose: Purpose = Purpose.GREETING
    parts: int = 1

    @property
    def contact(self) -> Any:
        return type("Contact", (), {"channel": self.way[0]})

    @property
    def message(self) -> Any:
        return type("Message", (), {"purpose": self.purpose})


@dataclass
class Watch:
    """A lookout with what it looks at."""

    channels: Collection[Channel] = (Channel.SMS,)
    full: set[Way] = field(default_factory=set)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.hand = Hand(lambda one: cast("Any", one).way)
        self.lookout = Lookout(
            self.hand,
            Turns(lambda: self.now),
            channels=tuple(self.channels),
            is_full=lambda way: way in self.full,
            half_group=lambda _channel: HALF,
            next_parts=lambda _channel: NEXT,
            monotonic=lambda: self.now,
        )

    def put(self, count: int, way: Way = SMS) -> None:
        self.hand.put([cast("Any", Waiting(way)) for _ in range(count)])


class TestTheLookout:
    def test_claims_when_nothing_is_in_hand(self) -> None:
        """And goes on to: a sender without work has nothing else to do."""
        watch = Watch()
        assert watch.lookout.should_claim(None)
        watch.lookout.note(None, None)
        assert watch.lookout.should_claim(None)

    @pytest.mark.parametrize(("in_hand", "wanted"), [(1, True), (NEXT - 1, True), (NEXT, False), (CLAIM_LIMIT, False)])
    def test_claims_ahead_on_a_full_way_that_runs_short(self, in_hand: int, wanted: bool) -> None:
        """What is left would soon be committed, and until something lands nothing can be."""
        watch = Watch(full={SMS})
        watch.put(in_hand)
        assert watch.lookout.should_claim(None) is wanted

    def test_waits_where_nothing_is_full(self) -> None:
        """A way that rests for its pace is no reason to claim."""
        watch = Watch()
        watch.put(1)
        assert not watch.lookout.should_claim(None)

    def test_does_not_ask_again_soon_where_nothing_more_was_due(self) -> None:
        """A second later it does."""
        watch = Watch(full={SMS})
        watch.put(1)
        watch.lookout.note(None, None)
        assert not watch.lookout.should_claim(None)
        watch.now += LOOK_SECONDS
        assert watch.lookout.should_claim(None)

    def test_never_holds_more_than_one_claim_and_what_was_left(self) -> None:
        """Others of the same database want to send too."""
        watch = Watch(full={SMS})
        watch.put(1)
        watch.put(CLAIM_LIMIT, MAIL)
        assert not watch.lookout.should_claim(None)

    def test_looks_for_an_idle_channel_once_a_second(self) -> None:
        """While SMS wait for their pace, a mail that has become due is not forgotten."""
        watch = Watch(channels=(Channel.SMS, Channel.EMAIL))
        watch.put(NEXT)
        assert watch.lookout.should_claim(None)
        watch.lookout.note(None, [cast("Any", Waiting(SMS))])
        assert not watch.lookout.should_claim(None)
        watch.now += LOOK_SECONDS
        assert watch.lookout.should_claim(None)

    def test_claims_ahead_though_a_channel_has_nothing_to_do(self) -> None:
        """That no mail is due says nothing of the SMS that are."""
        watch = Watch(channels=(Channel.SMS, Channel.EMAIL), full={SMS})
        watch.put(1)
        watch.lookout.note(None, [cast("Any", Waiting(SMS))])
        assert watch.lookout.should_claim(None)

    def test_looks_for_what_is_more_urgent_once_a_second(self) -> None:
        """Greetings may leave: a notice would go first, if there is one."""
        watch = Watch()
        watch.put(NEXT)
        assert watch.lookout.should_claim(SMS)
        assert not watch.lookout.should_claim(SMS)
        watch.now += LOOK_SECONDS
        assert watch.lookout.should_claim(SMS)
