"""One predicate, the same on both databases."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer, subscription
from care.segments.book import SegmentBook
from care.segments.compile import compile_rule
from care.segments.facts import fact_field
from care.segments.fields import STANDARD, STANDARD_FIELDS, Field, Kind, attribute_field
from care.segments.literals import read_value
from care.segments.model import Leaf, Share
from tests.factories import make_customer, make_subscription
from tests.segments.books import book_of, rule_of

TODAY = date(2026, 9, 25)
_SAMPLES: dict[Kind, Any] = {
    Kind.TRUTH: True,
    Kind.TEXT: "north",
    Kind.NUMBER: 40_000,
    Kind.MONEY: 10**15,
    Kind.DAY: "2026-09-25",
    Kind.YEARS: 150,
    Kind.MONTHS: 1800,
    Kind.AGE: 150,
    Kind.FREE: 12.5,
}


def selected(conn: sa.Connection, text: str, book: SegmentBook | None = None) -> list[int]:
    """Return the ids that the rule in a text selects."""
    book = book or SegmentBook()
    rule = rule_of(text, fields=book.fields, segments=tuple(book.names))
    predicate = compile_rule(rule, book, as_of=TODAY)
    return list(conn.execute(sa.select(customer.c.id).where(predicate).order_by(customer.c.id)).scalars())


def every_comparison() -> Iterator[Leaf]:
    """Return one leaf for each field and operator, with the largest value that a rule may write."""
    free = attribute_field("attributes.grade")
    assert free is not None
    for field in (*STANDARD, free):
        for operator in field.allowed:
            yield Leaf(field=field.name, operator=operator, value=_written(field, operator))


def _written(field: Field, operator: str) -> Any:
    if operator == "top_percent":
        return Share(enter=20, leave=25)
    if operator == "is":
        return True
    sample: Any = field.choices[0] if field.choices else _SAMPLES[field.kind]
    node = {"one_of": [sample], "contains": "%", "within_next": "9d", "within_last": "3660d"}.get(operator, sample)
    return read_value(node, field, operator, minor_digits=2)


class TestEveryFieldAndOperator:
    @pytest.mark.parametrize("definite", [False, True])
    @pytest.mark.parametrize("whole", [False, True])
    def test_is_understood(self, engine, definite, whole) -> None:
        """Both databases take each comparison, plain and definite, with ranks looked up and gathered."""
        with read(engine) as conn:
            for leaf in every_comparison():
                predicate = compile_rule(leaf, SegmentBook(), as_of=TODAY, definite=definite, whole=whole)
                assert conn.execute(sa.select(customer.c.id).where(predicate)).all() == [], leaf


class TestCompileRule:
    def test_binds_every_value(self) -> None:
        """No word of a rule becomes part of the statement."""
        evil = "x'; DROP TABLE customer; --"
        rule = rule_of(f'{{area: {{contains: "{evil}"}}, attributes.grade: {{equals: "{evil}"}}}}')

        assert "DROP" not in str(compile_rule(rule, SegmentBook(), as_of=TODAY))

    def test_finds_signs_that_patterns_would_take_for_wildcards(self, engine) -> None:
        """`contains` looks for the text itself, in its own case."""
        with write(engine) as conn:
            made = [make_customer(conn, area=area) for area in ("a%b", "axb", "A%B", "a_b", None)]

            assert selected(conn, '{area: {contains: "a%"}}') == [made[0]]
            assert selected(conn, "{area: {contains: _}}") == [made[3]]
            assert selected(conn, "{area: {contains: b}}") == [made[0], made[1], made[3]]

    def test_lets_a_missing_value_pass_nothing_but_none(self, engine) -> None:
        """Not knowing the tier is not being gold."""
        with write(engine) as conn:
            gold, unknown = make_customer(conn, tier="gold"), make_customer(conn, tier=None)

            assert selected(conn, "{tier: {equals: gold}}") == [gold]
            assert selected(conn, "{none: [{tier: {equals: gold}}]}") == [unknown]
            assert selected(conn, "{none: [{none: [{tier: {equals: gold}}]}]}") == [gold]

    def test_counts_years_to_the_anniversary(self, engine) -> None:
        """At five years on the day; more than five from the day after."""
        with write(engine) as conn:
            joined = [date(2021, 9, 24), date(2021, 9, 25), date(2021, 9, 26), None]
            before, on, after, _unknown = [make_customer(conn, joined_on=day) for day in joined]

            assert selected(conn, "{tenure_years: {at_least: 5}}") == [before, on]
            assert selected(conn, "{tenure_years: {more_than: 5}}") == [before]
            assert selected(conn, "{tenure_years: {less_than: 5}}") == [after]
            assert selected(conn, "{tenure_years: {at_most: 5}}") == [on, after]

    def test_counts_age_in_completed_years(self, engine) -> None:
        """Somebody of 30 and a half is 30; lunar birthdays and those without a year have no age."""
        with write(engine) as conn:
            born = [(1996, 101), (1996, 925), (1996, 926), (None, 101)]
            half, today, tomorrow, _ = [make_customer(conn, birth_year=y, birth_mmdd=d) for y, d in born]
            make_customer(conn, birth_year=1950, birth_mmdd=101, birth_calendar="lunar")

            assert selected(conn, "{age: {equals: 30}}") == [half, today]
            assert selected(conn, "{age: {at_most: 29}}") == [tomorrow]
            assert selected(conn, "{age: {more_than: 29}}") == [half, today]

    def test_looks_at_subscriptions_that_have_not_ended(self, engine) -> None:
        """An old plan does not count; the day of an end does."""
        yesterday, soon = TODAY - timedelta(days=1), TODAY + timedelta(days=30)
        with write(engine) as conn:
            ended, running, _none = (make_customer(conn) for _ in range(3))
            make_subscription(conn, customer_id=ended, plan="fast", ends_on=yesterday)
            make_subscription(conn, customer_id=running, plan="slow", ends_on=None)
            make_subscription(conn, customer_id=running, plan="fast", ends_on=soon)

            assert selected(conn, "{plan: {equals: fast}}") == [running]
            assert selected(conn, "{subscription_ends_on: {within_last: 1d}}") == [ended]
            assert selected(conn, "{subscription_ends_on: {within_next: 30d}}") == [running]
            assert selected(conn, "{subscription_ends_on: {within_next: 29d}}") == []

    def test_asks_for_contact_points(self, engine) -> None:
        """Having an address, or having none."""
        with write(engine) as conn:
            phone, mail = make_customer(conn), make_customer(conn, phone=None, email="a@example.com")

            assert selected(conn, "has_phone") == [phone]
            assert selected(conn, "{has_phone: false}") == [mail]
            assert selected(conn, "[has_email]") == [mail]

    def test_compares_attributes_as_the_rule_writes_the_value(self, engine) -> None:
        """A quoted value is text, a bare one a number; what spells no number is none."""
        grades = ["12", 12, "12.0", "9", "twelve", None, "1.2.3"]
        with write(engine) as conn:
            text, number, decimal, nine, *_ = [make_customer(conn, attributes={"分组": grade}) for grade in grades]

            assert selected(conn, '{attributes.分组: {equals: "12"}}') == [text, number]
            assert selected(conn, "{attributes.分组: {equals: 12}}") == [text, number, decimal]
            assert selected(conn, "{attributes.分组: {less_than: 12}}") == [nine]

    def test_stays_one_predicate_where_customers_are_joined(self, engine) -> None:
        """In a statement that joins subscriptions, rules still look at any subscription of the customer."""
        with write(engine) as conn:
            made = make_customer(conn)
            make_subscription(conn, customer_id=made, plan="slow")
            make_subscription(conn, customer_id=made, plan="fast")
            predicate = compile_rule(rule_of("{plan: {equals: fast}}"), SegmentBook(), as_of=TODAY)
            joined = customer.join(subscription, subscription.c.customer_id == customer.c.id)
            plans = sa.select(subscription.c.plan).select_from(joined).where(predicate)

            assert sorted(conn.execute(plans).scalars()) == ["fast", "slow"]

    def test_unfolds_named_segments(self, engine, tmp_path) -> None:
        """A name means its rule; everyone means everyone."""
        book = book_of(tmp_path, "gold: {tier: {equals: gold}}\nnot_gold: {gold: false}\n")
        with write(engine) as conn:
            gold, other = make_customer(conn, tier="gold"), make_customer(conn)

            assert selected(conn, "gold", book) == [gold]
            assert selected(conn, "{none: [gold]}", book) == selected(conn, "not_gold", book) == [other]
            assert selected(conn, "everyone", book) == [gold, other]


class NameIs:
    """A fact of a test: the customer bears the name."""

    name = "bears_name"
    kind = Kind.TEXT
    operators = ("equals",)
    description = "The customer bears the name"

    def predicate(self, operator: str, value: Any, as_of: date) -> sa.ColumnElement[bool]:
        return customer.c.name.is_not(None) & (customer.c.name == value)


class TestFacts:
    def test_are_asked_like_fields(self, engine) -> None:
        """What another capability declares is read, compiled and explained as a field is."""
        from care.segments.explain import explain_rule, first_failure

        fact = NameIs()
        book = SegmentBook(fields=STANDARD_FIELDS.with_facts([fact_field(fact)]))
        rule = rule_of("{bears_name: {equals: Li}}", fields=book.fields)
        with write(engine) as conn:
            li, wang = make_customer(conn, name="Li"), make_customer(conn, name="Wang")
            predicate = compile_rule(rule, book, as_of=TODAY, facts={fact.name: fact})
            told = {
                one: explain_rule(conn, rule, book, one, as_of=TODAY, facts={fact.name: fact}) for one in (li, wang)
            }

            assert conn.execute(sa.select(customer.c.id).where(predicate)).scalars().all() == [li]
        assert first_failure(told[li]) is None
        assert first_failure(told[wang]) == "not: bears_name equals Li (segments.yaml:1)"
