"""Write attempts down before their first byte leaves."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from care.base.among import among
from care.base.hot import Hot
from care.messages.model import Outcome
from care.messages.tables import attempt, message

Intent = tuple[int, int, str, str, int, str]
"""Of one attempt: message id, number, token, address hash, parts, digest of the text."""

_COUNT = Hot(
    sa.update(message)
    .where(among(message.c.id, "ids"))
    .values(attempts=message.c.attempts + 1, channel=sa.bindparam("on"))
)
_WRITE = Hot(
    sa.insert(attempt).inline(),
    each=("message_id", "n", "token", "address_hash", "parts", "body_digest"),
    common=("channel", "provider", "account", "incarnation", "outcome", "intent_at"),
)
_NEWEST = Hot(sa.select(sa.func.coalesce(sa.func.max(attempt.c.id), 0)))
_MADE = Hot(  # numbers only rise, and this process writes one group at a time
    sa.select(attempt.c.message_id, attempt.c.id).where(
        attempt.c.id > sa.bindparam("newest"), attempt.c.incarnation == sa.bindparam("owner")
    )
)


def write_intents(
    conn: sa.Connection,
    rows: Sequence[Intent],
    *,
    channel: str,
    provider: str,
    incarnation: int,
    now: datetime,
    account: str | None = None,
) -> dict[int, int]:
    """Write attempts down before their first byte leaves; return attempt id by message id."""
    ((newest,),) = _NEWEST.rows(conn)
    _WRITE.many(  # without RETURNING the driver repeats one prepared statement
        conn,
        rows,
        channel=str(channel),
        provider=provider,
        account=account,
        incarnation=incarnation,
        outcome=str(Outcome.INTENT),
        intent_at=now,
    )
    return dict(_MADE.rows(conn, newest=newest, owner=incarnation))


def count_attempts(conn: sa.Connection, ids: Sequence[int], *, channel: str) -> None:
    """Note on messages that one more attempt was written down, and on which channel."""
    _COUNT.run(conn, ids=ids, on=str(channel))
