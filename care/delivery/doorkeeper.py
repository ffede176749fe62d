"""Stands between what is due and the providers of one dispatcher: chooses, holds, looks, tries and wakes.

A provider that takes nothing is not offered more: a wrong token or a relay that is down would otherwise use up every
message's tries, and one that answers nothing would leave them all in doubt. What is due goes to the channel's other
provider where one is well, and is held, named and woken later where none is. The rules are in `breaker` and `failover`.
"""

import asyncio
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import read, write
from care.base.ids import digest
from care.base.vocabulary import Channel, Purpose
from care.delivery import health
from care.delivery.breaker import FIRST_PAUSE, SLOW_SECONDS, Door
from care.delivery.carriers import Way
from care.delivery.counts import Counts, is_full_today, why_against
from care.delivery.failover import ALL, IN_MAINTENANCE, Choice, Shares, closed_reason, is_last_try, looks_again
from care.delivery.intent import move_by_verdict
from care.delivery.late_refusals import LateRefusals
from care.delivery.model import Prepared, Ready, Verdict
from care.delivery.record import Answer
from care.delivery.routes import Routes
from care.delivery.switchboard import Switchboard
from care.delivery.tally import Counted
from care.delivery.what_follows import NO_ROOM, OUR_FAULT
from care.messages.model import MessageStatus, Outcome
from care.messages.waking import wake_put_off, wake_waiting

LOOK_SECONDS = 1.0
"""How often the tables are read."""

WOKEN = 2_000
"""Messages woken in one transaction; the first deadlines first."""

_ABANDONED = Outcome.ABANDONED  # asked for every message

log = structlog.get_logger()


class News(NamedTuple):
    """What the tables hear in one transaction."""

    seen: Mapping[Door, Counted]
    probes: Sequence[Answer]


