"""Who is in a segment today: counted, and sampled."""

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa

from care.base.ids import MERSENNE_31, group_line
from care.customers.tables import customer
from care.segments.book import SegmentBook
from care.segments.compile import NO_FACTS, Predicate, compile_rule
from care.segments.facts import Fact
from care.segments.model import Rule

STATUS = "status"


def present_customers(rule: Rule, book: SegmentBook) -> Predicate:
    """Return whom a rule is put to: nobody erased, and those who have left only if the rule asks about `status`."""
    present = customer.c.erased_at.is_(None)
    if book.names_field(rule, STATUS):
        return present
    return sa.and_(present, customer.c.status == "active")


def members(
    rule: Rule,
    book: SegmentBook,
    *,
    as_of: date,
    facts: Mapping[str, Fact] = NO_FACTS,
) -> sa.Select[tuple[int]]:
    """Return the SELECT of the customer ids a rule selects among all who are present."""
    predicate = compile_rule(rule, book, as_of=as_of, facts=facts, whole=True)
    return sa.select(customer.c.id).where(present_customers(rule, book), predicate)


def count_members(
    conn: sa.Connection,
    rule: Rule,
    book: SegmentBook,
    *,
    as_of: date,
    facts: Mapping[str, Fact] = NO_FACTS,
) -> int:
    """Return how many customers a rule selects on local day `as_of`."""
    selected = members(rule, book, as_of=as_of, facts=facts)
    return conn.execute(selected.with_only_columns(sa.func.count())).scalar_one()


def sample_members(
    conn: sa.Connection,
    rule: Rule,
    book: SegmentBook,
    *,
    as_of: date,
    size: int,
    facts: Mapping[str, Fact] = NO_FACTS,
) -> list[str]:
    """Return the external ids of `size` members drawn by lot; the same day draws the same ones."""
    a, b = group_line(f"sample:{as_of.isoformat()}")
    lot = (sa.cast(customer.c.draw, sa.BigInteger) * a + b) % MERSENNE_31
    selected = members(rule, book, as_of=as_of, facts=facts)
    drawn = selected.with_only_columns(customer.c.external_id).order_by(lot, customer.c.id).limit(size)
    return list(conn.execute(drawn).scalars())
