"""SQL of events: one statement per verb, connection first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert, write
from care.customers.tickets.store import take_turn
from care.inbound.events.model import RESOLVING, Answer, EventState, NewEvent, Posted
from care.inbound.events.outgoing import decided_at
from care.inbound.events.tables import event, idempotent_answer, outgoing_webhook

PROBLEM_LENGTH = 200
_IMPERSONAL = frozenset({"kind", "severity", "area", "channel", "parent", "test", "by", "webhook_id"})


def row_of(new: NewEvent, *, source: str, now: datetime) -> dict[str, Any]:
    """Return the row of an event that has just come."""
    names = ("external_id", "customer", "subject", "at", "digest")
    return {
        **{name: getattr(new, name) for name in names},
        "type": str(new.type),
        "data": dict(new.data),
        "source": source,
        "received_at": now,
        "state": str(EventState.NEW),
        "wake_at": now,
    }


def add_events(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Write events down and return the external ids of those that were news."""
    if not rows:
        return set()
    statement = insert(conn, event).on_conflict_do_nothing(index_elements=["external_id"])
    return set(conn.execute(statement.returning(event.c.external_id), list(rows)).scalars())


def digests_of(conn: sa.Connection, external_ids: Collection[str]) -> dict[str, str]:
    """Return what the events of these ids say, as digests."""
    found = conn.execute(sa.select(event.c.external_id, event.c.digest).where(among(event.c.external_id, external_ids)))
    return {row.external_id: row.digest for row in found}


def known_answers(conn: sa.Connection, keys: Collection[str]) -> dict[tuple[str, str], tuple[str, Answer]]:
    """Return what was answered under idempotency keys: by key id and key, the request's digest and the answer."""
    table = idempotent_answer.c
    found = conn.execute(sa.select(idempotent_answer).where(table.idempotency_key.in_(sorted(keys))))
    return {
        (row.key_id, row.idempotency_key): (row.request_digest, Answer(status=row.status, body=row.body))
        for row in found
    }


def keep_answers(conn: sa.Connection, posted: Sequence[Posted]) -> None:
    """Remember answers to requests that named an idempotency key."""
    rows = [
        {
            "key_id": one.key_id,
            "idempotency_key": one.idempotency_key,
            "request_digest": one.request_digest,
            "status": one.answer.status,
            "body": one.answer.body,
            "at": one.at,
        }
        for one in posted
        if one.answer is not None
    ]
    if rows:
        conn.execute(insert(conn, idempotent_answer).on_conflict_do_nothing(), rows)


def forget_answers(conn: sa.Connection, older_than: datetime) -> None:
    """Drop remembered answers that nobody asks for again."""
    conn.execute(sa.delete(idempotent_answer).where(idempotent_answer.c.at < older_than))


_OPEN = event.c.state.in_([str(EventState.NEW), str(EventState.WAITING)])


def is_anything_waiting(conn: sa.Connection, now: datetime) -> bool:
    """Tell whether any event's hour has come; one look into an index."""
    return conn.execute(sa.select(event.c.id).where(_OPEN, event.c.wake_at <= now).limit(1)).first() is not None


def take_waiting(conn: sa.Connection, *, now: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the oldest events whose hour has come, locked."""
    due = sa.select(event).where(_OPEN, event.c.wake_at <= now).order_by(event.c.id).limit(limit)
    return conn.execute(due.with_for_update()).all()


def settle(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what became of events: `_id`, `_state`, `_problem`, `_wake_at`, `_tries`, `_done_at`, `_data`."""
    names = ("state", "problem", "wake_at", "tries", "done_at", "data")
    values: dict[str, Any] = {name: sa.bindparam(f"_{name}") for name in names}
    conn.execute(sa.update(event).where(event.c.id == sa.bindparam("_id")).values(values), list(rows))


def wake_subjects(conn: sa.Connection, subjects: Collection[str], now: datetime) -> None:
    """Look again at events that wait, as there is news of their tickets."""
    waiting = sa.and_(event.c.state == str(EventState.WAITING), among(event.c.subject, subjects))
    conn.execute(sa.update(event).where(waiting, event.c.wake_at > now).values(wake_at=now))


def wake_waiting(engine: sa.Engine, now: datetime) -> int:
    """Look again at everything that waits, as there may be new customers or tickets; return how many that are."""
    with write(engine) as conn:
        take_turn(conn)
        waiting = event.c.state == str(EventState.WAITING)
        return conn.execute(sa.update(event).where(waiting).values(wake_at=now)).rowcount


def refuse(conn: sa.Connection, external_ids: Collection[str], *, because: str, now: datetime) -> set[str]:
    """End events that wait for repair, with a person's reason, and return their ids; what was personal goes."""
    take_turn(conn)
    mine = among(event.c.external_id, external_ids)
    rows = conn.execute(sa.select(event).where(mine, event.c.state == str(EventState.WAITING)).with_for_update()).all()
    for row in rows:
        ended = {"state": str(EventState.REFUSED), "problem": because, "done_at": now, "data": impersonal(row.data)}
        conn.execute(sa.update(event).where(event.c.id == row.id).values(ended))
    return {row.external_id for row in rows}


def impersonal(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an event that is done with: no name, no number, nothing anybody wrote."""
    return {name: word for name, word in data.items() if name in _IMPERSONAL}


def long_waiting(conn: sa.Connection, *, came_before: datetime) -> tuple[int, datetime | None]:
    """Return how many events wait for repair that came before an instant, and when the oldest of them came."""
    waiting = (event.c.state == str(EventState.WAITING), event.c.received_at < came_before)
    oldest = sa.func.min(event.c.received_at, type_=event.c.received_at.type)
    count, first = conn.execute(sa.select(sa.func.count(), oldest).where(*waiting)).one()
    return int(count), first


def hidden_resolutions(conn: sa.Connection, *, since: datetime, until: datetime) -> int:
    """Return how many resolutions of a time we were told of and cannot follow up, as their events wait for repair."""
    mine = (event.c.state == str(EventState.WAITING), event.c.type.in_([str(one) for one in RESOLVING]))
    in_span = (event.c.at >= since, event.c.at < until)
    return int(conn.execute(sa.select(sa.func.count()).where(*mine, *in_span)).scalar_one())


def issued_by_us(conn: sa.Connection, webhook_ids: Collection[str]) -> dict[str, datetime]:
    """Return which of some ids are those of webhooks that we sent, and when we decided them."""
    table = outgoing_webhook.c
    found = conn.execute(sa.select(table.webhook_id, table.payload).where(among(table.webhook_id, webhook_ids)))
    return {row.webhook_id: decided_at(row.payload) for row in found}


def list_events(
    conn: sa.Connection, *, state: str | None = None, subject: str | None = None, since: datetime | None, limit: int
) -> Sequence[sa.RowMapping]:
    """Return events, newest first."""
    columns = [
        event.c[name] for name in ("external_id", "type", "subject", "customer", "at", "received_at", "source", "state")
    ]
    rows = sa.select(*columns, event.c.problem, event.c.tries, event.c.wake_at).order_by(event.c.id.desc())
    if state is not None:
        rows = rows.where(event.c.state == state)
    if subject is not None:
        rows = rows.where(event.c.subject == subject)
    if since is not None:
        rows = rows.where(event.c.received_at >= since)
    return conn.execute(rows.limit(limit)).mappings().all()


KEEP_ANSWERS = timedelta(days=7)
"""For how long a repeat under the same idempotency key hears the same answer."""
