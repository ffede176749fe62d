"""Work on what was stored: customers' messages first, then receipts, then bounces, all in short transactions.

A row that fails is kept with its problem and tried again; the others go on. Several workers may be at it.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from care.base.database import read, write
from care.base.failpoints import failpoint
from care.base.trouble import AWAY
from care.delivery.receipts import apply_receipts
from care.delivery.standstill import why_still
from care.inbound import store, twilio
from care.inbound.bounces.take_back import BOUNCE_KINDS, take_back
from care.inbound.route import InboundRules, receive

RECEIPTS_AT_ONCE = 100
WORDS_AT_ONCE = 20
MAILS_AT_ONCE = 20
MOST_TRIES = 5
AGAIN_AFTER = timedelta(seconds=30)
ASK_FOR_TOKEN = timedelta(minutes=10)
"""How long a receipt waits for its attempt. Intents are durable before anything leaves, so hardly ever.

While all stands still it waits longer: the attempt may come back from the journal.
"""

log = structlog.get_logger()
Handle = Callable[[sa.Connection, Sequence[sa.Row[Any]]], None]
Turn = Callable[[], AbstractContextManager[None]]


def work_inbox(
    engine: sa.Engine,
    rules: InboundRules,
    *,
    now: datetime,
    dice: random.Random | None = None,
    turn: Turn = nullcontext,
) -> int:
    """Work on everything that waits; return how many webhooks were looked at.

    `turn` is entered around each short transaction, for whoever has to wait for others.
    """
    with read(engine) as conn:
        if not store.is_anything_waiting(conn, now):
            return 0
    chance = dice or random.SystemRandom()

    def route(conn: sa.Connection, rows: Sequence[sa.Row[Any]]) -> None:
        _route(conn, rows, rules, now)

    def apply(conn: sa.Connection, rows: Sequence[sa.Row[Any]]) -> None:
        _apply(conn, rows, rules, now=now, dice=chance)

    def bounce(conn: sa.Connection, rows: Sequence[sa.Row[Any]]) -> None:
        take_back(conn, rows, rules=rules, now=now, dice=chance)

    steps: list[tuple[str, Handle, int]] = [
        (twilio.INBOUND_KIND, route, WORDS_AT_ONCE),
        (twilio.STATUS_KIND, apply, RECEIPTS_AT_ONCE),
        *((kind, bounce, MAILS_AT_ONCE) for kind in BOUNCE_KINDS),
    ]
    return sum(_work(engine, kind, handle, now=now, batch=batch, turn=turn) for kind, handle, batch in steps)


def _work(engine: sa.Engine, kind: str, handle: Handle, *, now: datetime, batch: int, turn: Turn) -> int:
    """Work through one kind in short transactions; after a failure row by row, to find out which one it is."""
    total, size = 0, batch
    while True:
        rows: Sequence[sa.Row[Any]] = ()
        try:
            with turn(), write(engine) as conn:
                rows = store.take_waiting(conn, kind=kind, now=now, limit=size)
                if not rows:
                    return total
                handle(conn, rows)
                failpoint("receipt.before_commit")
            failpoint("receipt.committed")
        except AWAY:
            raise  # the database is in trouble, not the row: all of them stay as they are
        except Exception as error:
            if not rows:
                raise
            if len(rows) > 1:
                size = 1
                continue
            _note_failure(engine, rows[0], error, now)
            size = batch
        total += len(rows)


def _note_failure(engine: sa.Engine, row: sa.Row[Any], error: Exception, now: datetime) -> None:
    """Keep the row that failed with its problem; give up after some tries."""
    problem = f"{type(error).__name__} in care"
    with write(engine) as conn:
        if row.tries + 1 >= MOST_TRIES:
            store.finish(conn, [row.id], now=now, problem=problem)
        else:
            store.postpone(conn, row.id, wake_at=now + AGAIN_AFTER, problem=problem, has_failed=True)
    log.error("webhook.failed", webhook_id=row.id, kind=row.kind, tries=row.tries + 1, exc_info=error)


def _route(conn: sa.Connection, rows: Sequence[sa.Row[Any]], rules: InboundRules, now: datetime) -> None:
    handled = receive(conn, [twilio.incoming_of(row) for row in rows], rules=rules, now=now)
    store.forget_words(conn, {row.id: twilio.impersonal(row.payload) for row in rows})
    store.finish(conn, [row.id for row in rows], now=now)
    counts = Counter(str(one) for one in handled if one is not None)
    log.info("inbound.received", **counts)


def _apply(
    conn: sa.Connection, rows: Sequence[sa.Row[Any]], rules: InboundRules, *, now: datetime, dice: random.Random
) -> None:
    """Apply receipts in the order of their messages, as the sender locks them; each message's own order stays."""
    known = store.attempts_by_token(conn, [row.token for row in rows])
    mine = sorted((row for row in rows if row.token in known), key=lambda row: (known[row.token], row.id))
    said = [twilio.receipt_of(row) for row in mine]
    apply_receipts(conn, said, now=now, dice=dice, allowed=rules.allowed)
    if mine:
        store.finish(conn, [row.id for row in mine], now=now)
    for row in rows:
        if row.token not in known:
            _wait_for_attempt(conn, row, now)


def _wait_for_attempt(conn: sa.Connection, row: sa.Row[Any], now: datetime) -> None:
    problem = "no attempt has this token"
    age = now - row.received_at
    if age >= ASK_FOR_TOKEN and not why_still(conn):
        store.finish(conn, [row.id], now=now, problem=problem)
        log.warning("webhook.without_attempt", webhook_id=row.id)
    else:
        wake_at = now + max(timedelta(seconds=1), min(age, AGAIN_AFTER))
        store.postpone(conn, row.id, wake_at=wake_at, problem=problem, has_failed=False)
