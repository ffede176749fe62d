"""Send what other systems are told: each by itself, again until it is taken, and given up by name."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import write
from care.inbound.events import outgoing
from care.inbound.events.outgoing_wire import body_of, headers_of, wait_after

BATCH = 20
"""Sent at once: a receiver that hangs holds up a round no longer than one time-out."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is told. The address is shown nowhere: some hold a token."""

    url: str
    secret: bytes
    timeout: timedelta
    give_up_after: timedelta

    def __repr__(self) -> str:
        """Leave address and secret out."""
        return "Receiver()"


def send_due(engine: sa.Engine, to: Receiver, *, clock: Clock, dice: random.Random) -> int:
    """Send what is due and return how many the receiver took.

    What was sent but not noted, because the process ended in between, is sent again with the same id.
    """
    pause = to.timeout + wait_after(1, dice)
    with write(engine) as conn:
        due = outgoing.take_due(conn, now=clock.now(), limit=BATCH, pause=pause)
    if not due:
        return 0
    problems = asyncio.run(_send_all(due, to, clock))
    with write(engine) as conn:
        for row, problem in zip(due, problems, strict=True):
            _note(conn, row, problem, to, clock=clock, dice=dice)
    return problems.count("")


async def _send_all(rows: Sequence[sa.Row[Any]], to: Receiver, clock: Clock) -> list[str]:
    limit = aiohttp.ClientTimeout(total=to.timeout.total_seconds())
    async with aiohttp.ClientSession(timeout=limit, trust_env=False) as session:
        return await asyncio.gather(*(_send(session, row, to, clock) for row in rows))


async def _send(session: aiohttp.ClientSession, row: sa.Row[Any], to: Receiver, clock: Clock) -> str:
    """Return why one was not taken, '' if it was."""
    body = body_of(row.payload)
    headers = headers_of(row.webhook_id, body, secret=to.secret, at=clock.now())
    try:
        async with session.post(to.url, data=body, headers=headers, allow_redirects=False) as answer:
            return "" if answer.ok and answer.status < 300 else f"answered {answer.status}"  # noqa: PLR2004
    except TimeoutError:
        return "no answer in time"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return type(error).__name__


def _note(
    conn: sa.Connection, row: sa.Row[Any], problem: str, to: Receiver, *, clock: Clock, dice: random.Random
) -> None:
    now, tries = clock.now(), row.tries + 1
    if not problem:
        outgoing.note_taken(conn, row.id, now=now)
    elif now - row.created_at >= to.give_up_after:
        outgoing.note_given_up(conn, row.id, problem=problem, now=now)
        log.error("outgoing.given_up", webhook=row.webhook_id, type=row.type, tries=tries, problem=problem)
    else:
        outgoing.note_refused(conn, row.id, problem=problem, wake_at=now + wait_after(tries, dice))
        log.warning("outgoing.not_taken", webhook=row.webhook_id, type=row.type, tries=tries, problem=problem)
