"""Take returned mails in: durable first, then worked on; what cannot be worked on now waits for the daemon."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog

from care.base.database import write
from care.inbound import store
from care.inbound.bounces.mail_row import mail_row
from care.inbound.route import InboundRules
from care.inbound.worker import work_inbox

log = structlog.get_logger()


def store_mails(engine: sa.Engine, mails: Sequence[bytes], *, now: datetime) -> int:
    """Keep mails; return how many are new. When it returns they are durable."""
    rows = {row["dedupe"]: row for row in (mail_row(raw, now) for raw in mails)}
    with write(engine) as conn:
        known = store.known_dedupes(conn, list(rows))
        store.store_webhooks(conn, list(rows.values()))
    return len(rows.keys() - known)


def ingest_mails(engine: sa.Engine, mails: Sequence[bytes], *, rules: InboundRules, now: datetime) -> int:
    """Keep mails and work on what waits; return how many are new.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: they could not be kept.
    """
    new = store_mails(engine, mails, now=now)
    try:
        work_inbox(engine, rules, now=now)
    except sa.exc.SQLAlchemyError as error:
        log.error("bounces.put_off", problem=type(error).__name__)
    return new
