"""What tickets say about a customer, asked by rules on both databases."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.customers.tables import customer
from care.customers.tickets.tables import ticket
from care.segments.book import SegmentBook
from care.segments.compile import compile_rule
from care.segments.explain import explain_rule, first_failure
from care.segments.ticket_facts import DECLARED_FIELDS, ticket_facts
from tests.factories import THEN, make_customer
from tests.segments.books import rule_of

TODAY = date(2026, 9, 25)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def people(engine):
    """One without tickets, one whose complaint is resolved, one with two open, one by the record, one with tries."""
    with write(engine) as conn:
        made = {name: make_customer(conn, external_id=name) for name in ("none", "past", "open", "tries")}
        made["record"] = make_customer(conn, external_id="record", open_complaint=True)
        rows = [
            ("past", "complaint", {"resolved_at": LATER}),
            ("past", "complaint", {"closed_at": LATER}),
            ("open", "complaint", {}),
            ("open", "repair", {}),
            ("tries", "complaint", {"is_test": True}),
        ]
        for number, (name, kind, more) in enumerate(rows):
            row = {"external_id": f"T{number}", "customer_id": made[name], "kind": kind, "as_of": THEN}
            conn.execute(sa.insert(ticket).values(row | {"updated_at": THEN} | more))
    return {number: name for name, number in made.items()}


class TestTicketFacts:
    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ("{open_tickets: {at_least: 1}}", {"open"}),
            ("{open_tickets: {equals: 2}}", {"open"}),
            ("{open_tickets: {more_than: 2}}", set()),
            ("{open_tickets: {less_than: 1}}", {"none", "past", "tries", "record"}),
            ("open_complaint", {"open", "record"}),
            ("{none: [open_complaint]}", {"none", "past", "tries"}),
            ("{open_complaint: false}", {"none", "past", "tries"}),
        ],
    )
    def test_select_whom_they_say(self, engine, people, rule, expected) -> None:
        """The predicate and the explanation agree on everybody."""
        book = SegmentBook(fields=DECLARED_FIELDS)
        parsed = rule_of(rule, fields=book.fields)
        with write(engine) as conn:
            predicate = compile_rule(parsed, book, as_of=TODAY, facts=ticket_facts())
            found = conn.execute(sa.select(customer.c.id).where(predicate)).scalars().all()
            told = {
                name
                for number, name in people.items()
                if first_failure(explain_rule(conn, parsed, book, number, as_of=TODAY, facts=ticket_facts())) is None
            }
        assert {people[number] for number in found} == expected
        assert told == expected