class Doorkeeper:
    """The providers of one dispatcher. Methods that take a connection, and `refresh` and `wake`, run in its thread."""

    def __init__(
        self, engine: sa.Engine, clock: Clock, routes: Routes, senders: Mapping[str, str], dice: random.Random
    ) -> None:
        """`senders` names the sender of each purpose that has one of its own."""
        self._engine, self._clock, self._routes = engine, clock, routes
        self._senders = {purpose: digest(sender)[:16] for purpose, sender in senders.items()}
        order = {channel: [each.provider for each in routes.of(channel)] for channel in routes.channels}
        self._board = Switchboard(order, self._senders.values())
        self._counts, self._probes = Counts(), list[Answer]()
        self._late = LateRefusals(engine, self._senders, self._board.state)
        self._shares: dict[Way, Shares] = {way: Shares(dice.randrange(ALL)) for way in self._board.ways}
        self._look_at = 0.0  # monotonic
        self._wanted: list[Door] = []  # to be looked at by us
        self._looks: set[asyncio.Task[None]] = set()
        self._found: deque[tuple[Door, str]] = deque()  # what looks have brought
        self._trying: dict[Door, float] = {}  # whose trial we opened, and when to wake another message for it
        self._told_of: set[Door] = set()  # the log has what to do about it
        self._number = 0

    def begin(self, conn: sa.Connection, number: int) -> None:
        """Enter our doors; what waits for a channel that is open by now may go."""
        self._number = number
        self._board.begin(conn, self._clock.now())
        self._board.reopened |= {way[0] for way in self._board.ways if self._board.carrier(way).provider}

    def note(self, answer: Answer) -> None:
        """Learn from one answer; what was given up before it left tells nothing of the provider."""
        if answer.ready.is_probe:
            self._probes.append(answer)
        elif answer.result.outcome is not _ABANDONED:
            self._counts.note(self._door_of(answer.ready), answer.result, answer.seconds)

    @staticmethod
    def _door_of(ready: Ready) -> Door:
        assert ready.door is not None, "named when its group was committed"
        return ready.door

    def _way(self, prepared: Prepared) -> Way:
        return prepared.contact.channel, self._senders.get(prepared.message.purpose, "")

    def is_shut(self, ready: Ready) -> bool:
        """Tell whether a message that waits for its slot should not leave: its provider has closed meanwhile."""
        door = self._door_of(ready)
        if self._board.is_open(door) and door not in self._counts.shut:
            return False
        is_away = self._board.away(door.provider) is not None
        return is_away or not (ready.is_probe or self._is_last_try(ready.prepared))

    def choose(self, prepared: Prepared) -> Choice | None:
        """Return where a message goes now; None: nowhere, it is held."""
        way = self._way(prepared)
        if carries_all := self._board.calm_carrier(way):
            return Choice(carries_all)
        carrier, trial = self._board.carrier(way), self._board.free_trial(way)
        is_risky = bool(carrier.provider) and prepared.message.purpose is Purpose.EMERGENCY
        if trial is not None and not is_risky and self._board.may_try(trial, prepared.message.attempts):
            return Choice(trial.provider, is_probe=True)
        first = self._board.order[way[0]][0]
        if carrier.share:
            to_first = self._shares[way].is_for_the_first(carrier.share)
            return Choice(first if to_first else carrier.provider, share=carrier.share)
        if carrier.provider:
            return Choice(carrier.provider)
        there = next((name for name in self._board.order[way[0]] if self._board.away(name) is None), "")
        return Choice(there) if there and self._is_last_try(prepared) else None

    def committed(self, conn: sa.Connection, prepared: Prepared, choice: Choice, ready: Sequence[Ready]) -> None:
        """Note that a group was committed as chosen; the trial is left to another message if this one may not go."""
        if choice.share:
            self._shares[self._way(prepared)].deal(choice.share)
        door = self.door(prepared, choice)
        if choice.is_probe and not ready:
            now = self._clock.now()
            self._board.end_trial(conn, door, self._number, is_accepted=None, is_slow=False, why="", now=now)
        for one in ready:
            one.door, one.is_probe = door, choice.is_probe

    def _is_last_try(self, prepared: Prepared) -> bool:
        return is_last_try(prepared.message.use_by, self._clock.now())

    def verdict(self, prepared: Prepared) -> Verdict | None:
        """Return how a message waits while nobody carries its channel; None: it may go."""
        if self._board.calm_carrier(self._way(prepared)) or self.choose(prepared) is not None:
            return None
        (channel, sender), now = self._way(prepared), self._clock.now()
        door = Door(channel, self._board.order[channel][0], sender)
        away, stands = self._board.away(door.provider), self._board.state(door)
        why = stands.why if stands else ""
        if away is not None:
            why = IN_MAINTENANCE + (f": {away.why}" if away.why else "")
        wake_at = looks_again(now, prepared.message.use_by, away.until if away else None)
        return Verdict(status=MessageStatus.HELD, reason=closed_reason(channel) + why, wake_at=wake_at)

    def hold(self, waiting: Sequence[Prepared], *, owner: int) -> deque[Prepared]:
        """Put back what was claimed for a channel that has closed since; return the rest.

        What has no time to wait is claimed anew: another channel may carry it.
        """
        verdicts, rest = dict[Verdict, list[int]](), deque[Prepared]()
        for prepared in waiting:
            verdict = self.verdict(prepared)
            if verdict is not None and self._is_last_try(prepared):
                verdict = replace(verdict, status=MessageStatus.PLANNED, wake_at=self._clock.now())
            if verdict is None:
                rest.append(prepared)
            else:
                verdicts.setdefault(verdict, []).append(prepared.message.id)
        with write(self._engine) as conn:
            move_by_verdict(conn, verdicts, now=self._clock.now(), owner=owner)
        return rest

    def take_trial(self, conn: sa.Connection, prepared: Prepared, choice: Choice) -> bool:
        """Take the one message of a trial in the transaction of its intent; False: another process tries one."""
        return self._board.take_trial(conn, self.door(prepared, choice), self._number, self._clock.now())

    def door(self, prepared: Prepared, choice: Choice) -> Door:
        """Return the door that was chosen for a message."""
        channel, sender = self._way(prepared)
        return Door(channel, choice.provider, sender)

    def _end_trial(self, conn: sa.Connection, answer: Answer) -> None:
        result, door, now = answer.result, self._door_of(answer.ready), self._clock.now()
        is_accepted = None if result.outcome is _ABANDONED else result.outcome is Outcome.ACCEPTED
        is_slow, why, is_today = answer.seconds > SLOW_SECONDS, why_against(result), is_full_today(result)
        self._board.end_trial(
            conn, door, self._number, is_accepted=is_accepted, is_slow=is_slow, why=why, now=now, is_for_today=is_today
        )

    @property
    def is_deciding(self) -> bool:
        """Tell whether a provider took nothing several times in a row, and the tables have not heard of it yet."""
        return bool(self._counts.shut)

    def to_tell(self, *, is_end: bool = False) -> News | None:
        """Return what the tables should hear with the answers being recorded; None: nothing yet."""
        if self._probes or is_end or self._counts.is_due(self._clock.monotonic()):
            return News(self._counts.seen(), tuple(self._probes))
        return None

    def tell(self, conn: sa.Connection, news: News | None) -> None:
        """Write what was seen, and what follows from it."""
        if news is None:
            return
        now = self._clock.now()
        health.add_tally(conn, news.seen, now)  # first: everybody locks tallies before doors
        for answer in news.probes:
            self._end_trial(conn, answer)
        if news.seen:
            self._board.learn(conn, news.seen, now)

    def told(self, news: News | None) -> None:
        """Say that it was written."""
        if news is not None:
            self._counts.told(news.seen, self._clock.monotonic())
            del self._probes[: len(news.probes)]

    @property
    def is_due(self) -> bool:
        """Tell whether `refresh` should be called."""
        return self._clock.monotonic() >= self._look_at

    def refresh(self) -> None:
        """Read how the providers stand for all processes, and write down what only time has changed."""
        self._look_at, now = self._clock.monotonic() + LOOK_SECONDS, self._clock.now()
        behind = self._late.listen(now)
        with read(self._engine) as conn:
            self._board.look(conn, now)
        for door in behind.intersection(self._board.doors):
            if self._board.carrier((door.channel, door.sender)).provider not in ("", door.provider):
                self._board.relieved.add(door.channel)
        if self._board.is_unsettled(now):
            with write(self._engine) as conn:
                self._board.settle(conn, now)
        for door in self._board.doors_to_look_at(now):
            with write(self._engine) as conn:
                if self._board.take_look(conn, door, self._number, now):
                    self._wanted.append(door)
                self._board.look(conn, now)

    def look_around(self) -> None:
        """Ask after closed providers whose turn it is, beside the sending. Call from the event loop."""
        while self._wanted:
            task = asyncio.create_task(self._look(self._wanted.pop()))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    async def _look(self, door: Door) -> None:
        gateway = self._routes.by_name(door.provider, door.channel)
        assert gateway is not None, "only what the settings name is looked at"
        self._found.append((door, await gateway.check()))

    @property
    def is_busy(self) -> bool:
        """Tell whether something may soon be let go."""
        return bool(self._looks or self._wanted) or self.has_news

    @property
    def has_news(self) -> bool:
        """Tell whether `wake` has something to do."""
        is_time = bool(self._trying) and self._clock.monotonic() >= min(self._trying.values())
        return bool(self._found or self._board.reopened or self._board.relieved) or is_time

    def wake(self) -> None:
        """Let go what is held: one message for a trial, and all, group by group, for what is open again."""
        while self._found:
            self._take_look(*self._found.popleft())
        for door, when in list(self._trying.items()):
            if self._board.free_trial((door.channel, door.sender)) != door:
                del self._trying[door]
            elif self._clock.monotonic() >= when:
                self._trying[door] = self._clock.monotonic() + FIRST_PAUSE.total_seconds()
                self._wake(door.channel, sum(way[0] is door.channel for way in self._board.ways))
        for channel in sorted(self._board.reopened):
            if self._wake(channel, WOKEN) < WOKEN:
                self._board.reopened.discard(channel)
        for channel in sorted(self._board.relieved):
            with write(self._engine) as conn:
                if wake_put_off(conn, channel=channel, reason=NO_ROOM, now=self._clock.now(), limit=WOKEN) < WOKEN:
                    self._board.relieved.discard(channel)

    def _take_look(self, door: Door, problem: str) -> None:
        with write(self._engine) as conn:
            now = self._clock.now()
            if self._board.looked(conn, door, self._number, is_well=not problem, now=now):
                self._trying[door] = 0.0
        if not problem:
            self._told_of.discard(door)
        elif door not in self._told_of:
            self._told_of.add(door)
            log.error("channel.out_of_order", channel=str(door.channel), provider=door.provider, problem=problem)

    def _wake(self, channel: Channel, limit: int) -> int:
        held_for, now = closed_reason(channel), self._clock.now()
        with write(self._engine) as conn:
            return wake_waiting(conn, channel=channel, held_for=held_for, refused_for=OUR_FAULT, now=now, limit=limit)

    async def close(self) -> None:
        """End what still looks."""
        for task in self._looks:
            task.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)
