"""Tickets in hand: read together, told new facts, written back together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.base.database import from_micros, to_micros
from care.base.vocabulary import Channel
from care.customers.addresses import AddressHasher
from care.customers.tickets import store
from care.customers.tickets.model import (
    ATTRIBUTE,
    TEST_WORD,
    TEXT_WORDS,
    TIME_WORDS,
    Deed,
    Fact,
    Kept,
    Resolution,
    Ticket,
    TicketRules,
)
from care.customers.tickets.rules import fold, joined, key_of, numbered, says_the_same


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The customer of a ticket."""

    id: int
    customer_type: str | None


@dataclass(slots=True, kw_only=True)
class Held:
    """One ticket in hand. `row` is None until it is written down for the first time."""

    external_id: str
    owner: Owner
    row: sa.RowMapping | None = None
    resolutions: list[sa.RowMapping] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    ticket: Ticket | None = None  # what the facts come to; None before the first
    is_changed: bool = False


class TicketBook:
    """Some tickets within one writing transaction, whose turn to write them it is."""

    def __init__(
        self,
        conn: sa.Connection,
        external_ids: Collection[str],
        *,
        rules: TicketRules,
        hasher: AddressHasher,
        now: datetime,
    ) -> None:
        """Read what is stored of them."""
        self._rules, self._hasher, self._now = rules, hasher, now
        self._held: dict[str, Held] = {}
        rows = store.find_tickets(conn, external_ids)
        of_ticket: dict[int, list[sa.RowMapping]] = {row["id"]: [] for row in rows.values()}
        for one in store.find_resolutions(conn, list(of_ticket)):
            of_ticket[one["ticket_id"]].append(one)
        for name, row in rows.items():
            self._held[name] = self._taken_up(name, row, of_ticket[row["id"]])

    def get(self, external_id: str) -> Held | None:
        """Return a ticket in hand, None if nobody has told of it."""
        return self._held.get(external_id)

    def tell(self, external_id: str, owner: Owner, told: Iterable[Fact]) -> bool:
        """Add facts to a ticket and return whether it says anything else after them.

        Facts that show nothing now are kept too, as they may count with others that are still to come.
        """
        held = self._held.get(external_id) or Held(external_id=external_id, owner=owner)
        fresh, known = list(told), {key_of(fact) for fact in held.facts}
        facts = joined(held.facts, fresh)
        is_moved = held.owner != owner
        if not is_moved and {key_of(fact) for fact in facts} == known:
            return False
        after = fold(facts, self._rules, owner.customer_type)
        shows = is_moved or held.ticket is None or not says_the_same(held.ticket, after)
        if not shows and all(fact.deed is Deed.LISTED for fact in fresh):
            return False
        held.facts, held.ticket, held.owner, held.is_changed = facts, after, owner, True
        self._held[external_id] = held
        return shows

    def write(self, conn: sa.Connection) -> None:
        """Write what has changed."""
        changed = [held for held in self._held.values() if held.is_changed]
        rows = {held.external_id: self._row(held) for held in changed}
        ids = store.insert_tickets(conn, [rows[held.external_id] for held in changed if held.row is None])
        ids |= {held.external_id: held.row["id"] for held in changed if held.row is not None}
        stored = {held.row["id"]: rows[held.external_id] for held in changed if held.row is not None}
        store.update_tickets(conn, stored)
        self._write_resolutions(conn, changed, ids)

    def _write_resolutions(self, conn: sa.Connection, changed: Sequence[Held], ids: Mapping[str, int]) -> None:
        made: list[dict[str, Any]] = []
        corrected: dict[int, dict[str, Any]] = {}
        gone: list[int] = []
        for held in changed:
            wanted = {row["n"]: row for row in self._resolution_rows(held, ids[held.external_id])}
            for one in held.resolutions:
                row = wanted.pop(one["n"], None)
                if one["followed_up_at"] is not None:
                    continue
                if row is None:
                    gone.append(one["id"])
                elif any(one[name] != value for name, value in row.items() if name != "recorded_at"):
                    corrected[one["id"]] = row
            made += wanted.values()
        store.update_resolutions(conn, corrected)
        if gone:
            store.delete_resolutions(conn, gone)
        store.insert_resolutions(conn, made)

    def _resolution_rows(self, held: Held, ticket_id: int) -> list[dict[str, Any]]:
        assert held.ticket is not None
        kept = [
            Kept(n=one["n"], resolved_at=one["resolved_at"], is_taken=one["followed_up_at"] is not None)
            for one in held.resolutions
        ]
        parts = numbered(held.ticket.resolutions, kept)
        return [self._resolution_row(held, ticket_id, n, part) for n, part in parts]

    def _resolution_row(self, held: Held, ticket_id: int, n: int, part: Resolution) -> dict[str, Any]:
        names = ("resolved_at", "opened_at", "first_call_at", "first_response_at")
        words = ("kind", "severity", "staff", "area", "parent", "result", "is_test")
        return {
            "external_id": f"{held.external_id}:r{n}",
            "ticket_id": ticket_id,
            "customer_id": held.owner.id,
            "n": n,
            **{name: getattr(part, name) for name in (*names, *words)},
            "address_hash": self._hash(part.contact_phone),
            "recorded_at": self._now,
        }

    def _row(self, held: Held) -> dict[str, Any]:
        ticket = held.ticket
        assert ticket is not None
        words = ticket.words
        attributes = {name.removeprefix(ATTRIBUTE): word for name, word in words.items() if name.startswith(ATTRIBUTE)}
        return {
            "external_id": held.external_id,
            "customer_id": held.owner.id,
            **{name: words.get(name) for name in (*TEXT_WORDS, *TIME_WORDS)},
            "kind": ticket.kind,
            "contact_hash": self._hash(words.get("contact_phone")),
            "is_test": ticket.is_test,
            "resolved_at": ticket.resolved_at,
            "reopened_at": ticket.reopened_at,
            "resolutions": max(len(ticket.resolutions), max((one["n"] for one in held.resolutions), default=0)),
            "attributes": {name: word for name, word in attributes.items() if word is not None},
            "history": [_as_stored(fact) for fact in held.facts],
            "as_of": ticket.as_of,
            "updated_at": self._now,
        }

    def _hash(self, phone: str | None) -> str | None:
        return self._hasher.hash(Channel.SMS, phone) if phone else None

    def _taken_up(self, name: str, row: sa.RowMapping, resolutions: list[sa.RowMapping]) -> Held:
        owner = Owner(id=row["customer_id"], customer_type=row["customer_type"])
        facts = joined(_facts_of(row, resolutions), [_from_stored(one) for one in row["history"]])
        ticket = fold(facts, self._rules, owner.customer_type)
        return Held(external_id=name, owner=owner, row=row, resolutions=resolutions, facts=facts, ticket=ticket)


