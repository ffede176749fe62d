"""The books each morning: our own sums, then each provider's list against what we handed over.

`care.schedule` has the job; commands use the same on demand.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from care.base.database import read, write
from care.base.errors import CareError
from care.bootstrap import Services
from care.reports.books import Books, open_books
from care.watch.accepted import accepted, is_accepted
from care.watch.book_store import (
    LOOK_BACK,
    days_to_add,
    days_to_compare,
    house_began,
    keep_pages,
    note_done,
    note_sum,
    wrong_verdicts,
)
from care.watch.provider_books import compare_day

MORNING = 6
"""The hour, by the operator's clock, from which yesterday is compared: late messages have come down by then."""

COMPARED_BY = 9
"""The hour at which that ought to be done, after three turns of its job."""

log = structlog.get_logger()


def check_books(services: Services, now: datetime, _last: datetime | None) -> None:
    """From six in the morning add up yesterday's books and compare them with the providers'; what is wrong, hourly.

    What was right is added up again once each morning: rows may be lost later. Days that the house slept through are
    made up for, a few each time.
    """
    zone = services.settings.operator.timezone
    there = now.astimezone(ZoneInfo(zone))
    if there.hour < MORNING:
        return
    yesterday = there.date() - timedelta(days=1)
    morning = there.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    with read(services.engine) as conn:
        days = days_to_compare(conn, yesterday=yesterday, morning=morning, zone=zone)
        again = [day for day in days_to_add(conn, yesterday=yesterday, morning=morning) if day not in days]
    if days or again:
        services.errands.run("books", lambda: _check_days(services, days, again))


def _check_days(services: Services, days: Sequence[date], again: Sequence[date]) -> None:
    """Add up all of them, then compare `days`: no provider keeps our own sums waiting, or loses them.

    One that cannot be looked at does not keep the others waiting.
    """
    broken = dict[date, Exception]()
    for look_at, some in ((add_up, (*days, *again)), (_compare, days)):
        for day in some:
            if day in broken:
                continue
            try:
                look_at(services, day)
            except Exception as error:  # noqa: BLE001 - the days after it have no part in its trouble
                problem = str(error).splitlines()[0] if isinstance(error, CareError) else type(error).__name__
                log.error("books.unchecked", day=day.isoformat(), problem=problem)
                broken[day] = error
    if broken:
        raise next(iter(broken.values()))


def add_up(services: Services, day: date) -> None:
    """Add up the books of one day, and keep what they say."""
    with read(services.engine, steady=True) as conn:
        books = open_books(conn, first=day, last=day, policies=services.policies, now=services.clock.now())
    with write(services.engine) as conn:
        is_right = books.balance or is_accepted(conn, day, books.found)
        note_sum(conn, day, balance=is_right, words=books.verdict, found=books.found, now=services.clock.now())
    log.info("books.checked", day=day.isoformat(), balance=books.balance)


def _compare(services: Services, day: date) -> None:
    compare_with_providers(services, day)
    now = services.clock.now()
    if day >= now.astimezone(ZoneInfo(services.settings.operator.timezone)).date():
        return  # it is not over
    with write(services.engine) as conn:  # last, since it says that the day is done
        note_done(conn, day, words="added up and compared", now=now)
    log.info("books.compared", day=day.isoformat())


def keep_found(services: Services, found: Books) -> None:
    """Keep what somebody found who added up the books on demand, for the days that an alarm looks at.

    Nothing is written where nothing is news; what was found wrong is ended however long ago it was.
    """
    today = services.clock.now().astimezone(ZoneInfo(services.settings.operator.timezone)).date()
    oldest = today - timedelta(days=1) - LOOK_BACK
    with read(services.engine) as conn:
        wrong = wrong_verdicts(conn)
    for n in range((min(found.last, today) - found.first).days + 1):
        day = found.first + timedelta(days=n)
        if day in wrong or (day >= oldest and not found.balance):  # others of the days may be right, or accepted
            add_up(services, day)


def compare_with_providers(services: Services, day: date) -> None:
    """Compare one day with every provider's own list, and keep what was found."""
    dice, zone, clock = random.SystemRandom(), services.settings.operator.timezone, services.clock
    with read(services.engine) as conn:
        known, began = accepted(conn), house_began(conn)
    comparing = compare_day(
        services.engine,
        services.gateways(),
        day=day,
        zone=zone,
        clock=clock,
        dice=dice,
        since=began,
        accepted=known,
    )
    pages = asyncio.run(comparing)
    with write(services.engine) as conn:
        keep_pages(conn, pages)
