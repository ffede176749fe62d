"""What the first page of the console says: today's promises and books, the last two weeks, who waits for an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import read
from care.base.masking import mask_phone
from care.bootstrap import Services
from care.inbound import store
from care.messages.model import MessageStatus
from care.reports.books import BookPage, Books, books_for, open_books
from care.reports.metrics import inbox_depth, why_not_ready
from care.watch.incidents import Incident, open_incidents
from care.web.chart import Chart, DayCount, draw_days

DAYS = 14
LONGEST_TEXT = 160
MOST_WAITING = 5
S = MessageStatus
_ON_THE_WAY = (S.ACCEPTED, S.SENT, S.UNCONFIRMED, S.UNKNOWN)
_FAILED = (S.FAILED, S.UNDELIVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One line of the promises: what is promised, the figure, and whether it is kept."""

    title: str
    figure: str
    is_kept: bool
    message_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One message of a customer that waits for a person."""

    id: int
    received_at: datetime
    sender: str  # masked
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything above the delivery log."""

    day: date
    books: Books
    promises: Sequence[Promise]
    chart: Chart
    delivered: int  # of the last two weeks
    handed_over: int
    trouble: str
    incidents: Sequence[Incident]
    inbox: int
    waiting: Sequence[Waiting]

    @property
    def delivered_share(self) -> str:
        """Return the delivered share of what was handed over, '–' before the first."""
        return f"{self.delivered / self.handed_over:.1%}" if self.handed_over else "–"


def look(services: Services) -> Overview:
    """Return the overview of this moment, in one consistent view."""
    now = services.clock.now()
    today = now.astimezone(ZoneInfo(services.settings.operator.timezone)).date()
    with read(services.engine, steady=True) as conn:
        books = open_books(conn, first=today, last=today, policies=services.policies, now=now)
        counts = _count_days(books_for(conn, first=today - timedelta(days=DAYS - 1), last=today), today)
        return Overview(
            day=today,
            books=books,
            promises=_promises(books),
            chart=draw_days(counts),
            delivered=sum(c.delivered for c in counts),
            handed_over=sum(c.delivered + c.on_the_way + c.failed for c in counts),
            trouble=why_not_ready(conn, now),
            incidents=open_incidents(conn, now),
            inbox=inbox_depth(conn),
            waiting=_waiting(conn),
        )


def _promises(books: Books) -> list[Promise]:
    balance = Promise(
        title="The books balance",
        figure=f"{books.intended:,} intended = {books.final:,} final + {books.open:,} open",
        is_kept=not books.unbalanced,
    )
    found = [
        Promise(
            title=f"No {finding.text}",
            figure=f"{finding.count:,}",
            is_kept=not finding.count,
            message_ids=finding.message_ids,
        )
        for finding in books.findings
    ]
    return [balance, *found]


def _count_days(pages: Sequence[BookPage], today: date) -> list[DayCount]:
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]

    def total(day: date, statuses: Sequence[MessageStatus]) -> int:
        return sum(page.count(status) for page in pages if page.occasion_on == day for status in statuses)

    return [
        DayCount(
            day=day,
            delivered=total(day, (S.DELIVERED,)),
            on_the_way=total(day, _ON_THE_WAY),
            failed=total(day, _FAILED),
        )
        for day in days
    ]


def _waiting(conn: sa.Connection) -> list[Waiting]:
    return [
        Waiting(
            id=row.id, received_at=row.received_at, sender=mask_phone(row.address or ""), text=row.text[:LONGEST_TEXT]
        )
        for row in store.list_inbox(conn, everything=False, limit=MOST_WAITING)
    ]
