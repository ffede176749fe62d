"""Why a customer is, or is not, in a segment: a verdict for every part of its rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from care.customers.tables import contact_point, customer, subscription
from care.segments.book import SegmentBook
from care.segments.compile import NO_FACTS
from care.segments.evaluate import Profile, passes
from care.segments.facts import Fact
from care.segments.fields import Source
from care.segments.model import Group, Leaf, Place, Rule, SegmentRef
from care.segments.tables import customer_value, segment_member
from care.segments.wording import Statement, fact_statement, statement_of

NO_OVERRIDES: Mapping[str, Any] = MappingProxyType({})
_MOST_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one part of a rule came out for one customer.

    `kind` is `leaf`, `segment`, `all`, `any` or `none`; `text` says what is the case: `tenure_years 3.2 < 5`.
    Leaves have `field`, `actual` and `needed` as words; the others have `parts`.
    """

    passed: bool
    kind: str
    text: str
    place: Place
    field: str = ""
    actual: str = ""
    needed: str = ""
    parts: "tuple[Verdict, ...]" = ()


def explain_rule(
    conn: sa.Connection,
    rule: Rule,
    book: SegmentBook,
    customer_id: int,
    *,
    as_of: date,
    facts: Mapping[str, Fact] = NO_FACTS,
    overrides: Mapping[str, Any] = NO_OVERRIDES,
) -> Verdict:
    """Return the verdict on each part of a rule for a customer on local day `as_of`.

    `overrides` replace columns of `customer`, as change rows tell they were on a past day; subscriptions, contact
    points, ranks and facts are taken as they are now.

    Raises:
        LookupError: there is no such customer.
    """
    profile = load_profile(conn, customer_id, overrides=overrides)
    return _Explainer(conn=conn, book=book, profile=profile, as_of=as_of, facts=facts).verdict(rule)


def load_profile(conn: sa.Connection, customer_id: int, *, overrides: Mapping[str, Any] = NO_OVERRIDES) -> Profile:
    """Return what rules may ask about one customer.

    Raises:
        LookupError: there is no such customer.
    """
    row = conn.execute(sa.select(customer).where(customer.c.id == customer_id)).mappings().one_or_none()
    if row is None:
        raise LookupError(f"no customer has the id {customer_id}")
    terms = sa.select(subscription).where(subscription.c.customer_id == customer_id).order_by(subscription.c.id)
    channels = sa.select(contact_point.c.channel).where(contact_point.c.customer_id == customer_id)
    ranks = sa.select(customer_value.c.measure, customer_value.c.percent).where(
        customer_value.c.customer_id == customer_id
    )
    bands = sa.select(segment_member.c.segment).where(segment_member.c.customer_id == customer_id)
    return Profile(
        row={**row, **overrides},
        subscriptions=tuple(dict(term) for term in conn.execute(terms).mappings()),
        channels=frozenset(conn.execute(channels).scalars()),
        percents={rank.measure: rank.percent for rank in conn.execute(ranks)},
        bands=frozenset(conn.execute(bands).scalars()),
    )


def first_failure(verdict: Verdict) -> str | None:
    """Return why the rule does not hold, `tenure_years 3.2 < 5 (segments.yaml:12)`; None if it holds.

    Where one of several would have been enough, each is named.
    """
    return None if verdict.passed else "; ".join(_reasons(verdict))


def _reasons(verdict: Verdict) -> list[str]:
    """Return the statements that decided a part: one where one was enough, else every one."""
    if verdict.kind == "leaf":
        place = f" ({verdict.place})" if str(verdict.place) else ""
        return [f"{verdict.text}{place}"]
    deciding = verdict.passed is not (verdict.kind == "none")
    telling = [part for part in verdict.parts if part.passed is deciding]
    if verdict.passed is (verdict.kind == "any"):
        telling = telling[:1]
    if verdict.kind == "none" and not verdict.passed:
        return [_exclusion(telling[0])]
    reasons = [reason for part in telling for reason in _reasons(part)]
    left = len(reasons) - _MOST_REASONS
    return reasons if left <= 1 else [*reasons[:_MOST_REASONS], f"and {left} more"]


def _exclusion(part: Verdict) -> str:
    """Return which part of a `none` holds; without the word, what holds would read like a condition that is met."""
    name = f"{part.text}, as " if part.kind == "segment" else ""
    return f"excluded by none: {name}{' and '.join(_reasons(part))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explainer:
    conn: sa.Connection
    book: SegmentBook
    profile: Profile
    as_of: date
    facts: Mapping[str, Fact]

    def verdict(self, rule: Rule) -> Verdict:
        if isinstance(rule, Leaf):
            return self.leaf(rule)
        if isinstance(rule, SegmentRef):
            inner = self.verdict(self.book.rule(rule.name))
            return Verdict(passed=inner.passed, kind="segment", text=rule.name, place=rule.place, parts=(inner,))
        return self.group(rule)

    def group(self, group: Group) -> Verdict:
        parts = tuple(self.verdict(part) for part in group.parts)
        outcomes = [part.passed for part in parts]
        passed = {"all": all(outcomes), "any": any(outcomes), "none": not any(outcomes)}[group.kind]
        words = f"{group.kind} of" if parts else "everyone"
        return Verdict(passed=passed, kind=group.kind, text=words, place=group.place, parts=parts)

    def leaf(self, leaf: Leaf) -> Verdict:
        field = self.book.fields.get(leaf.field)
        assert field is not None, f"{leaf.field} was checked when it was read"
        if field.source is Source.FACT:
            passed = self.ask(self.facts[field.name], leaf)
            statement: Statement = fact_statement(leaf, passed=passed)
        else:
            passed = passes(leaf, field, self.profile, as_of=self.as_of)
            digits = self.book.fields.minor_digits
            statement = statement_of(leaf, field, self.profile, passed=passed, as_of=self.as_of, minor_digits=digits)
        return Verdict(
            passed=passed,
            kind="leaf",
            text=statement.text,
            place=leaf.place,
            field=leaf.field,
            actual=statement.actual,
            needed=statement.needed,
        )

    def ask(self, fact: Fact, leaf: Leaf) -> bool:
        holds = fact.predicate(leaf.operator, leaf.value, self.as_of)
        question = sa.select(customer.c.id).where(customer.c.id == self.profile.row["id"], holds)
        return self.conn.execute(question).first() is not None
