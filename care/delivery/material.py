"""Fetch, set-wise, what a batch of claimed messages needs: customers, open contacts, subjects, spent channels."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa

from care.base.among import among
from care.base.vocabulary import Channel, Purpose
from care.campaigns.campaign_set import CampaignSet
from care.customers.tables import contact_point, customer, suppression
from care.delivery.model import Claimed, Contact
from care.messages.tables import attempt
from care.planning.permission import ConsentByCountry, has_consent, silences

CONSENT_COLUMN = {channel: f"may_{channel}" for channel in Channel}


def gather(
    conn: sa.Connection,
    rows: Sequence[sa.Row[Any]],
    *,
    purpose: Purpose,
    campaigns: CampaignSet,
    consent: ConsentByCountry,
    subjects: Mapping[str, sa.FromClause],
) -> list[Claimed]:
    """Return claimed rows of one purpose with everything that rendering and addressing need.

    `subjects` names the table an occasion kind speaks of: {"subscription_end": subscription}.
    """
    customer_ids = {row.customer_id for row in rows}
    customers = load_customers(conn, customer_ids, purpose, consent)
    spent = _spent_channels(conn, [row.id for row in rows if row.attempts])
    spoken_of = _subjects(conn, rows, subjects)
    asked_from = [str(said["address_hash"]) for said in spoken_of.values() if "address_hash" in said]
    contacts = open_contacts(conn, customer_ids, purpose, first=asked_from)
    claimed = []
    for row in rows:
        who = customers.get(row.customer_id)
        mine = contacts.get(row.customer_id, {})
        allowed = {channel: c for channel, c in mine.items() if who is not None and who[CONSENT_COLUMN[channel]]}
        claimed.append(
            Claimed(
                id=row.id,
                campaign_id=row.campaign_id,
                occasion=row.occasion,
                customer_id=row.customer_id,
                leg=row.leg,
                purpose=purpose,
                due_at=row.due_at,
                use_by=row.use_by,
                attempts=row.attempts,
                row=cast("Mapping[str, Any]", row._mapping),  # noqa: SLF001 - SQLAlchemy's documented accessor
                campaign=campaigns.for_message(row.campaign_id),
                is_file_broken=campaigns.is_broken(row.campaign_id),
                customer=who,
                subject=spoken_of.get((_kind(row), row.subject)),
                contacts=allowed,
                spent_channels=spent.get(row.id, frozenset()),
                has_contact=bool(mine),
            )
        )
    return claimed


def load_customers(
    conn: sa.Connection,
    ids: Collection[int],
    purpose: Purpose,
    consent: ConsentByCountry,
    columns: Sequence[sa.ColumnElement[Any]] = tuple(customer.c),
) -> dict[int, Mapping[str, Any]]:
    """Return customer rows by id, each with whether consent allows the purpose per channel."""
    may = [has_consent(channel, purpose, consent).label(name) for channel, name in CONSENT_COLUMN.items()]
    found = conn.execute(sa.select(*columns, *may).where(among(customer.c.id, ids))).mappings()
    return {row["id"]: cast("Mapping[str, Any]", row) for row in found}


def open_contacts(
    conn: sa.Connection, ids: Collection[int], purpose: Purpose, *, first: Collection[str] = ()
) -> dict[int, dict[Channel, Contact]]:
    """Return per customer the first contact of each channel that no suppression silences for the purpose.

    Addresses whose hash is in `first` go before the customer's own order: an answer goes to the number that asked.
    """
    silenced = (
        sa.exists()
        .where(suppression.c.address_hash == contact_point.c.address_hash, silences(purpose))
        .correlate(contact_point)
    )
    own_order: list[sa.ColumnElement[int]] = [contact_point.c.position]
    if first:
        own_order.insert(0, sa.case((contact_point.c.address_hash.in_(first), 0), else_=1))
    found = conn.execute(
        sa.select(
            contact_point.c.customer_id,
            contact_point.c.channel,
            contact_point.c.address,
            contact_point.c.address_hash,
        )
        .where(among(contact_point.c.customer_id, ids), sa.not_(silenced))
        .order_by(contact_point.c.customer_id, contact_point.c.channel, *own_order)
    )
    contacts: dict[int, dict[Channel, Contact]] = {}
    for customer_id, word, address, address_hash in found:
        mine = contacts.setdefault(customer_id, {})
        channel = Channel(word)
        if channel not in mine:
            mine[channel] = Contact(channel=channel, address=address, address_hash=address_hash)
    return contacts


def _spent_channels(conn: sa.Connection, ids: Collection[int]) -> dict[int, frozenset[Channel]]:
    if not ids:
        return {}
    rows = conn.execute(
        sa.select(attempt.c.message_id, attempt.c.channel).where(
            among(attempt.c.message_id, ids), attempt.c.spent.is_(True)
        )
    )
    spent: dict[int, frozenset[Channel]] = {}
    for message_id, channel in rows:
        spent[message_id] = spent.get(message_id, frozenset()) | {Channel(channel)}
    return spent


def _kind(row: sa.Row[Any]) -> str:
    return str(row.occasion).partition(":")[0]


def _subjects(
    conn: sa.Connection, rows: Sequence[sa.Row[Any]], subjects: Mapping[str, sa.FromClause]
) -> dict[tuple[str, str | None], Mapping[str, Any]]:
    wanted: dict[str, set[str]] = {}
    for row in rows:
        if row.subject is not None and _kind(row) in subjects:
            wanted.setdefault(_kind(row), set()).add(row.subject)
    found: dict[tuple[str, str | None], Mapping[str, Any]] = {}
    for kind, names in wanted.items():
        table = subjects[kind]
        for spoken_of in conn.execute(sa.select(table).where(among(table.c.external_id, names))).mappings():
            found[kind, spoken_of["external_id"]] = cast("Mapping[str, Any]", spoken_of)
    return found
