"""The books against the providers: what we call handed over on a day is what the provider lists, one by one.

Each listed message is marked on its attempt as it passes, so a day of a million needs no memory: what bears no mark
afterwards was not listed, and is asked about by itself.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.among import among
from care.base.clock import Clock
from care.base.database import read, write
from care.base.errors import UnavailableError
from care.base.vocabulary import Channel
from care.delivery import asking
from care.delivery.accounts import digest_of
from care.delivery.asking import Asked
from care.delivery.billing import Bill, bills_of
from care.delivery.channels.base import Gateway, ProviderMessage, Records, records_of
from care.delivery.routes import Routes
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message

SETTLING = timedelta(minutes=15)
"""What left just now may not be recorded yet, on either side, or is in doubt, which takes so long to settle."""

EDGE = timedelta(minutes=15)
"""A message may be on one side of midnight here and on the other there; so hardly one has to be fetched by itself."""

AT_ONCE = 500
MOST_NAMED = 100
_ASKED = ("id", "message_id", "channel", "provider", "provider_ref", "account")
_Place = tuple[Channel, str]
_OPEN = tuple(str(s) for s in (MessageStatus.ACCEPTED, MessageStatus.SENT, MessageStatus.UNCONFIRMED))


class BookState(StrEnum):
    """How a day at one provider stands."""

    BALANCED = "balanced"
    DIFFERS = "differs"
    UNASKED = "unasked"  #: the provider keeps no list, or is not set up any more
    FAILED = "failed"  #: it did not answer


@dataclass(frozen=True, slots=True)
class Missing:
    """A message that we call handed over and its provider does not know."""

    message_id: int
    provider_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPage:
    """One operator's day at one provider; of the differences at most `MOST_NAMED` of each kind are named."""

    day: date
    provider: str
    channel: Channel
    state: BookState
    ours: int
    theirs: int | None = None
    unknown_here: Sequence[str] = ()
    missing_there: Sequence[Missing] = ()
    differences: int = 0
    bills: Sequence[Bill] = ()
    words: str = ""
    checked_at: datetime  # when the look began

    @property
    def is_wrong(self) -> bool:
        """Tell whether somebody has to look."""
        return self.state in (BookState.DIFFERS, BookState.FAILED)


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the instants between which the operator's day lies."""
    there = ZoneInfo(zone)
    midnights = (datetime.combine(each, datetime.min.time(), there) for each in (day, day + timedelta(days=1)))
    start, end = (midnight.astimezone(ZoneInfo("UTC")) for midnight in midnights)
    return start, end


async def compare_day(
    engine: sa.Engine,
    routes: Routes,
    *,
    day: date,
    zone: str,
    clock: Clock,
    dice: random.Random,
    since: datetime | None = None,
    accepted: Collection[str] = (),
) -> list[ProviderPage]:
    """Compare a day with every provider that has to do with it, but for what is `accepted` or was before `since`."""
    start, end = day_bounds(day, zone)
    end = min(end, clock.now() - SETTLING)
    start = min(max(start, since or start), end)
    with read(engine) as conn:
        used, gone = _used_places(conn, routes, start, end)
    pages = []
    for gateway in routes.all():
        place = gateway.channel, gateway.provider
        comparison = _Comparison(engine, gateway, day=day, start=start, end=end, clock=clock, dice=dice)
        if records_of(gateway) is not None or place in used:
            page, others = await comparison.page(accepted), gone.pop(place, 0)
            pages.append(replace(page, words=f"{page.words}; {others:,} more of another account") if others else page)
    for place, ours in sorted(gone.items()):
        words = f"{place[1]} is not set up for {place[0]} any more, so it cannot be asked"
        pages.append(_empty(day, place, ours=ours, words=words, now=clock.now(), state=BookState.UNASKED))
    return pages


def _used_places(
    conn: sa.Connection, routes: Routes, start: datetime, end: datetime
) -> tuple[set[_Place], dict[_Place, int]]:
    """Return the places whose account has some of it, and how many went to accounts that are set up no more."""
    keys = (attempt.c.channel, attempt.c.provider, attempt.c.account)
    query = sa.select(*keys, sa.func.count().label("n")).where(_handed_over(start, end)).group_by(*keys)
    used, gone = set[_Place](), Counter[_Place]()
    for row in conn.execute(query):
        channel = Channel(row.channel)
        gateway = routes.holder(row.provider, channel, row.account)
        if gateway is None:
            gone[channel, row.provider] += row.n
        else:
            used.add((channel, gateway.provider))
    return used, gone


def _handed_over(start: datetime, end: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        attempt.c.intent_at >= start,
        attempt.c.intent_at < end,
        attempt.c.outcome == str(Outcome.ACCEPTED),
        attempt.c.provider_ref.is_not(None),
    )


def _empty(
    day: date, gateway: tuple[Channel, str], *, ours: int, words: str, now: datetime, state: BookState
) -> ProviderPage:
    """Return a page of a provider that said nothing."""
    channel, provider = gateway
    return ProviderPage(
        day=day, provider=provider, channel=channel, state=state, ours=ours, words=words, checked_at=now
    )


def _is_here(gateway: Gateway) -> sa.ColumnElement[bool]:
    """Return: the attempt went to the gateway's account; `Routes.holder` says the same of one."""
    by_name = sa.and_(attempt.c.account.is_(None), attempt.c.provider == gateway.provider)
    account = digest_of(gateway)
    mine = by_name if account is None else sa.or_(by_name, attempt.c.account == account)
    return sa.and_(attempt.c.channel == str(gateway.channel), mine)


