"""Undo a ban that bounces wrote: the mailbox is alive after all."""

from datetime import datetime

import sqlalchemy as sa

from care.base.errors import AnswerIsNoError
from care.base.vocabulary import Channel
from care.customers.model import SuppressionReason
from care.customers.suppressions import active_suppressions, lift_suppression
from care.customers.tables import contact_point, customer


def lift_bounces(conn: sa.Connection, external_id: str, *, by: str, now: datetime) -> int:
    """Lift the bans that bounces wrote on a customer's e-mail address; return how many. Other bans stay.

    Raises:
        AnswerIsNoError: no such customer, or no such ban.
    """
    hashes = conn.execute(
        sa.select(contact_point.c.address_hash)
        .join(customer, customer.c.id == contact_point.c.customer_id)
        .where(customer.c.external_id == external_id, contact_point.c.channel == str(Channel.EMAIL))
    ).scalars()
    standing = active_suppressions(conn, list(hashes), channel=Channel.EMAIL)
    bounced = [ban.id for ban in standing if ban.reason == SuppressionReason.HARD_BOUNCE]
    if not bounced:
        raise AnswerIsNoError(
            f"bounces: no bounce stands against customer {external_id}. See: care customers show {external_id}"
        )
    return sum(lift_suppression(conn, ban, now=now, by=by) for ban in bounced)
