"""`care adopt-journal`: take over what the journal knows and the database forgot, then let sending go on.

In batches, each a short transaction; a run that was cut short is simply run again.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.delivery.forgotten import Tries, forget_older, keep, settle, tries_of
from care.delivery.journal import FORGET_AFTER, KEPT
from care.delivery.journal_pages import Entry, read_page
from care.delivery.sentry import Sentry, add_machine, unknown_tokens
from care.delivery.standstill import Standstill, go_on
from care.delivery.tables import machine
from care.messages.model import CLAIMABLE
from care.messages.tables import message

BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What was taken over, or would be. `elsewhere` are hosts whose own journals are not taken over yet."""

    reasons: Sequence[str]  # why nothing was sent
    attempts: int  # that the database did not know
    settled: int  # messages that wait no longer: they were sent
    kept: int  # attempts whose messages are not planned yet
    elsewhere: Sequence[str]

    @property
    def goes_on(self) -> bool:
        """Tell whether everything may be sent again."""
        return not self.elsewhere


def adopt(sentry: Sentry, *, dry_run: bool, alone: bool) -> Adopted:
    """Take over the journal of this machine. `alone` says that the journals of other machines are lost.

    Raises:
        UnavailableError: the journal cannot be read.
    """
    if dry_run:
        return _would(sentry, sentry.foresee(), alone=alone)
    reasons = sentry.look()
    now, attempts = sentry.clock.now(), 0
    with write(sentry.engine) as conn:
        forget_older(conn, now - FORGET_AFTER)
    for some in _forgotten(sentry):
        attempts += len(some)
        with write(sentry.engine) as conn:
            keep(conn, some)
    settled, mine = sum(_settle_batches(sentry)), sentry.mine()
    with write(sentry.engine) as conn:
        add_machine(conn, sentry.here, mine, now)
        elsewhere = [] if alone else _elsewhere(sentry, mine, conn, reasons)
        go_on(conn, everywhere=not elsewhere)
        kept = conn.execute(sa.text("SELECT count(*) FROM forgotten")).scalar_one()
    sentry.journal.settle(sentry.here.former)
    return Adopted(
        reasons=[one.words for one in reasons], attempts=attempts, settled=settled, kept=kept, elsewhere=elsewhere
    )


def _would(sentry: Sentry, reasons: Sequence[Standstill], *, alone: bool) -> Adopted:
    tries: dict[str, list[Any]] = defaultdict(list)
    for some in _forgotten(sentry):
        for entry in some:
            tries[entry.owed].append(entry)
    told, mine = list(_waiting(sentry, tries)), sentry.mine()
    with read(sentry.engine) as conn:
        elsewhere = [] if alone else _elsewhere(sentry, mine, conn, reasons)
    met = sum(len(each) for some in told for each in some.values())
    total = sum(map(len, tries.values()))
    return Adopted(
        reasons=[one.words for one in reasons],
        attempts=total,
        settled=sum(map(len, told)),
        kept=total - met,
        elsewhere=elsewhere,
    )


def _forgotten(sentry: Sentry) -> Iterator[list[Entry]]:
    """Yield what the database does not know, oldest first, a batch at a time."""
    with sentry.journal.reading():
        for path in sentry.journal.pages(sentry.lineage()):
            entries = read_page(path)
            while some := list(islice(entries, BATCH)):
                unknown = unknown_tokens(sentry.engine, [entry.token for entry in some])
                if found := [entry for entry in some if entry.token in unknown]:
                    yield found


def _settle_batches(sentry: Sentry) -> Iterator[int]:
    """Settle the messages that wait and were sent; yield how many at a time."""
    for told in _waiting(sentry, None):
        with write(sentry.engine) as conn:
            yield settle(conn, told, now=sentry.clock.now())


def _waiting(sentry: Sentry, tries: Tries | None) -> Iterator[dict[int, Sequence[Any]]]:
    """Yield messages that wait and were sent before, with their attempts, a batch at a time."""
    after, owed = 0, sentry.journal.owed
    columns = (message.c.id, message.c.campaign_id, message.c.occasion, customer.c.external_id, message.c.leg)
    while True:
        with read(sentry.engine) as conn:
            waits = (
                sa.select(*columns)
                .join(customer, customer.c.id == message.c.customer_id)
                .where(message.c.status.in_([str(status) for status in CLAIMABLE]), message.c.id > after)
                .order_by(message.c.id)
                .limit(BATCH)
            )
            digests = {row.id: owed.digest(*row[1:]) for row in conn.execute(waits)}
            if not digests:
                return
            known = tries if tries is not None else tries_of(conn, set(digests.values()))
        after = max(digests)
        if told := {id_: known[of] for id_, of in digests.items() if of in known}:
            yield told


def _elsewhere(sentry: Sentry, mine: Sequence[str], conn: sa.Connection, reasons: Sequence[Standstill]) -> list[str]:
    """Return who else, with a journal of its own, sent from here lately and has not taken over since all stopped."""
    stopped = [one.at for one in reasons if not one.machine]
    if sentry.sole or not stopped:
        return []
    others = sa.select(machine.c.host).where(
        *(sa.not_(machine.c.digest.startswith(half)) for half in mine),
        machine.c.seen_at > sentry.clock.now() - KEPT,
        machine.c.adopted_at < min(stopped),
    )
    return sorted(conn.execute(others).scalars())
