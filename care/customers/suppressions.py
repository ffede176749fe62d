"""Standing bans on addresses, known by keyed hash only. Writing twice is harmless; a ban is lifted, never deleted."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.database import insert
from care.customers.addresses import AddressHasher
from care.customers.model import Suppression, SuppressionReason, SuppressionScope
from care.customers.tables import suppression

_COLUMNS = tuple(suppression.c[name] for name in Suppression.__dataclass_fields__)


def suppress(
    conn: sa.Connection,
    *,
    hasher: AddressHasher,
    channel: str,
    address: str,
    scope: SuppressionScope | str,
    reason: SuppressionReason | str,
    source: str,
    now: datetime,
) -> bool:
    """Silence a normalised address; return False if the same ban stands already."""
    return suppress_hash(
        conn,
        address_hash=hasher.hash(channel, address),
        channel=channel,
        scope=scope,
        reason=reason,
        source=source,
        now=now,
    )


def suppress_hash(
    conn: sa.Connection,
    *,
    address_hash: str,
    channel: str,
    scope: SuppressionScope | str,
    reason: SuppressionReason | str,
    source: str,
    now: datetime,
) -> bool:
    """Silence an address known by its hash; return False if the same ban stands already."""
    row = {
        "address_hash": address_hash,
        "channel": channel,
        "scope": SuppressionScope(scope).value,
        "reason": SuppressionReason(reason).value,
        "source": source,
        "created_at": now,
    }
    values = [sa.literal(value, suppression.c[name].type) for name, value in row.items()]
    same = [suppression.c[name] == row[name] for name in ("address_hash", "channel", "scope", "reason")]
    stands = sa.exists().where(*same, suppression.c.lifted_at.is_(None))
    written = insert(conn, suppression).from_select(list(row), sa.select(*values).where(~stands))
    return bool(conn.execute(written.returning(suppression.c.id)).first())


def lift_opt_out(conn: sa.Connection, *, address_hash: str, channel: str, now: datetime, by: str) -> int:
    """End the opt-outs of an address, as START does; return how many stood.

    Bounces, complaints and bans by hand stay: the owner's word does not make a dead mailbox live.
    """
    return _lift(
        conn,
        suppression.c.address_hash == address_hash,
        suppression.c.channel == channel,
        suppression.c.reason == SuppressionReason.OPT_OUT.value,
        now=now,
        by=by,
    )


def opted_out_elsewhere_since(
    conn: sa.Connection, *, address_hash: str, channel: str, since: datetime, but: str
) -> bool:
    """Tell whether an opt-out stands that was given after `since`, from another source than `but`."""
    given = sa.select(suppression.c.id).where(
        suppression.c.address_hash == address_hash,
        suppression.c.channel == channel,
        suppression.c.reason == SuppressionReason.OPT_OUT.value,
        suppression.c.lifted_at.is_(None),
        suppression.c.created_at > since,
        suppression.c.source != but,
    )
    return conn.execute(given.limit(1)).first() is not None


def lift_suppression(
    conn: sa.Connection, suppression_id: int, *, now: datetime, by: str, why: str | None = None
) -> bool:
    """End one ban of whatever reason, by the hand of `by`; return False if it was not standing."""
    return _lift(conn, suppression.c.id == suppression_id, now=now, by=by, why=why) > 0


def _lift(conn: sa.Connection, *which: sa.ColumnElement[bool], now: datetime, by: str, why: str | None = None) -> int:
    standing = sa.update(suppression).where(*which, suppression.c.lifted_at.is_(None))
    return len(
        conn.execute(standing.values(lifted_at=now, lifted_by=by, lifted_why=why).returning(suppression.c.id)).all()
    )


def active_suppressions(
    conn: sa.Connection, address_hashes: Collection[str], *, channel: str | None = None
) -> Sequence[Suppression]:
    """Return the bans that stand on these addresses, oldest first."""
    query = sa.select(*_COLUMNS).where(
        suppression.c.address_hash.in_(address_hashes), suppression.c.lifted_at.is_(None)
    )
    if channel is not None:
        query = query.where(suppression.c.channel == channel)
    return [_suppression(row) for row in conn.execute(query.order_by(suppression.c.id))]


def suppression_history(conn: sa.Connection, address_hash: str) -> Sequence[sa.Row[Any]]:
    """Return every ban ever written on an address with when and by whom it was lifted, oldest first."""
    return conn.execute(
        sa.select(suppression).where(suppression.c.address_hash == address_hash).order_by(suppression.c.id)
    ).all()


def _suppression(row: sa.Row[Any]) -> Suppression:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    values["scope"], values["reason"] = SuppressionScope(row.scope), SuppressionReason(row.reason)
    return Suppression(**values)
