"""Rows of customers who are new: where they live, which lot their household draws, and the writing in bulk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from care.base.ids import household_draw
from care.base.settings import OperatorSettings
from care.customers.addresses import AddressHasher, region_of_phone, zone_of_phone
from care.customers.changes import ATTRIBUTE
from care.customers.importing.cells import KEEP
from care.customers.importing.customer_changes import CHANNELS, NEVER_EMPTY
from care.customers.store import draws_by_address, insert_columns, reserve_ids
from care.customers.tables import contact_point, customer
from care.customers.zones import locale_of_country, zone_of_country


@dataclass(slots=True)
class Newcomers:
    """New customers by column: `columns` as the table has them, addresses and their keyed hashes by channel."""

    count: int
    columns: dict[str, list[Any]]
    addresses: dict[str, list[str | None]] = field(default_factory=dict)
    hashes: dict[str, list[str | None]] = field(default_factory=dict)


def newcomers(
    values: Mapping[str, Sequence[Any]], fresh: Sequence[int], *, operator: OperatorSettings, hasher: AddressHasher
) -> Newcomers:
    """Return the rows at the places `fresh`, with what an empty cell means for a new customer."""
    given = {name: [column[index] for index in fresh] for name, column in values.items()}
    columns: dict[str, list[Any]] = {
        name: [NEVER_EMPTY.get(name) if value is KEEP else value for value in column]
        for name, column in given.items()
        if name in customer.c
    }
    found = Newcomers(len(fresh), columns)
    absent = [KEEP] * len(fresh)
    for channel in CHANNELS:
        held = [None if value is KEEP else value for value in given.get(channel, absent)]
        found.addresses[channel] = held
        found.hashes[channel] = [address and hasher.hash(channel, address) for address in held]
    _locate(found, given, operator)
    names = [name for name in given if name.startswith(ATTRIBUTE)]
    if names:
        columns["attributes"] = _attributes([given[name] for name in names], names)
    return found


def _locate(found: Newcomers, given: Mapping[str, Sequence[Any]], operator: OperatorSettings) -> None:
    """Fill in country, zone and language where the row is silent, from what the number tells.

    A zone that is not certain stays unknown: quiet hours then hold for every zone of the country.
    """
    absent: list[Any] = [KEEP] * found.count
    columns = found.columns
    countries, zones, locales = (given.get(name, absent) for name in ("country", "timezone", "locale"))
    phones, home = found.addresses[CHANNELS[0]], operator.country
    columns["country"] = [
        ((phone and region_of_phone(phone)) or operator.country) if country is KEEP else country
        for country, phone in zip(countries, phones, strict=True)
    ]
    columns["timezone"] = [
        ((phone and zone_of_phone(phone)) or zone_of_country(country)) if zone is KEEP else zone
        for zone, phone, country in zip(zones, phones, columns["country"], strict=True)
    ]
    columns["locale"] = [
        locale if locale is not KEEP else operator.locale if country == home else locale_of_country(country)
        for locale, country in zip(locales, columns["country"], strict=True)
    ]


def _attributes(columns: Sequence[Sequence[Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    bare = [name.removeprefix(ATTRIBUTE) for name in names]
    return [
        {name: value for name, value in zip(bare, row, strict=True) if value is not KEEP and value is not None}
        for row in zip(*columns, strict=True)
    ]


_HASH = itemgetter(2)


def insert_newcomers(conn: sa.Connection, found: Newcomers, now: datetime) -> None:
    """Write new customers and their contact points."""
    columns = found.columns
    columns["id"] = reserve_ids(conn, customer, found.count)
    columns["draw"] = _draws(conn, found)
    insert_columns(conn, customer, columns, {"created_at": now, "updated_at": now})
    for channel in CHANNELS:
        places = zip(columns["id"], found.addresses[channel], found.hashes[channel], strict=True)
        held = sorted((place for place in places if place[2]), key=_HASH)  # the index takes sorted values fastest
        if held:
            ids, addresses, hashes = zip(*held, strict=True)
            contacts = {"customer_id": ids, "address": addresses, "address_hash": hashes}
            insert_columns(conn, contact_point, contacts, {"channel": channel, "position": 0, "updated_at": now})


def _draws(conn: sa.Connection, found: Newcomers) -> list[int]:
    """Return the household's lot of each new customer: that of whoever shares the phone or e-mail, if anyone does."""
    every = [one for channel in CHANNELS for one in found.hashes[channel] if one]
    known = draws_by_address(conn, every) if every else {}
    drawn = []
    for name, phone, email, phone_hash, email_hash in zip(
        found.columns["external_id"],
        *(found.addresses[channel] for channel in CHANNELS),
        *(found.hashes[channel] for channel in CHANNELS),
        strict=True,
    ):
        lot = known.get(phone_hash or "") or known.get(email_hash or "") or household_draw(phone or email or name)
        drawn.append(lot)
        for one in (phone_hash, email_hash):
            if one:
                known.setdefault(one, lot)
    return drawn
