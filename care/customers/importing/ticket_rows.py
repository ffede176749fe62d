"""A batch of checked ticket rows against what is stored."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.customers.addresses import AddressError, AddressHasher, normalise_phone
from care.customers.importing.cells import KEEP
from care.customers.importing.run import Settled
from care.customers.importing.sheet import Sheet
from care.customers.tickets import store
from care.customers.tickets.book import Owner, TicketBook
from care.customers.tickets.model import Deed, Fact, TicketRules

_UNKNOWN = "is not known. Import the customers first"
_ERASED = "was erased at the customer's wish: nothing more is kept of their tickets"
_NO_WORDS = {"id", "customer", "resolved_at", "reopened_at"}


def settle_tickets(
    conn: sa.Connection, sheet: Sheet, *, rules: TicketRules, hasher: AddressHasher, country: str, now: datetime
) -> Settled:
    """Tell the stored tickets what the rows say; `country` is that of numbers whose customer has none."""
    store.take_turn(conn)
    values = sheet.values
    book = TicketBook(conn, [name for name in values["id"] if name], rules=rules, hasher=hasher, now=now)
    owners = store.find_owners(conn, sorted({name for name in values.get("customer", ()) if isinstance(name, str)}))
    settled = Settled(write=book.write)
    for index, external_id in enumerate(values["id"]):
        held = book.get(external_id)
        given = values["customer"][index] if "customer" in values else KEEP
        if given is KEEP and held is not None and held.row is not None:
            known, owner = held.row, held.owner
        elif isinstance(given, str) and given in owners:
            known = owners[given]
            owner = Owner(id=known["id"], customer_type=known["customer_type"])
        else:
            _refuse_stranger(sheet, index, given)
            continue
        if known["erased_at"] is not None:
            sheet.refuse(index, "customer", _ERASED)
            continue
        try:
            told = _facts(sheet, index, known["country"] or country, now)
        except AddressError as error:
            sheet.refuse(index, "contact_phone", str(error))
        if not sheet.is_refused(index) and book.tell(external_id, owner, told):
            settled.added += held is None
            settled.updated += held is not None
    sheet.drop_refused()
    settled.unchanged = len(sheet) - settled.added - settled.updated
    return settled


def _refuse_stranger(sheet: Sheet, index: int, given: Any) -> None:
    if isinstance(given, str):
        sheet.refuse(index, "customer", _UNKNOWN)
    elif not sheet.is_refused(index, "id"):  # a known id would need no customer
        sheet.refuse(index, "customer", "is missing")


def _facts(sheet: Sheet, index: int, region: str, now: datetime) -> list[Fact]:
    """Return what a row says: when it was resolved and opened again, and its words, as of the newest of these.

    Raises:
        AddressError: nobody can have the reporter's number.
    """
    row = {name: column[index] for name, column in sheet.values.items() if column[index] is not KEEP}
    words: dict[str, Any] = {name: word for name, word in row.items() if name not in _NO_WORDS}
    if words.get("contact_phone"):
        words["contact_phone"] = normalise_phone(words["contact_phone"], region)
    deeds = [(Deed.RESOLVED, row.get("resolved_at")), (Deed.REOPENED, row.get("reopened_at"))]
    facts = [Fact(at=at, deed=deed) for deed, at in deeds if at]
    at = max((fact.at for fact in facts), default=words.get("first_response_at") or words.get("opened_at") or now)
    return [*facts, Fact(at=at, deed=Deed.LISTED, words=words)]
