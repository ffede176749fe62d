"""Work on events that were stored, in short transactions; each ends in one state with a reason."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from care.base.database import read, write
from care.base.trouble import AWAY
from care.customers.tickets.store import take_turn
from care.inbound.events import store
from care.inbound.events.applying import EventRules, Verdict, apply_events
from care.inbound.events.model import EventState

EVENTS_AT_ONCE: Final = 200
MOST_TRIES: Final = 5
"""After so many errors of ours an event is refused, so that it holds nothing up."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
_MOST_COUNTED: Final = 1_000

log = structlog.get_logger()
Turn = Callable[[], AbstractContextManager[None]]


def work_events(engine: sa.Engine, rules: EventRules, *, now: datetime, turn: Turn = nullcontext) -> int:
    """Work on every event whose hour has come; return how many were looked at.

    `turn` is entered around each short transaction, for whoever has to wait for others.
    """
    with read(engine) as conn:
        if not store.is_anything_waiting(conn, now):
            return 0
    total, size = 0, EVENTS_AT_ONCE
    while True:
        rows: Sequence[sa.Row[Any]] = ()
        try:
            with turn(), write(engine) as conn:
                take_turn(conn)
                rows = store.take_waiting(conn, now=now, limit=size)
                if not rows:
                    return total
                _work(conn, rows, rules, now)
        except AWAY:
            raise  # the database is in trouble, not the event: all of them stay as they are
        except Exception as error:
            if not rows:
                raise
            if len(rows) > 1:
                size = 1  # to find out which one it is
                continue
            _note_failure(engine, rows[0], error, now)
            size = EVENTS_AT_ONCE
        total += len(rows)


def _work(conn: sa.Connection, rows: Sequence[sa.Row[Any]], rules: EventRules, now: datetime) -> None:
    verdicts = apply_events(conn, rows, rules, now)
    store.settle(conn, [_settled(row, verdict, now) for row, verdict in zip(rows, verdicts, strict=True)])
    news = {row.subject for row, one in zip(rows, verdicts, strict=True) if one.state is not EventState.WAITING}
    store.wake_subjects(conn, news, now)
    log.info("events.worked", **Counter(str(one.state) for one in verdicts))


def _settled(row: sa.Row[Any], verdict: Verdict, now: datetime) -> dict[str, Any]:
    is_open = verdict.state is EventState.WAITING
    data: Mapping[str, Any] = row.data if is_open else store.impersonal(row.data)
    return {
        "_id": row.id,
        "_state": str(verdict.state),
        "_problem": verdict.problem[: store.PROBLEM_LENGTH] if verdict.problem else None,
        "_wake_at": now + wait_after(row.tries) if is_open else row.wake_at,
        "_tries": min(row.tries + 1, _MOST_COUNTED),
        "_done_at": None if is_open else now,
        "_data": dict(data),
    }


def wait_after(tries: int) -> timedelta:
    """Return how long an event waits after so many tries before: a minute, twice that, at most six hours."""
    doubled: int = 2 ** min(tries, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def _note_failure(engine: sa.Engine, row: sa.Row[Any], error: Exception, now: datetime) -> None:
    """Keep an event that we failed at with its problem; give up after some tries."""
    is_last = row.tries + 1 >= MOST_TRIES
    verdict = Verdict(EventState.REFUSED if is_last else EventState.WAITING, f"{type(error).__name__} in care")
    with write(engine) as conn:
        settled = _settled(row, verdict, now) | {"_data": dict(row.data)}
        store.settle(conn, [settled])
    log.error("event.failed", event_id=row.id, tries=row.tries + 1, exc_info=error)
