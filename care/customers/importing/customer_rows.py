"""A batch of checked customer rows against what is stored: who is new, who is known, and who contradicts it."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from care.base.among import among
from care.base.settings import OperatorSettings
from care.customers.addresses import AddressHasher
from care.customers.changes import ATTRIBUTE
from care.customers.importing.cells import KEEP, birthday_problem
from care.customers.importing.customer_changes import (
    CHANNELS,
    NEVER_EMPTY,
    Comparison,
    Differences,
    Stored,
    write_differences,
)
from care.customers.importing.customer_inserts import insert_newcomers, newcomers
from care.customers.importing.run import Settled
from care.customers.importing.sheet import Sheet
from care.customers.tables import contact_point, customer

_BIRTH = ("birth_year", "birth_mmdd", "birth_calendar", "birth_leap")
_NOT_BORN_YET = tuple(NEVER_EMPTY.get(part) for part in _BIRTH)


def settle_customers(
    conn: sa.Connection, sheet: Sheet, *, operator: OperatorSettings, hasher: AddressHasher, now: datetime
) -> Settled:
    """Return what the batch comes to; rows that contradict what is stored are refused, and those refused before go."""
    names = [name for name in sheet.values if name in customer.c]
    empty = NEVER_EMPTY | {"country": operator.country}
    for name in empty.keys() & set(names):
        sheet.values[name] = [empty[name] if value is None else value for value in sheet.values[name]]
    stored = _load(conn, sheet, names)
    _refuse_contradictions(sheet, stored)
    sheet.drop_refused()
    fresh = [index for index, name in enumerate(sheet.values["external_id"]) if name not in stored.rows]
    new = newcomers(sheet.values, fresh, operator=operator, hasher=hasher)
    found = Differences()
    updated = 0
    if len(fresh) < len(sheet):
        compare = Comparison(sheet, names, stored, hasher, found)
        updated = sum(map(compare.differs, sorted(set(range(len(sheet))) - set(fresh))))

    def write(conn: sa.Connection) -> None:
        if new.count:
            insert_newcomers(conn, new, now)
        write_differences(conn, found, now)

    unchanged = len(sheet) - len(fresh) - updated
    return Settled(added=len(fresh), updated=updated, unchanged=unchanged, write=write)


def _load(conn: sa.Connection, sheet: Sheet, names: Sequence[str]) -> Stored:
    wanted = dict.fromkeys(
        [
            "id",
            "external_id",
            "erased_at",
            "timezone",
            *_BIRTH,
            *names,
        ]
    )
    if any(name.startswith(ATTRIBUTE) for name in sheet.values):
        wanted["attributes"] = None
    query = sa.select(*(customer.c[name] for name in wanted))
    named = [name for name in sheet.values["external_id"] if name]
    rows = conn.execute(query.where(among(customer.c.external_id, named))).mappings()
    known = {row["external_id"]: row for row in rows}
    if not known or not any(channel in sheet.values for channel in CHANNELS):
        return Stored(known, {})
    points = conn.execute(
        sa.select(contact_point)
        .join(customer, customer.c.id == contact_point.c.customer_id)
        .where(contact_point.c.position == 0, among(customer.c.external_id, list(known)))
    )
    return Stored(known, {(point.customer_id, point.channel): point for point in points})


def _refuse_contradictions(sheet: Sheet, stored: Stored) -> None:
    """Refuse rows of erased customers, and birthdays that cannot exist together with what is stored."""
    if stored.rows:
        for index, name in enumerate(sheet.values["external_id"]):
            known = stored.rows.get(name)
            if known is not None and known["erased_at"] is not None:
                sheet.refuse(index, "id", "was erased at the customer's wish and is not brought back")
    if not any(part in sheet.values for part in _BIRTH):
        return
    absent = [KEEP] * len(sheet)
    given = zip(*(sheet.values.get(part, absent) for part in _BIRTH), strict=True)
    known_rows = map(stored.rows.get, sheet.values["external_id"])
    held = (_NOT_BORN_YET if known is None else tuple(known[part] for part in _BIRTH) for known in known_rows)
    for index, problem in enumerate(map(_birthday_problem, given, held)):
        if problem and not sheet.is_refused(index, "birthday_calendar", "birthday_leap"):
            sheet.refuse(index, "birthday", problem)


@lru_cache(maxsize=50_000)
def _birthday_problem(given: tuple[Any, ...], held: tuple[Any, ...]) -> str | None:
    """Return why a birthday, given over what is stored, cannot be."""
    year, month_day, calendar, leap = (old if new is KEEP else new for old, new in zip(held, given, strict=True))
    return None if month_day is None else birthday_problem(year, month_day, calendar, leap=leap)
