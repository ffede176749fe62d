"""What the intent transaction reads before it judges, on rows that nobody else can change meanwhile."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from care.base.among import among, beside
from care.base.database import is_sqlite
from care.base.hot import Hot
from care.base.vocabulary import Purpose
from care.customers.tables import contact_point
from care.delivery.history import history_of, other_legs
from care.delivery.judge import CAPPED, Evidence, contact_key
from care.delivery.lookups import Lookup
from care.delivery.model import Prepared
from care.delivery.occasions import named_addresses, no_longer_owed
from care.messages.contacts import held_contacts
from care.messages.model import MessageStatus
from care.messages.tables import message, pause

_MINE = Hot(
    sa.select(message.c.id)
    .where(among(message.c.id, "ids"), beside(message.c.status) == str(MessageStatus.SENDING))
    .where(message.c.lease_owner == sa.bindparam("owner"))
    .order_by(message.c.id)
    .with_for_update()  # nobody takes a row away between this look and its intent
)
_PAUSES = Hot(sa.select(pause.c.scope, pause.c.until))
_point = contact_point.alias()
_hash = sa.func.unnest(sa.bindparam("hashes", type_=ARRAY(sa.String))).column_valued("hash")
_customer = sa.func.unnest(sa.bindparam("customers", type_=ARRAY(sa.BigInteger))).column_valued("customer")
_LOCK = Hot(  # an opt-out locks the same rows, and so does whoever writes to these people on another channel
    sa.select(contact_point.c.id)
    .where(
        contact_point.c.id.in_(  # joined: a plan kept for lists of ten would look for hundreds in every row
            sa.union(
                sa.select(_point.c.id).where(_point.c.address_hash == _hash),
                sa.select(_point.c.id).where(_point.c.customer_id == _customer),
            )
        )
    )
    .order_by(contact_point.c.id)  # everyone locks in this order
    .with_for_update()
)
"""On PostgreSQL only, where several write at once."""


def read_evidence(
    conn: sa.Connection,
    group: Sequence[Prepared],
    *,
    purpose: Purpose,
    lookup: Lookup,
    incarnation: int,
    now: datetime,
) -> Evidence:
    """Return what decides about a group of one purpose and channel. On PostgreSQL this locks the rows it stands on."""
    ids = [prepared.message.id for prepared in group]
    customers = {prepared.message.customer_id for prepared in group}
    hashes = {prepared.contact.address_hash for prepared in group}
    if not is_sqlite(conn):
        _LOCK.rows(conn, hashes=list(hashes), customers=list(customers))
    mine = _MINE.rows(conn, ids=ids, owner=incarnation)
    evidence = Evidence(
        now=now,
        mine=frozenset(row[0] for row in mine),
        customers=lookup.judged(conn, customers, group[0].contact.channel),
        open_addresses=lookup.open_addresses(conn, customers, named=named_addresses(group)),
        paused={scope: until for scope, until in _PAUSES.rows(conn) if not until or until > now},
        no_longer_owed=no_longer_owed(conn, group),
        are_strangers=len(customers) == len(hashes) == len(group),
    )
    if purpose is Purpose.SURVEY or not (purpose is Purpose.REPLY or evidence.are_strangers):
        ask_who_was_told(conn, group, evidence)
    if purpose in CAPPED:
        evidence.history = history_of(conn, customers=customers, address_hashes=hashes, lane=purpose.lane, now=now)
        several = [p.message.id for p in group if (c := p.message.campaign) and (c.on_every_channel or c.reminder)]
        evidence.other_legs = other_legs(conn, several)
    return evidence


def ask_who_was_told(conn: sa.Connection, group: Sequence[Prepared], evidence: Evidence) -> None:
    """Add who has been told of the occasion of each message."""
    evidence.told = held_contacts(conn, {contact_key(prepared) for prepared in group})
