"""Fetch what customers wrote while nobody heard them; it takes the way of any webhook, so it counts once.

Providers do not repeat what a customer wrote when nobody took it, and among it may be a refusal.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import insert, write
from care.base.errors import UnavailableError
from care.base.told import Told
from care.base.vocabulary import Channel
from care.delivery.channels.base import CustomerMessage, Gateway, inbound_records_of
from care.delivery.presence import Gap
from care.delivery.routes import Routes
from care.delivery.tables import job_run
from care.inbound import store
from care.inbound.twilio import UnreadableHookError, fetched_row

Place = tuple[Channel, str]
"""Channel and provider: whose list it is."""

SKEW = timedelta(minutes=15)
"""The provider's clock is not ours: so much more is asked about on both sides. What is known already is left alone."""

LAG = timedelta(minutes=2)
"""A provider's list has everything after so long."""

ANYHOW_EVERY = timedelta(hours=1)
"""Asked so often even without a gap: of a proxy of ours that was down, nobody here knows."""

DEAF_EVERY = timedelta(minutes=1)
"""Asked so often while no web process is there; so at once by a leader that starts after an outage."""

ERRAND = "replies"
KEEP_AT_ONCE = 100
_NOTE = "replies:"
log = structlog.get_logger()


def stretches_to_ask(
    conn: sa.Connection, places: Iterable[Place], gaps: Sequence[Gap], *, deaf: datetime | None = None, now: datetime
) -> dict[Place, Gap]:
    """Return who is to be asked now, and for which stretch of time; `deaf` is since when nobody hears, or None."""
    asked, found = last_asked(conn), dict[Place, Gap]()
    for place in places:
        stretch = stretch_of(gaps, deaf, asked=asked.get(place[1]), now=now)
        if stretch is not None:
            found[place] = stretch
    return found


def last_asked(conn: sa.Connection) -> dict[str, datetime]:
    """Return until when each provider has been asked, by its name."""
    notes = sa.select(job_run).where(job_run.c.name.startswith(_NOTE, autoescape=True))
    return {row.name.removeprefix(_NOTE): row.last_at for row in conn.execute(notes)}


def stretch_of(gaps: Sequence[Gap], deaf: datetime | None, *, asked: datetime | None, now: datetime) -> Gap | None:
    """Return the stretch to ask about, None for nothing; `asked` is until when the provider was asked.

    A gap is asked about at once when it is over, and once more when the list has certainly caught up; while one lasts,
    which began at `deaf`, now and then. At first nothing more is asked: what was written before this house began is
    none of its business.
    """
    if asked is not None and asked > now:
        asked = None  # the clock was set back: until then no gap would be asked about
    open_ones = [gap for gap in gaps if asked is None or asked < gap.end or asked < gap.end + LAG <= now]
    starts = [gap.start for gap in open_ones]
    if asked is None or now - asked >= ANYHOW_EVERY:
        starts.append(asked or now)
    if deaf is not None and (asked is None or now - asked >= DEAF_EVERY):
        starts.append(deaf if asked is None else max(asked, deaf))
    return Gap(min(starts) - SKEW, now + SKEW) if starts else None


def fetch_replies(
    engine: sa.Engine, routes: Routes, stretches: Mapping[Place, Gap], *, clock: Clock, told: Told
) -> int:
    """Ask for each stretch and keep what is new; return how much that was. A provider's silence is told once."""
    return asyncio.run(_fetch_all(engine, routes, stretches, clock=clock, told=told))


async def _fetch_all(
    engine: sa.Engine, routes: Routes, stretches: Mapping[Place, Gap], *, clock: Clock, told: Told
) -> int:
    new = 0
    async with routes.opened():
        for place, stretch in stretches.items():
            gateway = routes.by_name(place[1], place[0])
            if gateway is not None:
                new += await _fetch(engine, gateway, place, stretch, clock=clock, told=told)
    return new


async def _fetch(engine: sa.Engine, gateway: Gateway, place: Place, stretch: Gap, *, clock: Clock, told: Told) -> int:
    """Keep what one provider lists; one that gives no answer is asked again at the next round."""
    records, now = inbound_records_of(gateway), clock.now()
    if records is None:
        return 0
    try:
        listed = sorted(await _gathered(records.list_inbound(stretch.start, stretch.end)), key=lambda each: each.at)
    except UnavailableError as error:
        if told.is_news(_note_of(place), str(error)):
            log.warning("replies.not_fetched", provider=place[1], problem=str(error))
        return 0
    is_back = told.is_over(_note_of(place))
    rows = [row for row in (_row_of(each, now) for each in listed) if row is not None]
    new = sum(_keep(engine, rows[first : first + KEEP_AT_ONCE]) for first in range(0, len(rows), KEEP_AT_ONCE))
    with write(engine) as conn:
        note_asked(conn, place, stretch.end - SKEW)  # so far was asked, however long the answer took
    if listed or is_back:
        log.info("replies.fetched", provider=place[1], listed=len(listed), new=new)
    return new


async def _gathered(listing: AsyncIterator[CustomerMessage]) -> list[CustomerMessage]:
    """Return a whole list, what came first at the end, as providers begin with the newest."""
    found = [each async for each in listing]
    return found[::-1]


def _row_of(each: CustomerMessage, now: datetime) -> dict[str, Any] | None:
    try:
        return fetched_row(each.form, now, written_at=each.at)
    except UnreadableHookError as error:
        log.warning("webhook.unreadable", field=str(error))
        return None


def _keep(engine: sa.Engine, rows: Sequence[Mapping[str, Any]]) -> int:
    with write(engine) as conn:
        known = store.known_dedupes(conn, [row["dedupe"] for row in rows])
        fresh = [row for row in rows if row["dedupe"] not in known]
        if fresh:
            store.store_webhooks(conn, fresh)
    return len(fresh)


def note_asked(conn: sa.Connection, place: Place, until: datetime) -> None:
    """Note until when a provider was asked, beside when each job ended last."""
    statement = insert(conn, job_run).values(name=_note_of(place), last_at=until)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"last_at": until}))


def _note_of(place: Place) -> str:
    return f"{_NOTE}{place[1]}"
