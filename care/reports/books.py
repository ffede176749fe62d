"""The books: everyone intended ends in exactly one final status, and each status rests on evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.messages.model import CLAIMABLE, FINAL, OPEN, MessageStatus
from care.messages.tables import intended, message, pause
from care.policy.model import Policies
from care.reports.evidence import Finding, unproven
from care.reports.followed import not_followed_up
from care.reports.promises import broken_promises

STALLED_AFTER = timedelta(minutes=15)
"""A message that is due and was not looked at for so long tells that nobody sends."""
MOST_LISTED = 100

S = MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class BookPage:
    """One campaign, local day and leg: how many were intended, and where each of them stands now."""

    campaign_id: str
    occasion_on: date
    leg: str
    intended: int
    by_status: Mapping[MessageStatus, int] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """Return how many still await something."""
        return sum(count for status, count in self.by_status.items() if status in OPEN)

    @property
    def final(self) -> int:
        """Return how many have come to an end."""
        return sum(count for status, count in self.by_status.items() if status in FINAL)

    @property
    def difference(self) -> int:
        """Return intended − final − open: 0 when the page balances, above 0 when messages are missing."""
        return self.intended - self.final - self.open

    def count(self, status: MessageStatus) -> int:
        """Return how many stand at a status."""
        return self.by_status.get(status, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The books of some days, and every promise that can be checked from the ledger alone."""

    first: date
    last: date
    pages: Sequence[BookPage]
    unknown: Sequence[int]  # ids of messages of which it is not certain that they went, at most MOST_LISTED
    stalled: int  # due for a while, not paused, and nobody took them
    findings: Sequence[Finding]  # evidence first, then promises; each should count 0

    @property
    def intended(self) -> int:
        """Return how many were intended on all pages."""
        return sum(page.intended for page in self.pages)

    @property
    def open(self) -> int:
        """Return how many are open on all pages."""
        return sum(page.open for page in self.pages)

    @property
    def final(self) -> int:
        """Return how many are final on all pages."""
        return sum(page.final for page in self.pages)

    @property
    def unbalanced(self) -> list[BookPage]:
        """Return the pages whose difference is not 0."""
        return [page for page in self.pages if page.difference]

    @property
    def broken(self) -> list[Finding]:
        """Return what was found that ought not to be."""
        return [finding for finding in self.findings if finding.count]

    @property
    def found(self) -> dict[str, int]:
        """Return how many of each kind are wrong: messages that are missing or too many, and what was found."""
        missing = sum(abs(page.difference) for page in self.pages)
        return ({"difference": missing} if missing else {}) | {each.name: each.count for each in self.broken}

    @property
    def balance(self) -> bool:
        """Tell whether every page balances, every status has its evidence and every promise was kept."""
        return not self.unbalanced and not self.broken

    @property
    def verdict(self) -> str:
        """Return the books in one line."""
        pages = f"{len(self.pages)} page" + "s" * (len(self.pages) != 1)
        sums = f"{self.intended} intended = {self.final} final + {self.open} open"
        if self.balance:
            return f"The books balance: {sums}, on {pages}." if self.pages else "The books are empty for these days."
        do = "does" if len(self.unbalanced) == 1 else "do"
        wrong = [f"{len(self.unbalanced)} of {pages} {do} not balance"] if self.unbalanced else []
        wrong += [f"{finding.count} {finding.text}" for finding in self.broken]
        return f"The books do NOT balance: {'; '.join(wrong)}."


def books_for(conn: sa.Connection, *, first: date, last: date) -> list[BookPage]:
    """Return one page per campaign, local day from `first` to `last`, and leg; campaigns in order, days in order."""
    counted = {
        (row.campaign_id, row.occasion_on, row.leg): int(row.n)
        for row in conn.execute(
            sa.select(
                intended.c.campaign_id, intended.c.occasion_on, intended.c.leg, intended.c["count"].label("n")
            ).where(intended.c.occasion_on.between(first, last))
        )
    }
    found: dict[tuple[str, date, str], dict[MessageStatus, int]] = {}
    for campaign_id in campaign_ids(conn):
        for row in conn.execute(_statuses_of(campaign_id, first, last)):
            page = found.setdefault((campaign_id, row.occasion_on, row.leg), {})
            page[MessageStatus(row.status)] = row.n
    return [
        BookPage(
            campaign_id=key[0],
            occasion_on=key[1],
            leg=key[2],
            intended=counted.get(key, 0),
            by_status=found.get(key, {}),
        )
        for key in sorted({*counted, *found})
    ]


def open_books(conn: sa.Connection, *, first: date, last: date, policies: Policies, now: datetime) -> Books:
    """Return the books of some days with everything that can be checked in the ledger; `conn` reads steadily."""
    pages = books_for(conn, first=first, last=last)
    days = [(campaign_id, first, last) for campaign_id in campaign_ids(conn)]
    findings = [unproven(conn, days), *broken_promises(conn, days, policies=policies)]
    findings.append(not_followed_up(conn, first=first, last=last, now=now))
    return Books(
        first=first,
        last=last,
        pages=pages,
        unknown=_unknown(conn, days),
        stalled=_stalled(conn, now),
        findings=findings,
    )


def campaign_ids(conn: sa.Connection) -> list[str]:
    """Return every campaign that has a message; the cost follows the number of campaigns, not of messages."""
    name = message.c.campaign_id
    first = sa.select(sa.func.min(name).label("name")).cte("names", recursive=True)
    after = sa.select(sa.func.min(name)).where(name > first.c.name).scalar_subquery()
    walk = first.union_all(sa.select(after).where(first.c.name.is_not(None)))
    return [row.name for row in conn.execute(sa.select(walk.c.name)) if row.name is not None]


def _statuses_of(campaign_id: str, first: date, last: date) -> sa.Select[Any]:
    return (
        sa.select(message.c.occasion_on, message.c.leg, message.c.status, sa.func.count().label("n"))
        .where(message.c.campaign_id == campaign_id, message.c.occasion_on.between(first, last))
        .group_by(message.c.occasion_on, message.c.leg, message.c.status)
    )


def _unknown(conn: sa.Connection, days: Sequence[tuple[str, date, date]]) -> list[int]:
    """Return ids of messages in doubt on the pages; few by nature, so the index of statuses finds them."""
    if not days:
        return []
    _, first, last = days[0]
    doubtful = sa.select(message.c.id).where(
        message.c.status == str(S.UNKNOWN), message.c.occasion_on.between(first, last)
    )
    return [int(i) for i in conn.execute(doubtful.order_by(message.c.id).limit(MOST_LISTED)).scalars()]


def _stalled(conn: sa.Connection, now: datetime) -> int:
    scopes = [sa.literal("all"), "campaign:" + message.c.campaign_id, "purpose:" + message.c.purpose]
    stopped = sa.exists().where(pause.c.scope.in_(scopes)).correlate(message)
    waiting = sa.select(message.c.id).where(
        message.c.status.in_(sorted(str(status) for status in CLAIMABLE)),
        message.c.wake_at < now - STALLED_AFTER,
        sa.not_(stopped),
    )
    return int(conn.execute(sa.select(sa.func.count()).select_from(waiting.limit(10_000).subquery())).scalar_one())
