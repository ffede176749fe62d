"""An account that takes everything and says only by receipt that it had no room for it.

Its answers are good, so no answer closes it. Each sender looks once a second at the receipts that are new, and closes a
provider of whose last messages several came back for want of room while none went on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from care.base.database import read, write
from care.base.hot import Hot
from care.base.vocabulary import Channel, Purpose
from care.delivery import health
from care.delivery.breaker import LONGEST_PAUSE, TODAY_PAUSE, Cause, Door, Health, State, closed
from care.delivery.channels.base import ErrorClass, ErrorRule, Retry
from care.delivery.channels.errors import classify_receipt, error_rules
from care.delivery.tally import FULL, FULL_FOR
from care.messages.model import MessageStatus
from care.messages.tables import attempt, message, receipt
from care.messages.words import MEANING

log = structlog.get_logger()

MOST = 2_000
"""So many are read at once, the newest: more come when an inbox catches up."""

_CODES = [c for (who, c), rule in error_rules().items() if who == "twilio" and rule.error_class is ErrorClass.CAPACITY]
_LEFT = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNDELIVERED)
_had_no_room = sa.or_(*(receipt.c.error_code == code for code in _CODES))
_left = receipt.c.status.in_([word for word, means in MEANING.items() if means in _LEFT])
_TOP = Hot(sa.select(sa.func.coalesce(sa.func.max(receipt.c.id), 0)))
_CAME_BACK = Hot(
    sa.select(attempt.c.provider, message.c.purpose, attempt.c.intent_at, receipt.c.error_code)
    .select_from(receipt.join(attempt, attempt.c.id == receipt.c.attempt_id).join(message))
    .where(
        receipt.c.id > sa.bindparam("after"),
        receipt.c.id <= sa.bindparam("top"),
        attempt.c.channel == str(Channel.SMS),
        _had_no_room,
    )
    .order_by(receipt.c.id.desc())
    .limit(MOST)
)


class Word(NamedTuple):
    """One attempt that came back."""

    door: Door
    intent_at: datetime
    code: str


@dataclass(slots=True)
class _Run:
    """Attempts of one provider that had no room."""

    first: datetime
    last: datetime
    code: str
    count: int = 1


class LateRefusals:
    """What one sender has heard since it began. Text messages only: a mail's receipt speaks of the other server."""

    def __init__(self, engine: sa.Engine, senders: Mapping[str, str], state: Callable[[Door], Health | None]) -> None:
        """`senders` are the keys of purposes with a sender of their own; `state` tells how a door stands."""
        self._engine, self._senders, self._state = engine, senders, state
        self._after: int | None = None  # the last receipt looked at
        self._runs: dict[Door, _Run] = {}

    def listen(self, now: datetime) -> set[Door]:
        """Look at the receipts that are new, and close what has no room.

        Return the doors, closed before, of which more came back: what follows may go another way.
        """
        with read(self._engine) as conn:
            behind = {word.door for word in self._new_words(conn) if not self._note(word, now)}
            ripe = {door: run for door, run in self._runs.items() if _is_ripe(run)}
            full = {door: run for door, run in ripe.items() if not self._went_on(conn, door, run.first)}
        for door in ripe:
            del self._runs[door]
        for door, run in full.items():
            self._close(door, run.code, now)
        return behind

    def _new_words(self, conn: sa.Connection) -> list[Word]:
        ((top,),) = _TOP.rows(conn)
        after, self._after = self._after, top
        if after is None or after == top:
            return []
        return [
            Word(Door(Channel.SMS, provider, self._senders.get(purpose, "")), intent_at, code)
            for provider, purpose, intent_at, code in _CAME_BACK.rows(conn, after=after, top=top)
        ]

    def _note(self, word: Word, now: datetime) -> bool:
        """Take a word in; False: it was sent before the provider closed, or last opened."""
        stands, run = self._state(word.door), self._runs.get(word.door)
        if stands is None or stands.state is not State.WELL or word.intent_at <= stands.since <= now:
            return False
        if run is None:
            self._runs[word.door] = _Run(word.intent_at, word.intent_at, word.code)
        else:
            run.first, run.last = min(run.first, word.intent_at), max(run.last, word.intent_at)
            run.count, run.code = run.count + 1, word.code
        return True

    def _went_on(self, conn: sa.Connection, door: Door, first: datetime) -> bool:
        """Tell whether an attempt made after the first of a run left for the carrier."""
        mine = [purpose for purpose in Purpose if self._senders.get(purpose, "") == door.sender]
        found = (
            sa.select(sa.literal(1))
            .select_from(attempt.join(receipt, receipt.c.attempt_id == attempt.c.id).join(message))
            .where(
                attempt.c.intent_at > first,
                attempt.c.channel == str(door.channel),
                attempt.c.provider == door.provider,
                message.c.purpose.in_(mine),
                _left,
                sa.not_(_had_no_room),
            )
        )
        return conn.execute(found.limit(1)).first() is not None

    def _close(self, door: Door, code: str, now: datetime) -> None:
        rule = partial(_told_full, rule=classify_receipt(code), now=now)
        with write(self._engine) as conn:
            old, new = health.change(conn, door, rule)
        if old != new:
            log.error("channel.closed", channel=str(door.channel), provider=door.provider, problem=new.why)


def _is_ripe(run: _Run) -> bool:
    return run.count >= FULL and run.last - run.first >= FULL_FOR


def _told_full(stands: Health, rule: ErrorRule, now: datetime) -> Health:
    """Return the row of a provider closed by its receipts: what it accepts meanwhile opens it only as a trial."""
    if stands.state is not State.WELL:
        return stands
    pause = TODAY_PAUSE if rule.retry is Retry.NEXT_DAY else LONGEST_PAUSE
    return replace(closed(stands, Cause.TOLD, rule.meaning, now), pause=pause, look_at=now + pause)
