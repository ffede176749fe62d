"""A rule becomes one SQL predicate over `customer`: bound values only, the same on SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from care.customers.tables import contact_point, customer, subscription
from care.segments.book import SegmentBook
from care.segments.conditions import Condition, Test, condition_of
from care.segments.facts import Fact
from care.segments.fields import TOP_PERCENT, Field, Kind, Source
from care.segments.model import Group, Leaf, Rule, SegmentRef, Share, band_key
from care.segments.sources import attribute, customer_value_of, position_in, text_number
from care.segments.tables import customer_value, segment_member

Predicate = sa.ColumnElement[bool]
NO_FACTS: Mapping[str, Fact] = MappingProxyType({})

_COSTS = (Source.CUSTOMER, Source.ATTRIBUTE, Source.CONTACT, Source.SUBSCRIPTION, Source.FACT)  # cheapest first

_TESTS: Mapping[Test, Callable[[sa.ColumnElement[Any], Any], Predicate]] = MappingProxyType(
    {
        Test.IS: lambda column, value: column.is_(value),
        Test.EQUAL: lambda column, value: column == value,
        Test.AT_LEAST: lambda column, value: column >= value,
        Test.AT_MOST: lambda column, value: column <= value,
        Test.MORE: lambda column, value: column > value,
        Test.LESS: lambda column, value: column < value,
        Test.IN: lambda column, value: column.in_(value),
        Test.CONTAINS: lambda column, value: position_in(column, value) > 0,
        Test.BETWEEN: lambda column, value: column.between(*value),
    }
)


def compile_rule(
    rule: Rule,
    book: SegmentBook,
    *,
    as_of: date,
    facts: Mapping[str, Fact] = NO_FACTS,
    definite: bool = False,
    whole: bool = False,
) -> Predicate:
    """Return the predicate over `customer` that is true for those a rule selects on local day `as_of`.

    A missing value passes no comparison, so it passes `none`. The predicate may be NULL where it is not true, which
    a WHERE reads as no; ask for `definite` to put NOT before it. Ask for `whole` when nearly every customer will be
    tested: ranks are then gathered once instead of looked up for each, on PostgreSQL by all its workers.
    """
    return _Compiler(book=book, as_of=as_of, facts=facts, whole=whole).rule(rule, definite=definite)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiler:
    book: SegmentBook
    as_of: date
    facts: Mapping[str, Fact]
    whole: bool

    def rule(self, rule: Rule, *, definite: bool) -> Predicate:
        if isinstance(rule, Leaf):
            return self.leaf(rule, definite=definite)
        if isinstance(rule, SegmentRef):
            return self.rule(self.book.rule(rule.name), definite=definite)
        return self.group(rule, definite=definite)

    def group(self, group: Group, *, definite: bool) -> Predicate:
        ordered = sorted(group.parts, key=self.cost)
        if group.kind == "none":
            return sa.not_(sa.or_(sa.false(), *(self.rule(part, definite=True) for part in ordered)))
        parts = [self.rule(part, definite=definite) for part in ordered]
        return sa.and_(sa.true(), *parts) if group.kind == "all" else sa.or_(sa.false(), *parts)

    def cost(self, rule: Rule) -> int:
        """Return how dear the dearest leaf is: databases test in the order written, so the cheap go first."""
        return max((self._leaf_cost(leaf) for leaf in self.book.leaves(rule)), default=0)

    def _leaf_cost(self, leaf: Leaf) -> int:
        field = self.book.fields.get(leaf.field)
        assert field is not None, f"{leaf.field} was checked when it was read"
        if leaf.operator == TOP_PERCENT:
            return len(_COSTS)
        return _COSTS.index(field.source)

    def leaf(self, leaf: Leaf, *, definite: bool) -> Predicate:
        field = self.book.fields.get(leaf.field)
        assert field is not None, f"{leaf.field} was checked when it was read"
        if leaf.operator == TOP_PERCENT:
            return ranked_within(field.name, leaf.value, whole=self.whole)
        if field.source is Source.FACT:
            return self.facts[field.name].predicate(leaf.operator, leaf.value, self.as_of)
        condition = condition_of(leaf, field, as_of=self.as_of)
        if field.source is Source.SUBSCRIPTION:
            return self.subscription(condition)
        if field.source is Source.CONTACT:
            return _has_contact(condition)
        return _compare(_stored(condition), condition, definite=definite)

    def subscription(self, condition: Condition) -> Predicate:
        """Any subscription passes; those that have ended only where the end itself is asked about."""
        tests = [
            subscription.c.customer_id == customer.c.id,
            _compare(subscription.c[condition.field.column], condition, definite=False),
        ]
        if condition.field.column != subscription.c.ends_on.name:
            tests.append(sa.or_(subscription.c.ends_on.is_(None), subscription.c.ends_on >= self.as_of))
        return sa.exists().where(*tests).correlate(customer)


def _has_contact(condition: Condition) -> Predicate:
    has = (
        sa.exists()
        .where(contact_point.c.customer_id == customer.c.id, contact_point.c.channel == condition.field.column)
        .correlate(customer)
    )
    return has if condition.value else sa.not_(has)


def _stored(condition: Condition) -> sa.ColumnElement[Any]:
    field: Field = condition.field
    if field.source is not Source.ATTRIBUTE:
        return customer_value_of(field.column)
    text = attribute(field.column)
    first = condition.value[0] if condition.test is Test.IN else condition.value
    return text_number(text) if isinstance(first, float) else text


def _compare(column: sa.ColumnElement[Any], condition: Condition, *, definite: bool) -> Predicate:
    test = _TESTS[condition.test](column, condition.value)
    if not definite or condition.field.kind is Kind.TRUTH:
        return test
    return sa.and_(column.is_not(None), test)


def ranked_within(measure: str, share: Share, *, whole: bool = False) -> Predicate:
    """Return whether a customer ranks in the top share, or was in and has not fallen below the share for leaving.

    The two ways in are asked apart, without a subquery in a subquery: only such ones does PostgreSQL turn into a
    hash when many customers are tested, and SQLite answers the first from the index alone.
    """
    value, member = customer_value.c, segment_member.c
    ways = [sa.select(value.customer_id).where(value.measure == measure, value.percent <= share.enter)]
    if share.leave > share.enter:
        was_in = sa.and_(member.segment == band_key(measure, share), member.customer_id == value.customer_id)
        between = sa.and_(value.percent > share.enter, value.percent <= share.leave)
        stays = sa.select(value.customer_id).select_from(customer_value.join(segment_member, was_in))
        ways.append(stays.where(value.measure == measure, between))
    if whole:
        return customer.c.id.in_(sa.union_all(*ways) if len(ways) > 1 else ways[0])
    return sa.or_(*(way.where(value.customer_id == customer.c.id).correlate(customer).exists() for way in ways))