class _Comparison:
    """One day at one provider."""

    def __init__(
        self,
        engine: sa.Engine,
        gateway: Gateway,
        *,
        day: date,
        start: datetime,
        end: datetime,
        clock: Clock,
        dice: random.Random,
    ) -> None:
        self._engine, self._gateway, self._channel = engine, gateway, gateway.channel
        self._day, self._start, self._end, self._clock, self._dice = day, start, end, clock, dice
        self._here = _is_here(gateway)
        self._mine = sa.and_(_handed_over(start, end), self._here)

    async def page(self, accepted: Collection[str]) -> ProviderPage:
        """Ask and return the page; a provider that does not answer is named as such."""
        now, place = self._clock.now(), (self._channel, self._gateway.provider)
        with read(self._engine) as conn:
            ours = int(conn.execute(sa.select(sa.func.count()).select_from(attempt).where(self._mine)).scalar_one())
        records = records_of(self._gateway)
        if records is None:
            words = "a mail relay keeps no list that can be asked; receipts and bounces tell"
            return _empty(self._day, place, ours=ours, words=words, now=now, state=BookState.UNASKED)
        try:
            unknown = await self._walk(records, since=now)
            missing = await self._ask_after_the_unlisted(since=now)
        except UnavailableError as error:
            words = f"not compared: {str(error).splitlines()[0]}"
            return _empty(self._day, place, ours=ours, words=words, now=now, state=BookState.FAILED)
        theirs, every = ours - len(missing) + len(unknown), len(unknown) + len(missing)
        unknown = [ref for ref in unknown if ref not in accepted]
        missing = [one for one in missing if one.provider_ref not in accepted]
        words = f"{ours:,} handed over, {theirs:,} on its list"
        differences = len(unknown) + len(missing)
        if differences:
            words += f"; {len(unknown):,} there that we do not know, {len(missing):,} of ours that it does not know"
        if every > differences:
            words += f"; {every - differences:,} accepted"
        with read(self._engine) as conn:
            bills = bills_of(conn, self._mine)
        return ProviderPage(
            day=self._day,
            provider=self._gateway.provider,
            channel=self._channel,
            state=BookState.DIFFERS if differences else BookState.BALANCED,
            ours=ours,
            theirs=theirs,
            unknown_here=unknown[:MOST_NAMED],
            missing_there=missing[:MOST_NAMED],
            differences=differences,
            bills=bills,
            words=words,
            checked_at=now,
        )

    async def _walk(self, records: Records, *, since: datetime) -> list[str]:
        """Mark what is listed, take its bill and its last word; return the references that we do not know."""
        unknown = list[str]()
        await self._gateway.open()
        try:
            stretch: Any = records.list_between(self._start - EDGE, self._end + EDGE)
            async with aclosing(stretch) as listed:
                async for batch in _batches(listed):
                    unknown += self._take(batch, since)
        finally:
            await self._gateway.close()
        return unknown

    def _take(self, batch: Sequence[ProviderMessage], since: datetime) -> list[str]:
        with write(self._engine) as conn:
            found = {row.provider_ref: row for row in conn.execute(_known(batch).where(self._here))}
            answers = [
                Asked(
                    attempt_id=found[each.sid].id,
                    provider=found[each.sid].provider,  # which may have been its account's name then
                    provider_ref=each.sid,
                    record=each,
                )
                for each in batch
                if each.sid in found
            ]
            asking.take_answers(
                conn, answers, now=since, dice=self._dice, speak=[a for a in answers if _is_open(found, a)]
            )
        return [each.sid for each in batch if each.sid not in found and self._start <= each.created_at < self._end]

    async def _ask_after_the_unlisted(self, *, since: datetime) -> list[Missing]:
        """Fetch what was not listed, since a list may leave out what never left; return what is not there at all."""
        missing = list[Missing]()
        while unlisted := self._unlisted(since):
            answers = await asking.ask(Routes((self._gateway,)), unlisted)
            if not answers:
                raise UnavailableError(f"{self._gateway.provider}: no usable answer. Try again later")
            with write(self._engine) as conn:
                asking.take_answers(conn, answers, now=since, dice=self._dice)
            message_of = {row.id: row.message_id for row in unlisted}
            missing += [Missing(message_of[a.attempt_id], a.provider_ref) for a in answers if a.record is None]
        return missing

    def _unlisted(self, since: datetime) -> Sequence[sa.Row[Any]]:
        columns = (attempt.c[name] for name in _ASKED)
        unmarked = sa.or_(attempt.c.asked_at.is_(None), attempt.c.asked_at < since)
        with read(self._engine) as conn:
            return conn.execute(sa.select(*columns).where(self._mine, unmarked).limit(asking.MOST_AT_ONCE)).all()


def _known(batch: Sequence[ProviderMessage]) -> sa.Select[Any]:
    refs = [each.sid for each in batch]
    return (
        sa.select(attempt.c.id, attempt.c.provider, attempt.c.provider_ref, message.c.status)
        .join(message, message.c.id == attempt.c.message_id)
        .where(among(attempt.c.provider_ref, refs))
    )


def _is_open(found: Mapping[str, sa.Row[Any]], answer: Asked) -> bool:
    return found[answer.provider_ref].status in _OPEN


async def _batches(listed: AsyncIterator[ProviderMessage]) -> AsyncIterator[list[ProviderMessage]]:
    batch = list[ProviderMessage]()
    async for each in listed:
        batch.append(each)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
