"""Whether one customer, named by the id of the import, is in a segment, and why or why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.segments.book import SegmentBook
from care.segments.compile import NO_FACTS
from care.segments.explain import Verdict, explain_rule, first_failure
from care.segments.facts import Fact
from care.segments.model import Rule
from care.segments.store import STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The answer for one customer. `why_not` is None for a member."""

    member: bool
    why_not: str | None
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return the answer as plain values."""
        return {"member": self.member, "why_not": self.why_not, "rule": verdict_json(self.verdict)}


def explain_customer(
    conn: sa.Connection,
    rule: Rule,
    book: SegmentBook,
    external_id: str,
    *,
    as_of: date,
    facts: Mapping[str, Fact] = NO_FACTS,
) -> Membership | None:
    """Return whether a customer is counted in a segment on local day `as_of`; None if there is no such customer."""
    wanted = sa.select(customer.c.id, customer.c.status, customer.c.erased_at).where(
        customer.c.external_id == external_id
    )
    found = conn.execute(wanted).one_or_none()
    if found is None:
        return None
    verdict = explain_rule(conn, rule, book, found.id, as_of=as_of, facts=facts)
    why_not = _absence(found, rule, book) or first_failure(verdict)
    return Membership(member=why_not is None, why_not=why_not, verdict=verdict)


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict and its parts as plain values."""
    plain: dict[str, Any] = {"passed": verdict.passed, "kind": verdict.kind, "text": verdict.text}
    if str(verdict.place):
        plain["place"] = str(verdict.place)
    if verdict.kind == "leaf":
        plain |= {"field": verdict.field, "actual": verdict.actual, "needed": verdict.needed}
    if verdict.parts:
        plain["parts"] = [verdict_json(part) for part in verdict.parts]
    return plain


def _absence(found: Any, rule: Rule, book: SegmentBook) -> str | None:
    """Return why a rule is not even put to a customer, whose row has `status` and `erased_at`."""
    if found.erased_at is not None:
        return "the customer was erased"
    if found.status != "active" and not book.names_field(rule, STATUS):
        return f"the customer has {found.status}, and the segment does not ask about {STATUS}"
    return None
