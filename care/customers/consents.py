"""Consents: every word is kept, the latest word per purpose and channel counts."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from care.base.database import insert
from care.customers.model import ConsentOutcome
from care.customers.tables import consent, consent_now


def record_consent(
    conn: sa.Connection,
    *,
    customer_id: int,
    purpose: str,
    channel: str,
    given: bool,
    at: datetime,
    source: str,
    wording: str | None,
    now: datetime,
) -> ConsentOutcome:
    """Keep one word of a customer; it counts if no later word is known.

    `at` is when the customer said it, `now` when we heard of it. A withdrawal wins over a grant of the same instant.
    """
    key = {"customer_id": customer_id, "purpose": purpose, "channel": channel}
    word = key | {"given": given, "at": at, "source": source, "wording": wording, "recorded_at": now}
    kept = insert(conn, consent).values(word)
    kept = kept.on_conflict_do_nothing(index_elements=["customer_id", "purpose", "channel", "at"])
    is_new = conn.execute(kept.returning(consent.c.id)).first() is not None
    latest = insert(conn, consent_now).values(key | {"given": given, "at": at})
    latest = latest.on_conflict_do_update(
        index_elements=list(key),
        set_={"given": latest.excluded.given, "at": latest.excluded.at},
        where=sa.or_(
            consent_now.c.at < latest.excluded.at,
            sa.and_(consent_now.c.at == latest.excluded.at, consent_now.c.given, sa.not_(latest.excluded.given)),
        ),
    )
    counts = conn.execute(latest.returning(consent_now.c.customer_id)).first() is not None
    if counts:
        return ConsentOutcome.RECORDED
    return ConsentOutcome.KEPT if is_new else ConsentOutcome.KNOWN


def import_consent(
    conn: sa.Connection,
    *,
    customer_id: int,
    purpose: str,
    channel: str,
    given: bool,
    at: datetime,
    source: str,
    wording: str | None,
    now: datetime,
) -> ConsentOutcome:
    """Keep a word from another system's records: a grant must be later than any withdrawal, or it is refused.

    Old lists thus never bring back whom the customer has silenced since.
    """
    if given and _withdrawn_at_or_after(conn, customer_id, purpose, channel, at):
        return ConsentOutcome.REFUSED
    return record_consent(
        conn,
        customer_id=customer_id,
        purpose=purpose,
        channel=channel,
        given=given,
        at=at,
        source=source,
        wording=wording,
        now=now,
    )


def _withdrawn_at_or_after(conn: sa.Connection, customer_id: int, purpose: str, channel: str, at: datetime) -> bool:
    """Tell whether a withdrawal forbids the grant; a second word of the same instant stands in `consent_now` only."""
    withdrawals = [
        sa.exists().where(
            table.c.customer_id == customer_id,
            table.c.purpose == purpose,
            table.c.channel == channel,
            table.c.at >= at,
            sa.not_(table.c.given),
        )
        for table in (consent, consent_now)
    ]
    return bool(conn.execute(sa.select(sa.or_(*withdrawals))).scalar())


def consents_now(conn: sa.Connection, customer_id: int) -> Sequence[sa.Row[str, str, bool, datetime]]:
    """Return the words that count for a customer: purpose, channel, given, at."""
    return conn.execute(
        sa.select(consent_now.c.purpose, consent_now.c.channel, consent_now.c.given, consent_now.c.at)
        .where(consent_now.c.customer_id == customer_id)
        .order_by(consent_now.c.purpose, consent_now.c.channel)
    ).all()
