"""Ask providers what became of messages whose receipt never came; what they say takes the way of any receipt."""

import asyncio
import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.errors import UnavailableError
from care.base.vocabulary import Channel
from care.delivery.bad_news import Allowed, every_channel
from care.delivery.billing import note_bills
from care.delivery.channels.base import ProviderMessage, records_of
from care.delivery.presence import Gap
from care.delivery.receipts import Receipt, apply_receipts
from care.delivery.routes import Routes
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message
from care.messages.words import MEANING

SILENT_AFTER = timedelta(hours=24)
ASK_AGAIN_AFTER = timedelta(hours=24)
LONGEST_WAY = timedelta(hours=24)
"""A receipt lost in a gap may be of a message that left so long before it."""

MOST_AT_ONCE = 1_000
IN_FLIGHT = 8
S = MessageStatus
Place = tuple[Channel, str]
"""Channel and provider: who keeps the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An attempt, and what its provider has on record; None when it knows of none."""

    attempt_id: int
    provider: str
    provider_ref: str
    record: ProviderMessage | None


def silent_attempts(
    conn: sa.Connection, places: Iterable[Place], *, now: datetime, accounts: Collection[str] = ()
) -> list[sa.Row[Any]]:
    """Return attempts without a final receipt for a day, oldest first; each is asked about once a day.

    Of attempts that name their account only those of `accounts`: nobody else could tell.
    """
    asked_lately = attempt.c.asked_at >= now - ASK_AGAIN_AFTER
    waiting = _open(places, accounts).where(
        message.c.status_at < now - SILENT_AFTER, sa.or_(attempt.c.asked_at.is_(None), sa.not_(asked_lately))
    )
    return list(conn.execute(waiting.order_by(message.c.status_at).limit(MOST_AT_ONCE)))


def missed_attempts(
    conn: sa.Connection, places: Iterable[Place], gaps: Sequence[Gap], *, accounts: Collection[str] = ()
) -> list[sa.Row[Any]]:
    """Return attempts whose receipt may have come while nobody heard, oldest first; each is asked about once a gap."""
    found: dict[int, sa.Row[Any]] = {}
    places = list(places)
    for gap in gaps:
        missed = _open(places, accounts).where(
            attempt.c.intent_at.between(gap.start - LONGEST_WAY, gap.end),
            sa.or_(attempt.c.asked_at.is_(None), attempt.c.asked_at < gap.end),
        )
        rows = conn.execute(missed.order_by(attempt.c.intent_at).limit(MOST_AT_ONCE - len(found)))
        found |= {row.id: row for row in rows}
    return list(found.values())


def _open(places: Iterable[Place], accounts: Collection[str]) -> sa.Select[Any]:
    known = [sa.and_(attempt.c.channel == str(channel), attempt.c.provider == provider) for channel, provider in places]
    by_name = sa.and_(attempt.c.account.is_(None), sa.or_(sa.false(), *known))
    return (
        sa.select(attempt.c.id, attempt.c.channel, attempt.c.provider, attempt.c.provider_ref, attempt.c.account)
        .join(message, message.c.id == attempt.c.message_id)
        .where(
            message.c.status.in_([str(S.ACCEPTED), str(S.SENT)]),
            attempt.c.outcome == str(Outcome.ACCEPTED),
            attempt.c.provider_ref.is_not(None),
            sa.or_(by_name, attempt.c.account.in_(accounts)),
        )
    )


async def ask(routes: Routes, attempts: Sequence[sa.Row[Any]], *, seconds: float = 60.0) -> list[Asked]:
    """Ask about attempts, a few at a time, for so many seconds at most; what was not asked waits for the next time.

    A provider that does not answer once is asked nothing more this time.
    """
    loop = asyncio.get_running_loop()
    questioner = _Questioner(routes, iter(attempts), ends_at=loop.time() + seconds)
    async with routes.opened():
        await asyncio.gather(*(questioner.work() for _ in range(IN_FLIGHT)))
    return questioner.answers


class _Questioner:
    """Several hands on one list of questions."""

    def __init__(self, routes: Routes, attempts: Iterator[sa.Row[Any]], *, ends_at: float) -> None:
        self.answers: list[Asked] = []
        self._routes, self._attempts, self._ends_at = routes, attempts, ends_at
        self._silent: set[Place] = set()

    async def work(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self._attempts:
            gateway = self._routes.holder(one.provider, Channel(one.channel), one.account)
            records = records_of(gateway) if gateway is not None else None
            if gateway is None or records is None or loop.time() >= self._ends_at:
                continue
            place = gateway.channel, gateway.provider
            if place in self._silent:
                continue
            try:
                record = await records.fetch(one.provider_ref)
            except UnavailableError:
                self._silent.add(place)
                continue
            self.answers.append(
                Asked(attempt_id=one.id, provider=one.provider, provider_ref=one.provider_ref, record=record)
            )


def take_answers(
    conn: sa.Connection,
    answers: Sequence[Asked],
    *,
    now: datetime,
    dice: random.Random,
    speak: Sequence[Asked] | None = None,
    allowed: Allowed = every_channel,
) -> int:
    """Apply what providers said and note that they were asked; return how many words were news.

    Only those of `speak` count as receipts, all when it is not given: the others have their last word.
    """
    known = [answer for answer in answers if answer.record is not None]
    receipts = [
        Receipt(
            provider=answer.provider,
            provider_ref=answer.provider_ref,
            status=answer.record.status,
            error_code=answer.record.error_code,
            at=now,
        )
        for answer in (known if speak is None else speak)
        if answer.record and MEANING.get(answer.record.status) not in (None, S.ACCEPTED)
    ]
    news = apply_receipts(conn, receipts, now=now, dice=dice, allowed=allowed)  # first: it may queue for another try
    ids = [answer.attempt_id for answer in answers]
    conn.execute(sa.update(attempt).where(among(attempt.c.id, ids)).values(asked_at=now))
    note_bills(conn, {answer.attempt_id: answer.record for answer in known if answer.record})
    return news
