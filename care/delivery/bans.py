"""Bans on numbers and addresses for those who look after them: who wrote one, what counts towards one, its end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from care.base.errors import AnswerIsNoError
from care.base.vocabulary import Channel
from care.customers.model import SuppressionReason
from care.customers.record import mask_address
from care.customers.suppressions import lift_suppression
from care.customers.tables import contact_point, customer, suppression
from care.delivery.suppressing import IN_A_ROW, WITHIN, failures_in_a_row

R = SuppressionReason
ASKED_FOR = frozenset({R.OPT_OUT, R.COMPLAINT, R.WRONG_NUMBER})
"""What the owner of an address has asked for: it ends by the owner's word only, and whose word it was is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """One ban on one address of one customer; no customer where nobody has the address any more."""

    id: int
    customer: str
    channel: str
    address: str  # masked
    reason: str
    scope: str
    source: str
    since: datetime
    lifted_at: datetime | None
    lifted_by: str
    lifted_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What counts towards a ban on an address: so many failures in a row, and when the oldest falls out."""

    channel: str
    address: str  # masked
    failures: int
    of: int
    falls_out_at: datetime | None


def find_bans(
    conn: sa.Connection,
    *,
    customer_id: str | None = None,
    reason: SuppressionReason | None = None,
    since: datetime | None = None,
    everything: bool = False,
    limit: int | None = None,
) -> list[Ban]:
    """Return bans, newest first: those that stand, or with `everything` the lifted ones too."""
    query = (
        sa.select(suppression, contact_point.c.address, customer.c.external_id)
        .outerjoin(
            contact_point,
            sa.and_(
                contact_point.c.address_hash == suppression.c.address_hash,
                contact_point.c.channel == suppression.c.channel,
            ),
        )
        .outerjoin(customer, customer.c.id == contact_point.c.customer_id)
        .order_by(suppression.c.id.desc(), customer.c.id)
        .limit(limit)
    )
    if not everything:
        query = query.where(suppression.c.lifted_at.is_(None))
    if customer_id is not None:
        query = query.where(customer.c.external_id == customer_id)
    if reason is not None:
        query = query.where(suppression.c.reason == reason.value)
    if since is not None:
        query = query.where(suppression.c.created_at >= since)
    return [
        Ban(
            id=row.id,
            customer=row.external_id or "",
            channel=row.channel,
            address=mask_address(row.channel, row.address) if row.address else "",
            reason=row.reason,
            scope=row.scope,
            source=row.source,
            since=row.created_at,
            lifted_at=row.lifted_at,
            lifted_by=row.lifted_by or "",
            lifted_why=row.lifted_why or "",
        )
        for row in conn.execute(query)
    ]


def require_customer(conn: sa.Connection, customer_id: str) -> None:
    """Refuse an id that no customer has.

    Raises:
        AnswerIsNoError: no such customer.
    """
    if conn.execute(sa.select(customer.c.id).where(customer.c.external_id == customer_id)).first() is None:
        raise AnswerIsNoError(f"suppressions: no customer {customer_id}. Give the id in your own system")


def counts_of(conn: sa.Connection, customer_id: str, *, now: datetime) -> list[Count]:
    """Return, per address of a customer, what counts towards a ban.

    Raises:
        AnswerIsNoError: no such customer.
    """
    require_customer(conn, customer_id)
    mine = sa.select(customer.c.id).where(customer.c.external_id == customer_id)
    points = sa.select(contact_point).where(contact_point.c.customer_id.in_(mine))
    counts = []
    for point in conn.execute(points.order_by(contact_point.c.channel, contact_point.c.position)):
        failures = failures_in_a_row(conn, Channel(point.channel), point.address_hash, now)
        counts.append(
            Count(
                channel=point.channel,
                address=mask_address(point.channel, point.address),
                failures=len(failures),
                of=IN_A_ROW,
                falls_out_at=min(failures) + WITHIN if failures else None,
            )
        )
    return counts


def lift_bans(
    conn: sa.Connection,
    customer_id: str,
    *,
    reasons: Collection[SuppressionReason],
    by: str,
    now: datetime,
    why: str | None = None,
) -> Sequence[Ban]:
    """End the bans of these reasons on a customer's addresses and return them; counting begins anew.

    Raises:
        AnswerIsNoError: no such customer, or none of them stands.
    """
    require_customer(conn, customer_id)
    standing = find_bans(conn, customer_id=customer_id)
    ended = [ban for ban in standing if ban.reason in reasons]
    if not ended:
        left = ", ".join(sorted({ban.reason for ban in standing})) or "nothing"
        raise AnswerIsNoError(
            f"suppressions: no such ban stands against customer {customer_id}; what stands: {left}. "
            f"See: care suppressions show {customer_id}"
        )
    return [ban for ban in ended if lift_suppression(conn, ban.id, now=now, by=by, why=why)]