def _facts_of(row: sa.RowMapping, resolutions: Sequence[sa.RowMapping]) -> list[Fact]:
    """Return what the columns of a ticket say that its history does not: whoever wrote them kept none."""
    told = {(one["deed"], one["at"]) for one in row["history"]}
    moments = [(Deed.RESOLVED, one["resolved_at"]) for one in resolutions]
    moments += [(Deed.RESOLVED, row["resolved_at"]), (Deed.REOPENED, row["reopened_at"])]
    facts = [Fact(at=at, deed=deed) for deed, at in moments if at and (str(deed), to_micros(at)) not in told]
    if not told:
        words = {name: row[name] for name in (*TEXT_WORDS, *TIME_WORDS) if row[name] is not None}
        attributes = {ATTRIBUTE + name: word for name, word in row["attributes"].items()}
        test = {TEST_WORD: True} if row["is_test"] else {}
        facts.append(Fact(at=row["as_of"], words={**words, **attributes, **test}))
    return facts


def _as_stored(fact: Fact) -> dict[str, Any]:
    words = {name: to_micros(word) if isinstance(word, datetime) else word for name, word in fact.words.items()}
    return {"at": to_micros(fact.at), "deed": str(fact.deed), "words": words}


def _from_stored(one: Mapping[str, Any]) -> Fact:
    words = {
        name: from_micros(word) if name in TIME_WORDS and word is not None else word
        for name, word in one["words"].items()
    }
    return Fact(at=from_micros(one["at"]), deed=Deed(one["deed"]), words=words)
