"""Do the demo's books balance, and does the outbox hold exactly what the ledger says was accepted?

The outbox is the sandbox's own list: nothing in it was written by the ledger, and nothing in the ledger reads it.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from care.base.database import read
from care.bootstrap import Services
from care.delivery.channels.sandbox_outbox import Outbox
from care.delivery.registry import outbox_dir
from care.inbound.tables import inbound_message
from care.messages.model import MessageStatus, Outcome
from care.messages.tables import attempt, message
from care.reports.books import Books, open_books


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCheck:
    """The sandbox's list against the ledger's attempts, by token; the last three ought to be 0."""

    accepted: int  # attempts that the ledger says were taken
    missing: int  # of these not in the outbox
    doubled: int  # in the outbox more than once
    stray: int  # in the outbox, though the ledger knows of no attempt that may have been taken

    @property
    def balances(self) -> bool:
        """Tell whether every accepted message is in the outbox exactly once, and nothing else is."""
        return not (self.missing or self.doubled or self.stray)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The books of the week and of what is planned already, the outbox, and what customers wrote."""

    books: Books
    outbox: OutboxCheck
    skipped: dict[str, int]  # by reason
    inbound: dict[str, int]  # by what it was handled as

    @property
    def balances(self) -> bool:
        """Tell whether everything adds up."""
        return self.books.balance and self.outbox.balances

    @property
    def by_status(self) -> dict[str, int]:
        """Return how many messages stand at each status."""
        found: Counter[str] = Counter()
        for page in self.books.pages:
            found.update({str(status): count for status, count in page.by_status.items()})
        return dict(sorted(found.items()))


def prove(services: Services, *, since: datetime, until: datetime) -> Proof:
    """Open the books from the day of `since` to what is planned at `until`, and count the outbox."""
    zone = ZoneInfo(services.settings.operator.timezone)
    first = since.astimezone(zone).date() - timedelta(days=1)  # days begin later in the west
    last = (until + services.horizon).astimezone(zone).date() + timedelta(days=1)
    with read(services.engine, steady=True) as conn:
        return Proof(
            books=open_books(conn, first=first, last=last, policies=services.policies, now=until),
            outbox=_check_outbox(conn, services),
            skipped=_skipped(conn),
            inbound=_counts(conn, inbound_message.c.handled_as),
        )


def _check_outbox(conn: sa.Connection, services: Services) -> OutboxCheck:
    folder = outbox_dir(services.settings)
    kept = Counter(sent.token for path in sorted(folder.glob("*.jsonl")) for _, sent in Outbox(path).read())
    tried: dict[str, str] = {
        row.token: row.outcome for row in conn.execute(sa.select(attempt.c.token, attempt.c.outcome))
    }
    accepted = {token for token, outcome in tried.items() if outcome == Outcome.ACCEPTED}
    possible = {token for token, outcome in tried.items() if outcome != Outcome.REFUSED}
    return OutboxCheck(
        accepted=len(accepted),
        missing=len(accepted - kept.keys()),
        doubled=sum(1 for count in kept.values() if count > 1),
        stray=len(kept.keys() - possible),
    )


def _skipped(conn: sa.Connection) -> dict[str, int]:
    """Return reasons without the message they name: `told_via:17` is `told_via`."""
    found: Counter[str] = Counter()
    rows = sa.select(message.c.reason, sa.func.count()).where(message.c.status == str(MessageStatus.SKIPPED))
    for reason, count in conn.execute(rows.group_by(message.c.reason)):
        found["told_via" if (reason or "").startswith("told_via:") else reason or ""] += count
    return dict(sorted(found.items()))


def _counts(conn: sa.Connection, column: "sa.Column[str]") -> dict[str, int]:
    rows = conn.execute(sa.select(column, sa.func.count()).group_by(column).order_by(column))
    return {str(word): int(count) for word, count in rows}
