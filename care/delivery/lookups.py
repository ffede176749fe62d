"""Who may be written to now, and where: statements of one purpose, built once because they run for every batch."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.hot import Hot
from care.base.vocabulary import Channel, Purpose
from care.campaigns.variables import READ_OF_CUSTOMER
from care.customers.tables import contact_point, customer, suppression
from care.customers.tickets.tables import ticket
from care.delivery.model import Contact, Judged
from care.planning.permission import ConsentByCountry, has_consent, silences

CONSENT_COLUMN: Mapping[Channel, str] = {channel: f"may_{channel}" for channel in Channel}


class Lookup:
    """Customers and open contacts as one purpose sees them."""

    def __init__(self, purpose: Purpose, consent: ConsentByCountry) -> None:
        may = [has_consent(channel, purpose, consent).label(name) for channel, name in CONSENT_COLUMN.items()]
        mine = among(customer.c.id, "ids")
        spoken_of = [customer.c[name] for name in ("id", *READ_OF_CUSTOMER)]
        judged = [customer.c[name] for name in Judged._fields if name != "may"]
        self._full, self._full_names = Hot(sa.select(*spoken_of, *may).where(mine)), _names(spoken_of, may)
        self._judged = {
            channel: Hot(sa.select(customer.c.id, *judged, allowed).where(mine))
            for channel, allowed in zip(CONSENT_COLUMN, may, strict=True)
        }
        self._contacts = Hot(_open_contacts(purpose))
        mine = among(contact_point.c.address_hash, "hashes")
        self._named = (Hot(_open_contacts(purpose).where(mine)), Hot(_open_reporters(purpose)))

    def customers(self, conn: sa.Connection, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
        """Return customer rows by id, each with whether consent allows the purpose per channel."""
        return _by_id(self._full_names, self._full.rows(conn, ids=ids))

    def judged(self, conn: sa.Connection, ids: Collection[int], channel: Channel) -> dict[int, Judged]:
        """Return, by id, what decides whether a message may go now on a channel."""
        return {row[0]: Judged._make(row[1:]) for row in self._judged[channel].rows(conn, ids=ids)}

    def contacts(self, conn: sa.Connection, ids: Collection[int]) -> dict[int, dict[Channel, Contact]]:
        """Return per customer the first contact of each channel that no suppression silences for the purpose."""
        contacts: dict[int, dict[Channel, Contact]] = {}
        for customer_id, word, address, address_hash in self._contacts.rows(conn, ids=ids):
            mine = contacts.setdefault(customer_id, {})
            channel = _CHANNELS[word]
            if channel not in mine:
                mine[channel] = Contact(channel=channel, address=address, address_hash=address_hash)
        return contacts

    def named(
        self, conn: sa.Connection, ids: Collection[int], hashes: Collection[str]
    ) -> dict[tuple[int, str], Contact]:
        """Return those of the named addresses that may be written to, by customer and hash.

        They go before the customer's own order: an answer goes to the number that asked, a question about a ticket
        to the number that reported it, be it the customer's own or another's.
        """
        if not hashes:
            return {}
        rows = [row for some in self._named for row in some.rows(conn, ids=ids, hashes=hashes)]
        return {
            (customer_id, address_hash): Contact(channel=_CHANNELS[word], address=address, address_hash=address_hash)
            for customer_id, word, address, address_hash in rows
        }

    def open_addresses(
        self, conn: sa.Connection, ids: Collection[int], *, named: Collection[str]
    ) -> set[tuple[int, str]]:
        """Return customer and hash of what may be written to: the first of each channel, and the named ones."""
        rows = self._contacts.rows(conn, ids=ids)
        first = {(customer_id, word): address_hash for customer_id, word, _, address_hash in reversed(rows)}
        return {(customer_id, address_hash) for (customer_id, _), address_hash in first.items()} | {
            *self.named(conn, ids, named)
        }


def _names(*columns: Collection[sa.ColumnElement[Any]]) -> tuple[str, ...]:
    return tuple(str(column.key) for some in columns for column in some)


def _by_id(names: tuple[str, ...], rows: Collection[tuple[Any, ...]]) -> dict[int, Mapping[str, Any]]:
    at = names.index("id")
    return {row[at]: dict(zip(names, row, strict=True)) for row in rows}


_CHANNELS: Mapping[str, Channel] = {str(channel): channel for channel in Channel}


def _open_contacts(purpose: Purpose) -> sa.Select[Any]:
    same = suppression.c.address_hash == contact_point.c.address_hash
    silenced = sa.exists().where(same, silences(purpose)).correlate(contact_point)
    point = contact_point.c
    return (
        sa.select(point.customer_id, point.channel, point.address, point.address_hash)
        .where(among(point.customer_id, "ids"), sa.not_(silenced))
        .order_by(point.customer_id, point.channel, point.position)
    )


def _open_reporters(purpose: Purpose) -> sa.Select[Any]:
    """Return numbers that reported a ticket of the customer."""
    silenced = sa.exists().where(suppression.c.address_hash == ticket.c.contact_hash, silences(purpose))
    return sa.select(
        ticket.c.customer_id, sa.literal(str(Channel.SMS)), ticket.c.contact_phone, ticket.c.contact_hash
    ).where(
        among(ticket.c.customer_id, "ids"),
        among(ticket.c.contact_hash, "hashes"),
        ticket.c.contact_phone.is_not(None),
        sa.not_(silenced.correlate(ticket)),
    )
