"""The watch's periodic jobs: ask after what is silent. `care.schedule` has their table."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from care.base.database import read, write
from care.bootstrap import Services
from care.delivery import asking
from care.delivery.channels.registry import places_with_records
from care.delivery.presence import deaf_gaps

LOOK_BACK = timedelta(hours=72)
"""What was missed longer ago has been named `unconfirmed`."""

log = structlog.get_logger()


def ask_silent(services: Services, now: datetime, _last: datetime | None) -> None:
    """Ask about messages that have had no receipt for a day."""
    with read(services.engine) as conn:
        silent = asking.silent_attempts(conn, places_with_records(services.settings), now=now)
    _ask(services, "ask", silent)


def ask_missed(services: Services, now: datetime, _last: datetime | None) -> None:
    """Ask about messages whose receipt may have come while no web process heard."""
    with read(services.engine) as conn:
        gaps = deaf_gaps(conn, since=now - LOOK_BACK)
        missed = asking.missed_attempts(conn, places_with_records(services.settings), gaps)
    _ask(services, "catch-up", missed)


def _ask(services: Services, name: str, attempts: Sequence[sa.Row[Any]]) -> None:
    if attempts:
        services.errands.run(name, lambda: _ask_now(services, attempts))


def _ask_now(services: Services, attempts: Sequence[sa.Row[Any]]) -> None:
    answers = asyncio.run(asking.ask(services.gateways(), attempts))
    dice = random.SystemRandom()
    with write(services.engine) as conn:
        news = asking.take_answers(conn, answers, now=services.clock.now(), dice=dice)
    log.info("receipts.asked", attempts=len(attempts), answers=len(answers), news=news)
