"""What other systems are told: written in the transaction that decided it, so that nothing is told that is not so."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.inbound.events.tables import outgoing_webhook


class Told(StrEnum):
    """What a webhook tells."""

    CASE_OPENED = "case.opened"
    CASE_OVERDUE = "case.overdue"
    TICKET_REOPEN = "ticket.reopen"  #: please reopen: the customer says it is not solved


NOBODY = "ticket_system.url is not set"
_ID_BYTES = 12


def tell(conn: sa.Connection, what: Told, data: Mapping[str, Any], *, now: datetime) -> str:
    """Write down what is to be told and return the id by which the receiver knows repeats.

    `data` holds ids, words of ours and instants as text; no name, no address, nothing a customer wrote.
    """
    webhook_id = f"msg_{secrets.token_hex(_ID_BYTES)}"
    payload = {"type": str(what), "timestamp": now.isoformat(), "data": dict(data)}
    row = {"webhook_id": webhook_id, "type": str(what), "payload": payload, "created_at": now, "wake_at": now}
    conn.execute(sa.insert(outgoing_webhook).values(row))
    return webhook_id


def forget_untold(conn: sa.Connection, *, now: datetime) -> int:
    """Close what nobody is there to hear, and return how many."""
    waiting = sa.update(outgoing_webhook).where(*_WAITING)
    return conn.execute(waiting.values(done_at=now, problem=NOBODY)).rowcount


def take_due(conn: sa.Connection, *, now: datetime, limit: int, pause: timedelta) -> Sequence[sa.Row[Any]]:
    """Take what is due, oldest first: it is due again after `pause` unless its fate is noted before."""
    due = sa.select(outgoing_webhook).where(*_WAITING, outgoing_webhook.c.wake_at <= now)
    rows = conn.execute(due.order_by(outgoing_webhook.c.id).limit(limit).with_for_update(skip_locked=True)).all()
    if rows:
        taken = sa.update(outgoing_webhook).where(outgoing_webhook.c.id.in_([row.id for row in rows]))
        conn.execute(taken.values(tries=outgoing_webhook.c.tries + 1, wake_at=now + pause))
    return rows


def note_taken(conn: sa.Connection, row_id: int, *, now: datetime) -> None:
    """Write down that the receiver has it."""
    conn.execute(_of(row_id).values(done_at=now, problem=None))


def note_refused(conn: sa.Connection, row_id: int, *, problem: str, wake_at: datetime) -> None:
    """Write down why it was not taken, and when to try again."""
    conn.execute(_of(row_id).values(problem=problem, wake_at=wake_at))


def note_given_up(conn: sa.Connection, row_id: int, *, problem: str, now: datetime) -> None:
    """Write down that it is not tried any more."""
    conn.execute(_of(row_id).values(given_up_at=now, done_at=now, problem=problem))


def untold(conn: sa.Connection, *, now: datetime, older_than: timedelta, lately: timedelta) -> tuple[int, int]:
    """Return how many have waited for longer than `older_than`, and how many were given up within `lately`."""
    late = sa.select(sa.func.count()).where(*_WAITING, outgoing_webhook.c.created_at < now - older_than)
    lost = sa.select(sa.func.count()).where(outgoing_webhook.c.given_up_at >= now - lately)
    return int(conn.execute(late).scalar_one()), int(conn.execute(lost).scalar_one())


class Fate(StrEnum):
    """Where a webhook stands."""

    WAITING = "waiting"
    GIVEN_UP = "given_up"
    DONE = "done"  #: taken, or nobody was there to hear it: the problem says so


def list_webhooks(conn: sa.Connection, fate: Fate | None, *, limit: int) -> list[dict[str, Any]]:
    """Return webhooks, the newest first: of one fate, or what the receiver has not taken."""
    wanted = _FATES[fate] if fate else sa.or_(_FATES[Fate.WAITING], _FATES[Fate.GIVEN_UP])
    rows = sa.select(outgoing_webhook).where(wanted).order_by(outgoing_webhook.c.id.desc()).limit(limit)
    return [_shown(row) for row in conn.execute(rows)]


def _shown(row: sa.Row[Any]) -> dict[str, Any]:
    fate = Fate.WAITING if row.done_at is None else Fate.GIVEN_UP if row.given_up_at else Fate.DONE
    about = {name: row.payload["data"].get(name) for name in ("case", "ticket", "reason")}
    return {
        "id": row.webhook_id,
        "type": row.type,
        **about,
        "state": str(fate),
        "decided_at": decided_at(row.payload),
        "tries": row.tries,
        "again_at": row.wake_at if fate is Fate.WAITING else None,
        "given_up_at": row.given_up_at,
        "problem": row.problem,
    }


def decided_at(payload: Mapping[str, Any]) -> datetime:
    """Return when what a webhook tells was decided; `created_at` is since when it is tried."""
    return datetime.fromisoformat(payload["timestamp"])


def send_again(conn: sa.Connection, webhook_ids: Collection[str] | None, *, now: datetime) -> list[str]:
    """Let webhooks that were given up be sent again, as if they were new; None means all. Return their ids.

    The id and the body stay, so that a receiver which has one after all knows the repeat.
    """
    mine = [_FATES[Fate.GIVEN_UP]]
    if webhook_ids is not None:
        mine.append(among(outgoing_webhook.c.webhook_id, webhook_ids))
    fresh = {"created_at": now, "wake_at": now, "tries": 0, "done_at": None, "given_up_at": None, "problem": None}
    again = sa.update(outgoing_webhook).where(*mine).values(fresh).returning(outgoing_webhook.c.webhook_id)
    return sorted(conn.execute(again).scalars())


_WAITING = (outgoing_webhook.c.done_at.is_(None),)
_FATES: Mapping[Fate, sa.ColumnElement[bool]] = {
    Fate.WAITING: outgoing_webhook.c.done_at.is_(None),
    Fate.GIVEN_UP: outgoing_webhook.c.given_up_at.is_not(None),
    Fate.DONE: sa.and_(outgoing_webhook.c.done_at.is_not(None), outgoing_webhook.c.given_up_at.is_(None)),
}


def _of(row_id: int) -> sa.Update:
    return sa.update(outgoing_webhook).where(outgoing_webhook.c.id == row_id, outgoing_webhook.c.done_at.is_(None))
