"""Keeps the results of comparing days, and tells which days still want it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import Channel
from care.delivery.billing import Bill
from care.delivery.tables import incarnation
from care.messages.tables import attempt, intended
from care.watch.provider_books import BookState, Missing, ProviderPage
from care.watch.tables import ledger_book, provider_book

LOOK_BACK = timedelta(days=7)
"""So far back a day is compared that nobody looked at, and again every hour one that did not balance."""

NEW_AT_ONCE = 3
"""Days looked at for the first time in one turn: a day of a million takes its time, and an outage has several."""

LONGEST_LOOK = timedelta(hours=6)
"""A page that began so much later than one that has just ended is of a clock that was set back."""

_WORDS = 300


def keep_pages(conn: sa.Connection, pages: Iterable[ProviderPage]) -> None:
    """Write down pages; a look that began later replaces an earlier one, whichever ended first.

    Of two at once the earlier may take for listed what the later one asked about.
    """
    for page in pages:
        values = {
            "state": str(page.state),
            "ours": page.ours,
            "theirs": page.theirs,
            "unknown_here": list(page.unknown_here),
            "missing_there": [[each.message_id, each.provider_ref] for each in page.missing_there],
            "differences": page.differences,
            "bills": [{**asdict(bill), "price": bill.price and str(bill.price)} for bill in page.bills],
            "words": page.words[:_WORDS],
            "checked_at": page.checked_at,
        }
        key = {"day": page.day, "provider": page.provider, "channel": str(page.channel)}
        statement = insert(conn, provider_book).values(**key, **values)
        kept_at = provider_book.c.checked_at
        is_later = sa.or_(kept_at <= page.checked_at, kept_at > page.checked_at + LONGEST_LOOK)
        conn.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values, where=is_later))


def kept_pages(conn: sa.Connection, *, first: date, last: date) -> list[ProviderPage]:
    """Return the pages of some days as they were last compared, by day."""
    return _pages(conn, provider_book.c.day.between(first, last))


def wrong_pages(conn: sa.Connection, *, since: date, told: Collection[str] = ()) -> list[ProviderPage]:
    """Return the pages that are wrong, by day; of earlier days those that differ and were `told`.

    After a week nobody asks again by himself: what an alarm has told is not over by that.
    """
    columns = provider_book.c
    unanswered = sa.and_(columns.state == str(BookState.FAILED), columns.day >= since)
    pages = _pages(conn, sa.or_(columns.state == str(BookState.DIFFERS), unanswered))
    return [page for page in pages if page.day >= since or place_of(page) in told]


def _pages(conn: sa.Connection, which: sa.ColumnElement[bool]) -> list[ProviderPage]:
    rows = sa.select(provider_book).where(which)
    keys = (provider_book.c.day, provider_book.c.channel, provider_book.c.provider)
    return [
        ProviderPage(
            day=row.day,
            provider=row.provider,
            channel=Channel(row.channel),
            state=BookState(row.state),
            ours=row.ours,
            theirs=row.theirs,
            unknown_here=tuple(row.unknown_here),
            missing_there=tuple(Missing(int(i), str(ref)) for i, ref in row.missing_there),
            differences=row.differences,
            bills=[Bill(**{**bill, "price": bill["price"] and Decimal(bill["price"])}) for bill in row.bills],
            words=row.words,
            checked_at=row.checked_at,
        )
        for row in conn.execute(rows.order_by(*keys))
    ]


def keep_verdict(
    conn: sa.Connection, day: date, *, balance: bool, words: str, now: datetime, found: Mapping[str, int] | None = None
) -> None:
    """Write down what the books of a day said, and how many of each kind they found wrong."""
    values = {"balance": balance, "words": words[:_WORDS], "checked_at": now, "found": dict(found or {})}
    statement = insert(conn, ledger_book).values(day=day, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["day"], set_=values))


def note_sum(
    conn: sa.Connection, day: date, *, balance: bool, words: str, found: Mapping[str, int], now: datetime
) -> None:
    """Keep what the books of a day said when they were added up, which tells nothing of the providers' lists.

    A right sum takes a wrong verdict back and puts none in its place: the day is then one that nobody compared, and has
    its turn again.
    """
    if not balance:
        keep_verdict(conn, day, balance=False, words=words, now=now, found=found)
        return
    mine = ledger_book.c.day == day
    conn.execute(sa.delete(ledger_book).where(mine, ledger_book.c.balance.is_(False)))
    conn.execute(sa.update(ledger_book).where(mine).values(checked_at=now))


def note_done(conn: sa.Connection, day: date, *, words: str, now: datetime) -> None:
    """Write down that a day was compared; a wrong verdict that stands is left as it is."""
    done = insert(conn, ledger_book).values(day=day, balance=True, words=words[:_WORDS], checked_at=now)
    conn.execute(done.on_conflict_do_nothing())


def days_to_add(conn: sa.Connection, *, yesterday: date, morning: datetime) -> list[date]:
    """Return the days found right that nobody added up since `morning`, and later ones that somebody found wrong."""
    day = ledger_book.c.day
    lately, not_since = day.between(yesterday - LOOK_BACK, yesterday), ledger_book.c.checked_at < morning
    right = sa.and_(ledger_book.c.balance.is_(True), lately, not_since)
    wrong = sa.and_(ledger_book.c.balance.is_(False), day > yesterday)
    return list(conn.execute(sa.select(day).where(sa.or_(right, wrong)).order_by(day.desc())).scalars())


def days_to_compare(conn: sa.Connection, *, yesterday: date, morning: datetime, zone: str) -> Sequence[date]:
    """Return the days that nobody looked at yet, at most `NEW_AT_ONCE`, then the last ones that did not balance.

    Today is one of these where somebody compared it on demand, and for once the day before yesterday where its
    provider had told the price of some messages only: nothing else brings the others.

    The latest comes first: of it most can still be mended, and its alarm must not wait for last week's. Before the
    house's first day the providers list what others sent.
    """
    began = _first_day(conn, zone)
    if began is None:
        return []
    since = yesterday - LOOK_BACK
    known = sa.select(ledger_book.c.day, ledger_book.c.balance)
    done = conn.execute(known.where(ledger_book.c.day.between(since, yesterday))).all()
    wrong = {row.day for row in done if not row.balance}
    wrong |= {page.day for page in wrong_pages(conn, since=since)}
    before = yesterday - timedelta(days=1)
    pages = kept_pages(conn, first=before, last=before)
    wrong |= {page.day for page in pages if page.checked_at < morning and _lacks_prices(page)}
    seen = wrong | {row.day for row in done}
    days = [yesterday - timedelta(days=n) for n in range((yesterday - max(since, began)).days + 1)]
    return [day for day in days if day not in seen][:NEW_AT_ONCE] + sorted(wrong, reverse=True)


def _lacks_prices(page: ProviderPage) -> bool:
    return len({bill.price is None for bill in page.bills}) > 1


def is_uncompared(conn: sa.Connection, day: date, *, zone: str) -> bool:
    """Tell whether nobody has looked at the books of a day, though the house had begun."""
    if conn.execute(sa.select(ledger_book.c.day).where(ledger_book.c.day == day)).first() is not None:
        return False
    began = _first_day(conn, zone)
    return began is not None and began <= day


def house_began(conn: sa.Connection) -> datetime | None:
    """Return when the house began: its first life, count or request, whatever is earliest."""
    firsts = (sa.func.min(column) for column in (incarnation.c.started_at, intended.c.counted_at, attempt.c.intent_at))
    known = [at for first in firsts if (at := conn.execute(sa.select(first)).scalar()) is not None]
    return min(known, default=None)


def _first_day(conn: sa.Connection, zone: str) -> date | None:
    began = house_began(conn)
    return began.astimezone(ZoneInfo(zone)).date() if began else None


def wrong_verdicts(conn: sa.Connection) -> dict[date, Mapping[str, int]]:
    """Return the days whose own books did not balance when last added up, with how many of each kind were wrong."""
    rows = sa.select(ledger_book.c.day, ledger_book.c.found).where(ledger_book.c.balance.is_(False))
    return {row.day: row.found or {} for row in conn.execute(rows.order_by(ledger_book.c.day))}


def place_of(page: ProviderPage) -> str:
    """Return the name of a page in an incident."""
    return f"{page.provider} {page.channel} {page.day}"


def parts_of(page: ProviderPage) -> dict[str, int | None]:
    """Return how much of what is wrong; None where it is not known, since the provider did not answer."""
    sizes = {"there": len(page.unknown_here), "ours": len(page.missing_there), "all": page.differences}
    is_known, place = page.state is not BookState.FAILED, place_of(page)
    return {place: 1} | {f"{place} {kind}": size if is_known else None for kind, size in sizes.items()}
