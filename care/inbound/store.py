"""SQL of the inbox: one statement per verb, connection first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.database import insert, is_sqlite
from care.customers.tables import contact_point, customer
from care.inbound.model import HandledAs
from care.inbound.tables import inbound_message, webhook
from care.messages.model import Outcome
from care.messages.tables import attempt, message

PROBLEM_LENGTH = 200


def store_webhooks(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep webhooks as they came; repeats of a known `dedupe` key are dropped."""
    conn.execute(insert(conn, webhook).on_conflict_do_nothing(index_elements=["dedupe"]), list(rows))


def known_dedupes(conn: sa.Connection, keys: Sequence[str]) -> set[str]:
    """Return which of some `dedupe` keys are there already."""
    return set(conn.execute(sa.select(webhook.c.dedupe).where(webhook.c.dedupe.in_(keys))).scalars())


def take_waiting(conn: sa.Connection, *, kind: str, now: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the oldest webhooks that wait to be worked on, locked; another worker passes over them."""
    waiting = (
        sa.select(webhook)
        .where(webhook.c.done_at.is_(None), webhook.c.wake_at <= now, webhook.c.kind == kind)
        .order_by(webhook.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return conn.execute(waiting).all()


def is_anything_waiting(conn: sa.Connection, now: datetime) -> bool:
    """Tell whether any webhook's hour has come; one look into an index."""
    waiting = sa.select(webhook.c.id).where(webhook.c.done_at.is_(None), webhook.c.wake_at <= now)
    return conn.execute(waiting.limit(1)).first() is not None


def finish(conn: sa.Connection, ids: Sequence[int], *, now: datetime, problem: str | None = None) -> None:
    """Mark webhooks as done; a problem tells that they could not be used."""
    done = {"done_at": now, "problem": problem[:PROBLEM_LENGTH] if problem else None}
    conn.execute(sa.update(webhook).where(webhook.c.id.in_(ids)).values(done))


def postpone(conn: sa.Connection, webhook_id: int, *, wake_at: datetime, problem: str, has_failed: bool) -> None:
    """Look at a webhook again later, and say why."""
    values: dict[str, Any] = {"wake_at": wake_at, "problem": problem[:PROBLEM_LENGTH]}
    if has_failed:
        values["tries"] = webhook.c.tries + 1
    conn.execute(sa.update(webhook).where(webhook.c.id == webhook_id).values(values))


def forget_words(conn: sa.Connection, payloads: Mapping[int, Mapping[str, Any]]) -> None:
    """Replace payloads, by webhook id, by their impersonal part, once the messages have their own rows."""
    statement = sa.update(webhook).where(webhook.c.id == sa.bindparam("_id")).values(payload=sa.bindparam("_payload"))
    conn.execute(statement, [{"_id": i, "_payload": dict(payload)} for i, payload in payloads.items()])


def attempts_by_token(conn: sa.Connection, tokens: Sequence[str]) -> dict[str, int]:
    """Return the message id of each token that an attempt of ours carries."""
    found = conn.execute(sa.select(attempt.c.token, attempt.c.message_id).where(attempt.c.token.in_(tokens)))
    return {row.token: int(row.message_id) for row in found}


def lock_addresses(conn: sa.Connection, address_hashes: Sequence[str]) -> None:
    """Hold the contact points with these addresses; the sender's intent transaction locks the same rows.

    So an opt-out and a send of the same moment see each other. Everyone locks in the order of ids, so nobody
    waits in a circle. SQLite has one writer and needs no lock.
    """
    if not is_sqlite(conn):
        rows = sa.select(contact_point.c.id).where(contact_point.c.address_hash.in_(address_hashes))
        conn.execute(rows.order_by(contact_point.c.id).with_for_update())


def owners(conn: sa.Connection, *, channel: str, address_hash: str) -> Sequence[sa.Row[int, str]]:
    """Return the customers who have this address, oldest first: id, country."""
    return conn.execute(
        sa.select(customer.c.id, customer.c.country)
        .join(contact_point, contact_point.c.customer_id == customer.c.id)
        .where(contact_point.c.address_hash == address_hash, contact_point.c.channel == channel)
        .order_by(customer.c.id)
    ).all()


def latest_message_to(conn: sa.Connection, address_hash: str, at: datetime) -> sa.Row[int, int] | None:
    """Return the message that had been sent last to this address at an instant, else the last one: id, customer_id."""
    return conn.execute(
        sa.select(message.c.id, message.c.customer_id)
        .join(attempt, attempt.c.message_id == message.c.id)
        .where(
            attempt.c.address_hash == address_hash,
            attempt.c.outcome.not_in([str(Outcome.REFUSED), str(Outcome.ABANDONED)]),
        )
        .order_by(attempt.c.intent_at > at, attempt.c.intent_at.desc(), attempt.c.id.desc())
        .limit(1)
    ).first()


def add_inbound(conn: sa.Connection, row: Mapping[str, Any]) -> int | None:
    """Keep an inbound message; return its id, None if it is known already."""
    statement = insert(conn, inbound_message).values(row).on_conflict_do_nothing(index_elements=["provider_ref"])
    made = conn.execute(statement.returning(inbound_message.c.id)).first()
    return None if made is None else int(made.id)


def set_handled(conn: sa.Connection, inbound_id: int, handled_as: HandledAs) -> None:
    """Note what became of an inbound message."""
    mine = inbound_message.c.id == inbound_id
    conn.execute(sa.update(inbound_message).where(mine).values(handled_as=str(handled_as)))


def is_overtaken(
    conn: sa.Connection,
    *,
    address_hash: str,
    channel: str,
    at: datetime,
    until: datetime | None,
    by: Collection[HandledAs],
) -> bool:
    """Tell whether a word that came from this address after `at`, and up to `until`, was handled as one of `by`."""
    later = sa.select(inbound_message.c.id).where(
        inbound_message.c.address_hash == address_hash,
        inbound_message.c.received_at > at,
        sa.true() if until is None else inbound_message.c.received_at <= until,
        inbound_message.c.channel == channel,
        inbound_message.c.handled_as.in_([str(each) for each in by]),
    )
    return conn.execute(later.limit(1)).first() is not None


def was_answered_since(conn: sa.Connection, *, address_hash: str, by: str, since: datetime) -> bool:
    """Tell whether `by` answered anything from this address lately."""
    answered = sa.select(inbound_message.c.id).where(
        inbound_message.c.address_hash == address_hash,
        inbound_message.c.answered_by == by,
        inbound_message.c.answered_at > since,
    )
    return conn.execute(answered.limit(1)).first() is not None


def note_answer(conn: sa.Connection, inbound_id: int, *, by: str, at: datetime, text: str | None) -> bool:
    """Note that an inbound message was answered; return False if it was before."""
    open_one = sa.and_(inbound_message.c.id == inbound_id, inbound_message.c.answered_at.is_(None))
    noted = sa.update(inbound_message).where(open_one).values(answered_by=by, answered_at=at, answer=text)
    return conn.execute(noted.returning(inbound_message.c.id)).first() is not None


def find_inbound(conn: sa.Connection, inbound_id: int) -> sa.Row[Any] | None:
    """Return one inbound message."""
    return conn.execute(sa.select(inbound_message).where(inbound_message.c.id == inbound_id)).one_or_none()


def list_inbox(conn: sa.Connection, *, everything: bool, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return what waits for a person, oldest first; with `everything` all that came in, newest first.

    Columns: id, received_at, address, text, handled_as, answered_at, external_id, campaign_id.
    """
    columns = [
        inbound_message.c[name] for name in ("id", "received_at", "address", "text", "handled_as", "answered_at")
    ]
    rows = (
        sa.select(*columns, customer.c.external_id, message.c.campaign_id)
        .outerjoin(customer, customer.c.id == inbound_message.c.customer_id)
        .outerjoin(message, message.c.id == inbound_message.c.about_message_id)
    )
    if everything:
        return conn.execute(rows.order_by(inbound_message.c.id.desc()).limit(limit)).all()
    waiting = sa.and_(inbound_message.c.handled_as == str(HandledAs.INBOX), inbound_message.c.answered_at.is_(None))
    return conn.execute(rows.where(waiting).order_by(inbound_message.c.id).limit(limit)).all()
