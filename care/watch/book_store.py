"""Keeps the results of comparing days, and tells which days still want it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from care.base.database import insert
from care.base.vocabulary import Channel
from care.delivery.billing import Bill
from care.watch.provider_books import BookState, Missing, ProviderPage
from care.watch.tables import ledger_book, provider_book

LOOK_BACK = timedelta(days=7)
"""For so long a day that did not balance is compared again every hour."""

_WORDS = 300


def keep_pages(conn: sa.Connection, pages: Iterable[ProviderPage]) -> None:
    """Write down pages; a later look at the same day replaces the earlier."""
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
        conn.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def kept_pages(conn: sa.Connection, *, first: date, last: date) -> list[ProviderPage]:
    """Return the pages of some days as they were last compared, by day."""
    rows = sa.select(provider_book).where(provider_book.c.day.between(first, last))
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


def keep_verdict(conn: sa.Connection, day: date, *, balance: bool, words: str, now: datetime) -> None:
    """Write down what the books of a day said."""
    values = {"balance": balance, "words": words[:_WORDS], "checked_at": now}
    statement = insert(conn, ledger_book).values(day=day, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["day"], set_=values))


def days_to_compare(conn: sa.Connection, *, yesterday: date) -> Sequence[date]:
    """Return yesterday while it has not been compared, and the last days that did not balance."""
    since = yesterday - LOOK_BACK
    done = conn.execute(sa.select(ledger_book.c.day, ledger_book.c.balance).where(ledger_book.c.day >= since)).all()
    wrong = {row.day for row in done if not row.balance}
    wrong |= {page.day for page in kept_pages(conn, first=since, last=yesterday) if page.is_wrong}
    return sorted(wrong | ({yesterday} - {row.day for row in done}))


def wrong_verdicts(conn: sa.Connection, *, since: date) -> list[tuple[date, str]]:
    """Return the days whose own books did not balance when last added up, with what they said."""
    rows = sa.select(ledger_book.c.day, ledger_book.c.words).where(
        ledger_book.c.balance.is_(False), ledger_book.c.day >= since
    )
    return [(row.day, row.words) for row in conn.execute(rows.order_by(ledger_book.c.day))]
