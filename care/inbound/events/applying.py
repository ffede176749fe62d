"""What events do to tickets: a batch of them, read and written together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from care.base.settings import Settings
from care.customers.addresses import AddressError, AddressHasher, normalise_phone
from care.customers.tickets import store as tickets
from care.customers.tickets.book import Held, Owner, TicketBook
from care.customers.tickets.model import ATTRIBUTE, TEST_WORD, TEXT_WORDS, TIME_WORDS, Deed, Fact, TicketRules
from care.customers.tickets.rules import was_resolved_by
from care.customers.tickets.settings import ticket_rules
from care.inbound.events import store
from care.inbound.events.model import EventState, EventType

US: Final = "care"
"""Who `data.by` names where we caused it ourselves."""
_ECHO_WORDS: Final = {"by": "echo"}
_OUR_WORDS: Final = {"by": US}
_DEEDS: Final[Mapping[str, Deed]] = {
    EventType.OPENED: Deed.TOLD,
    EventType.RESOLVED: Deed.RESOLVED,
    EventType.REOPENED: Deed.REOPENED,
    EventType.INSTALLED: Deed.RESOLVED,
}
_NOT_WORDS: Final = {"by", "webhook_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """What working on events needs."""

    tickets: TicketRules
    hasher: AddressHasher
    country: str  # of numbers whose customer has none


def event_rules(settings: Settings, hasher: AddressHasher) -> EventRules:
    """Return the rules of an operator."""
    return EventRules(tickets=ticket_rules(settings.tickets), hasher=hasher, country=settings.operator.country)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event; `problem` says why it waits, changed nothing, or what of it could not be used."""

    state: EventState
    problem: str | None = None


def apply_events(conn: sa.Connection, rows: Sequence[sa.Row[Any]], rules: EventRules, now: datetime) -> list[Verdict]:
    """Do to tickets what events say and return what became of each event. The caller has the turn to write tickets."""
    subjects = {row.subject for row in rows}
    desk = _Desk(
        book=TicketBook(conn, subjects, rules=rules.tickets, hasher=rules.hasher, now=now),
        owners=tickets.find_owners(conn, {row.customer for row in rows if row.customer}),
        issued=store.issued_by_us(conn, {one for row in rows for one in (row.external_id, _webhook_of(row)) if one}),
        country=rules.country,
    )
    verdicts = [desk.apply(row) for row in rows]
    desk.book.write(conn)
    return verdicts


def reopen_ourselves(conn: sa.Connection, ticket: str, *, at: datetime, rules: EventRules, now: datetime) -> bool:
    """Open a ticket again because its customer said so; return whether it had been resolved.

    When the ticket system tells us of it later, that changes nothing.
    """
    tickets.take_turn(conn)
    book = TicketBook(conn, [ticket], rules=rules.tickets, hasher=rules.hasher, now=now)
    held = book.get(ticket)
    if held is None or held.ticket is None or held.ticket.resolved_at is None:
        return False
    book.tell(ticket, held.owner, [Fact(at=at, deed=Deed.REOPENED, words=_OUR_WORDS)])
    book.write(conn)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    book: TicketBook
    owners: Mapping[str, sa.RowMapping]
    issued: Mapping[str, datetime]  # webhooks of ours, and when we decided them
    country: str

    def apply(self, row: sa.Row[Any]) -> Verdict:
        """Do what one event says."""
        held = self.book.get(row.subject)
        found = self._end(row, held) or self._owner(row, held)
        if isinstance(found, Verdict):
            return found
        owner, country = found
        deed = _DEEDS[row.type]
        if deed is Deed.REOPENED and not (held and was_resolved_by(held.facts, row.at)):
            return Verdict(EventState.WAITING, "no resolution before it is known: it waits for ticket.resolved")
        fact, problem = _fact(row, deed, country)
        as_of = held.ticket.as_of if held and held.ticket else None
        if self.book.tell(row.subject, owner, [fact]):
            return Verdict(EventState.DONE, problem)
        if as_of is not None and row.at < as_of:
            return Verdict(EventState.STALE, f"changes nothing: newer news, of {as_of:%Y-%m-%d %H:%M} UTC, had come")
        known = "the ticket was resolved already" if deed is Deed.RESOLVED else "it was known already"
        return Verdict(EventState.DONE, f"changes nothing: {known}")

    def _end(self, row: sa.Row[Any], held: Held | None) -> Verdict | None:
        """Return what becomes of news that nobody may keep, and of our own doing; None: it is news to act on."""
        known = self.owners.get(row.customer) if row.customer else held.row if held else None
        if known is not None and known["erased_at"] is not None:
            return Verdict(EventState.REFUSED, "the customer was erased: nothing more is kept of their tickets")
        ours = self.issued.get(row.external_id) or self.issued.get(_webhook_of(row) or "")
        return self._hear_echo(row, held, ours) if ours or row.data.get("by") == US else None

    def _owner(self, row: sa.Row[Any], held: Held | None) -> "tuple[Owner, str] | Verdict":
        if held is not None and held.row is not None and row.customer in (None, held.row["customer"]):
            return held.owner, held.row["country"] or self.country
        if row.customer is None:
            if held is not None:
                return held.owner, self.country
            return Verdict(EventState.WAITING, "the ticket is not known, and the event names no customer")
        found = self.owners.get(row.customer)
        if found is None:
            return Verdict(EventState.WAITING, "the customer is not known: it is tried again when they are imported")
        owner = Owner(id=found["id"], customer_type=found["customer_type"])
        if held is not None and held.owner.id != owner.id:
            return Verdict(EventState.REFUSED, "the ticket belongs to another customer; an import can move it")
        return owner, found["country"] or self.country

    def _hear_echo(self, row: sa.Row[Any], held: Held | None, decided_at: datetime | None) -> Verdict:
        """Take the ticket system's word that it did what we asked: nothing to act on.

        Only where our own reopening was not noted here, it is noted now, as of when we decided it.
        """
        known = Verdict(EventState.DONE, "our own doing came back: nothing to act on")
        if row.type != EventType.REOPENED or held is None or held.ticket is None:
            return known
        noted = any(fact.words.get("by") == US for fact in held.facts)
        if not noted and held.ticket.resolved_at is not None:
            at = decided_at or row.at
            self.book.tell(row.subject, held.owner, [Fact(at=at, deed=Deed.REOPENED, words=_ECHO_WORDS)])
        return known


def _webhook_of(row: sa.Row[Any]) -> str | None:
    found = row.data.get("webhook_id")
    return str(found) if found else None


def _fact(row: sa.Row[Any], deed: Deed, country: str) -> tuple[Fact, str | None]:
    """Return an event as a fact, and what of it could not be used."""
    words: dict[str, Any] = {}
    for name, word in row.data.items():
        if name in TIME_WORDS:
            words[name] = datetime.fromisoformat(word)
        elif name in TEXT_WORDS or name == TEST_WORD:
            words[name] = word
        elif name not in _NOT_WORDS:
            words[ATTRIBUTE + name] = word
    if row.type == EventType.OPENED:
        words.setdefault("opened_at", row.at)
    if row.type == EventType.INSTALLED:
        words.setdefault("kind", "installation")
    problem = None
    if words.get("contact_phone"):
        try:
            words["contact_phone"] = normalise_phone(words["contact_phone"], country)
        except AddressError as error:
            del words["contact_phone"]
            problem = f"contact_phone left out: {error}"
    return Fact(at=row.at, deed=deed, words=words), problem
