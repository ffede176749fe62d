"""Which provider carries which channel, read from the tables all processes share and changed there by the rules.

Reading costs two small queries a second; writing happens only when something changes. Nothing here sends or waits.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sqlalchemy as sa
import structlog

from care.base.vocabulary import Channel
from care.delivery import breaker, carriers, health
from care.delivery.breaker import Cause, Door, Health, State
from care.delivery.carriers import Away, Last, Way
from care.delivery.failover import Carrier, Standing, carrier, others_well, rests_alone
from care.delivery.tally import Counted

log = structlog.get_logger()


@dataclass(slots=True)
class _Seen:
    """The tables as they were at the last look."""

    health: dict[Door, Health] = field(default_factory=dict)
    away: Mapping[str, Away] = field(default_factory=dict)
    last: dict[Way, Last] = field(default_factory=dict)


class Switchboard:
    """The doors of one house. `order` names the providers of each channel, the first choice first."""

    def __init__(self, order: Mapping[Channel, Sequence[str]], senders: Collection[str]) -> None:
        """`senders` are the keys of senders that purposes have of their own."""
        self.order = order
        self.ways: list[Way] = [(channel, sender) for channel in order for sender in ("", *sorted(set(senders) - {""}))]
        self.reopened: set[Channel] = set()  # channels with something to wake
        self.relieved: set[Channel] = set()  # those with room again for what was to wait for tomorrow
        self._seen = _Seen()
        self._open: frozenset[Door] = frozenset()  # doors that are well and not being maintained
        self._calm: dict[Way, str] = {}  # who carries, where there is nothing else to weigh

    @property
    def doors(self) -> list[Door]:
        """Return every door."""
        return [door for way in self.ways for door in self._doors_of(way)]

    def _doors_of(self, way: Way) -> list[Door]:
        channel, sender = way
        return [Door(channel, provider, sender) for provider in self.order[channel]]

    def state(self, door: Door) -> Health | None:
        """Return how a door stood at the last look."""
        return self._seen.health.get(door)

    def away(self, provider: str) -> Away | None:
        """Return why a provider is being maintained now."""
        return self._seen.away.get(provider)

    def carrier(self, way: Way) -> Carrier:
        """Return who carries now; '' is nobody."""
        last = self._seen.last.get(way)
        return last.carrier if last else Carrier(self.order[way[0]][0])

    def calm_carrier(self, way: Way) -> str:
        """Return who carries every message of a way, '' where each has to be weighed: asked for every message."""
        return self._calm.get(way, "")

    def is_open(self, door: Door) -> bool:
        """Tell whether a door was well at the last look: asked for every message."""
        return door in self._open

    def free_trial(self, way: Way) -> Door | None:
        """Return the door whose trial waits for its one message."""
        for door in self._doors_of(way):
            stands = self.state(door)
            if stands is not None and breaker.is_free(stands) and not self.away(door.provider):
                return door
        return None

    def may_try(self, trial: Door, attempts: int) -> bool:
        """Tell whether a message tried so often may be the one of a trial.

        What a full provider has refused is not risked again while another takes it.
        """
        stands = self.state(trial)
        is_full = stands is not None and stands.cause in breaker.FULL_CAUSES
        return not (is_full and attempts and self.carrier((trial.channel, trial.sender)).provider)

    def begin(self, conn: sa.Connection, now: datetime) -> None:
        """Enter the doors of this house, and look soon after what is closed: settings may have been mended."""
        health.enter_doors(conn, self.doors, now)
        for door in self.doors:
            health.change(conn, door, partial(breaker.look_soon, now=now))
        self.look(conn, now)
        self.settle(conn, now)

    def look(self, conn: sa.Connection, now: datetime) -> None:
        """Read the tables; `is_unsettled` tells whether they ask for a change.

        Whoever took a channel for closed until now may have held messages after they were woken, so it wakes them too.
        """
        before = {way: self.carrier(way).provider for way in self.ways}
        self._seen = _Seen(health.read_health(conn), carriers.away_now(conn, now), carriers.last_changes(conn))
        self._open = frozenset(door for door in self.doors if self._stands_open(door))
        self._calm = {way: self.carrier(way).provider for way in self.ways if self._is_calm(way)}
        for way, old in before.items():
            new = self.carrier(way).provider
            if new and not old:
                self.reopened.add(way[0])
            elif new != old and new:
                self.relieved.add(way[0])

    def _stands_open(self, door: Door) -> bool:
        stands = self.state(door)
        return stands is None or (stands.state is State.WELL and not self.away(door.provider))

    def _is_calm(self, way: Way) -> bool:
        carries = self.carrier(way)
        return bool(carries.provider) and not carries.share and self.free_trial(way) is None

    def is_unsettled(self, now: datetime) -> bool:
        """Tell whether time has brought a change that nobody has written down."""
        if any(True for _ in self._timed(now)) or self._resting_alone():
            return True
        return any(self._carrier_by_rule(way) != self.carrier(way) for way in self.ways)

    def _timed(self, now: datetime) -> Iterator[tuple[Door, Callable[[Health], Health]]]:
        """Yield doors whose row the passing of time has changed, with the rule that says how."""
        for door in self.doors:
            stands, is_away = self.state(door), self.away(door.provider) is not None
            if stands is None:
                continue
            rule = partial(_pass_time, is_away=is_away, now=now)
            if rule(stands) != stands:
                yield door, rule

    def settle(self, conn: sa.Connection, now: datetime) -> None:
        """Write down what time has changed, and who carries now."""
        for door, rule in list(self._timed(now)):
            health.change(conn, door, rule)
        self.look(conn, now)
        for way in self.ways:
            last, new = self._seen.last.get(way, Last(0, self.carrier(way))), self._carrier_by_rule(way)
            if new == last.carrier:
                continue
            why = self._why(way, last.carrier, new)
            if carriers.note_change(conn, way, last, new, why=why, now=now):
                log.warning("channel.switched", channel=str(way[0]), carrier=new.provider or "nobody", problem=why)
        for door in self._resting_alone():
            health.change(conn, door, breaker.rested)
        self.look(conn, now)

    def _resting_alone(self) -> list[Door]:
        """Return the doors that carry everything while they still rest."""
        found = []
        for way in self.ways:
            carries = self._carrier_by_rule(way)
            if rests_alone(carries, self._standing(way)):
                found.append(Door(way[0], carries.provider, way[1]))
        return found

    def _carrier_by_rule(self, way: Way) -> Carrier:
        return carrier(self.order[way[0]], self._standing(way))

    def _standing(self, way: Way) -> dict[str, Standing]:
        found = {}
        for door in self._doors_of(way):
            stands = self.state(door)
            state, share = (stands.state, stands.share) if stands else (State.WELL, 100)
            found[door.provider] = Standing(state, share, self.away(door.provider) is not None)
        return found

    def _why(self, way: Way, old: Carrier, new: Carrier) -> str:
        """Say why who carries has changed, from whom it left, or who is back."""
        first = self.order[way[0]][0]
        left = old.provider or first
        if old.provider and new.provider != old.provider and (reason := self._trouble(Door(way[0], left, way[1]))):
            return reason
        if new.share:
            return f"{first} has been well: {new.share}% go there again"
        if not new.provider:
            return self._trouble(Door(way[0], first, way[1]))
        stands = self.state(Door(way[0], new.provider, way[1]))
        is_new = not old.provider and (stands is None or not breaker.came_back(stands))
        return f"{new.provider} is there and well" if is_new else f"{new.provider} is well again"

    def _trouble(self, door: Door) -> str:
        if away := self.away(door.provider):
            return f"{door.provider} is in maintenance" + (f": {away.why}" if away.why else "")
        stands = self.state(door)
        return f"{door.provider} is closed: {stands.why}" if stands and stands.state is not State.WELL else ""

    def learn(self, conn: sa.Connection, seen: Mapping[Door, Counted], now: datetime) -> None:
        """Close or open what follows from what this process has seen; the tallies have it already."""
        has_changed = False
        for door, counted in sorted(seen.items()):
            if not self._is_plain(door, counted):
                has_changed |= self._learn_one(conn, door, counted, now)
        if has_changed:
            self.look(conn, now)
            self.settle(conn, now)

    def _is_plain(self, door: Door, counted: Counted) -> bool:
        """Tell whether nothing can follow: all well, before and now."""
        stands = self.state(door)
        is_calm = stands is not None and stands.state is State.WELL and not (stands.in_row or stands.trial_left)
        return is_calm and not (counted.errors or counted.slow or counted.no_room)

    def _learn_one(self, conn: sa.Connection, door: Door, counted: Counted, now: datetime) -> bool:
        tallies = health.read_tallies(conn, door.channel, door.sender, now)
        slow = [name for name, buckets in tallies.items() if breaker.is_slow(buckets, now)]
        another = others_well(door.provider, self._standing((door.channel, door.sender)), slow)
        buckets = tallies.get(door.provider, [])
        rule = partial(breaker.learn, seen=counted, newest_first=buckets, now=now, another_is_well=another)
        return self._changed(door, *health.change(conn, door, rule))

    def _changed(self, door: Door, old: Health, new: Health) -> bool:
        """Tell the log of a door that closed or opened."""
        if old == new:
            return False
        if old.state is State.WELL and new.state is State.CLOSED:
            log.error("channel.closed", channel=str(door.channel), provider=door.provider, problem=new.why)
        if old.state is not State.WELL and new.state is State.WELL:
            self.reopened.add(door.channel)  # what it refused may try again, even if another carried the channel
            if old.cause is Cause.TODAY:
                self.relieved.add(door.channel)
            log.info("channel.opened", channel=str(door.channel), provider=door.provider)
        return True

    def doors_to_look_at(self, now: datetime) -> list[Door]:
        """Return closed doors whose pause is over."""
        return [
            door
            for door in self.doors
            if (stands := self.state(door)) and breaker.may_look(stands, now) and not self.away(door.provider)
        ]

    def take_look(self, conn: sa.Connection, door: Door, by: int, now: datetime) -> bool:
        """Take the next look after a closed door; False: another process has."""
        stands = self.state(door)
        if stands is None:
            return False
        return health.swap(conn, door, stands, breaker.looking(stands, by, now))

    def looked(self, conn: sa.Connection, door: Door, by: int, *, is_well: bool, now: datetime) -> bool:
        """Take what a look brought; return whether one message may go now."""

        def rule(stands: Health) -> Health:
            is_mine = stands.state is State.CLOSED and stands.probe_by == by
            return breaker.looked_well(stands) if is_mine and is_well else stands

        old, new = health.change(conn, door, rule)
        self.look(conn, now)
        return old != new

    def take_trial(self, conn: sa.Connection, door: Door, by: int, now: datetime) -> bool:
        """Take the one message of a trial; False: another process has it."""
        stands = health.read_health(conn)[door]
        is_taken = breaker.is_free(stands) and health.swap(conn, door, stands, breaker.probing(stands, by, now))
        self.look(conn, now)
        return is_taken

    def end_trial(
        self,
        conn: sa.Connection,
        door: Door,
        by: int,
        *,
        is_accepted: bool | None,
        is_slow: bool,
        why: str,
        now: datetime,
        is_for_today: bool = False,
    ) -> None:
        """Take what became of the one message; `is_accepted` None: it did not leave."""

        def rule(stands: Health) -> Health:
            if stands.state is not State.TRIAL or stands.probe_by != by:
                return stands
            if is_accepted is None:
                return breaker.probe_unused(stands)
            is_as_slow = is_slow and stands.cause is Cause.SLOW
            is_proven = is_accepted and not is_as_slow
            if is_proven:
                return breaker.proven(stands, now)
            return breaker.failed_again(stands, why, now, is_for_today=is_for_today)

        if self._changed(door, *health.change(conn, door, rule)):
            self.look(conn, now)
            self.settle(conn, now)


def _pass_time(stands: Health, *, is_away: bool, now: datetime) -> Health:
    if breaker.is_forgotten(stands, now):
        stands = breaker.failed_again(stands, "", now)
    return breaker.settled(stands, is_away=is_away, now=now)
