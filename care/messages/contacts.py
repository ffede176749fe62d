"""One address is told once per campaign and occasion: who holds that claim."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert
from care.base.hot import Hot
from care.messages.tables import contact_claim

ContactKey = tuple[str, str, str]
"""Campaign id, occasion, address hash: what one phone is told once."""

_CLAIM = Hot(
    lambda conn: insert(conn, contact_claim).on_conflict_do_nothing(),
    each=("campaign_id", "occasion", "address_hash", "message_id"),
    common=("at",),
)
_KEY = (contact_claim.c.campaign_id, contact_claim.c.occasion, contact_claim.c.address_hash)
_HELD = Hot(
    sa.select(*_KEY, contact_claim.c.message_id).where(
        among(contact_claim.c.campaign_id, "campaigns"),
        among(contact_claim.c.occasion, "occasions"),
        among(contact_claim.c.address_hash, "addresses"),
    )
)


def claim_contacts(
    conn: sa.Connection, claims: Sequence[tuple[str, str, str, int]], now: datetime
) -> dict[ContactKey, int]:
    """Claim (campaign, occasion, address hash) for messages; return who holds each, nothing if all could be claimed.

    The first to claim an address keeps it, however many accounts share the phone.
    """
    if _CLAIM.many(conn, claims, at=now) == len(claims):
        return {}
    return held_contacts(conn, [claim[:3] for claim in claims])


def held_contacts(conn: sa.Connection, keys: Collection[ContactKey]) -> dict[ContactKey, int]:
    """Return which message holds each (campaign, occasion, address hash) that is claimed."""
    campaigns, occasions, addresses = (set(part) for part in zip(*keys, strict=True))
    held = _HELD.rows(conn, campaigns=campaigns, occasions=occasions, addresses=addresses)
    return {(campaign, occasion, address): holder for campaign, occasion, address, holder in held}


def release_contacts(conn: sa.Connection, message_ids: Collection[int]) -> None:
    """Give claims back when nothing was sent after all, so that another of the household may be told."""
    conn.execute(sa.delete(contact_claim).where(among(contact_claim.c.message_id, message_ids)))
