"""What the occasions of a group still say in the intent transaction: is it owed, and which address do they name."""

from collections.abc import Sequence

import sqlalchemy as sa

from care.base.among import among
from care.delivery.model import Prepared
from care.messages.tables import message


def named_addresses(group: Sequence[Prepared]) -> set[str]:
    """Return the addresses chosen because what is spoken of names them: of who wrote to us, of who reported a fault."""
    said = {(p.message.subject or {}).get("address_hash") for p in group}
    return {p.contact.address_hash for p in group} & said


def no_longer_owed(conn: sa.Connection, group: Sequence[Prepared]) -> frozenset[int]:
    """Return ids of messages whose occasion no longer owes them."""
    asked: dict[str, tuple[sa.ColumnElement[bool], list[int]]] = {}
    for prepared in group:
        campaign = prepared.message.campaign
        owed = campaign.occasion.still_owed() if campaign else None
        if campaign and owed is not None:
            asked.setdefault(campaign.id, (owed, []))[1].append(prepared.message.id)
    gone: set[int] = set()
    for owed, ids in asked.values():
        still = conn.execute(sa.select(message.c.id).where(among(message.c.id, ids), owed)).scalars()
        gone |= set(ids) - set(still)
    return frozenset(gone)
