"""The SQL predicate and the explanation say the same of every customer, on both databases."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.database import write
from care.customers.tables import customer
from care.segments.book import Segment, SegmentBook
from care.segments.compile import compile_rule
from care.segments.explain import explain_rule, first_failure
from care.segments.fields import STANDARD, Field, Kind, attribute_field
from care.segments.model import Days, Group, Leaf, Rule, SegmentRef, Share, band_key
from care.segments.tables import customer_value, segment_member
from tests.factories import make_customer, make_subscription

TODAY = date(2025, 2, 28)
NOW = datetime(2025, 2, 28, tzinfo=UTC)
SHARES = (Share(enter=20, leave=20), Share(enter=20, leave=25), Share(enter=50, leave=60))
WORDS = ("gold", "Gold", "10%", "10_x", "北区", 'it\'s \\ "quoted"', "12", "12.0", "true", "1.2.3", "-", "-3", "")
ATTRIBUTES = ("grade", "分组", "two words")

near_today = st.integers(-40, 40).map(lambda days: TODAY + timedelta(days=days))
long_ago = st.one_of(
    st.dates(date(2015, 1, 1), date(2025, 3, 31)),
    st.sampled_from([date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1), date(2024, 2, 29), date(2025, 1, 31)]),
)
members = st.one_of(
    st.sampled_from(WORDS), st.integers(-3, 13), st.sampled_from([1.5, 1e20, 0.1, True, False, None, [1], {"a": 1}])
)
rows = st.fixed_dictionaries(
    {},
    optional={
        "joined_on": st.none() | long_ago,
        "customer_type": st.sampled_from(WORDS),
        "tier": st.none() | st.sampled_from(WORDS),
        "area": st.none() | st.sampled_from(WORDS),
        "account_manager": st.none() | st.sampled_from(WORDS),
        "locale": st.none() | st.sampled_from(["zh-CN", "en"]),
        "birth_year": st.none() | st.sampled_from([1985, 1995, 1996, 2024]),
        "birth_mmdd": st.none() | st.sampled_from([101, 228, 229, 301, 1231]),
        "birth_calendar": st.sampled_from(["solar", "lunar"]),
        "monthly_spend_minor": st.none() | st.integers(0, 5),
        "lifetime_value_minor": st.none() | st.integers(0, 5),
        "key_account": st.booleans(),
        "open_complaint": st.booleans(),
        "status": st.sampled_from(["active", "left"]),
        "attributes": st.dictionaries(st.sampled_from(ATTRIBUTES), members),
        "phone": st.sampled_from([None, ""]),
    },
)
terms = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.none() | st.sampled_from(WORDS),
        "service": st.none() | st.sampled_from(WORDS),
        "monthly_amount_minor": st.none() | st.integers(0, 5),
        "ends_on": st.none() | near_today,
        "auto_renew": st.booleans(),
    },
)
people = st.fixed_dictionaries(
    {
        "row": rows,
        "terms": st.lists(terms, max_size=2),
        "percents": st.dictionaries(st.sampled_from(["monthly_spend", "lifetime_value"]), st.integers(1, 100)),
        "bands": st.sets(
            st.sampled_from([band_key(m, s) for m in ("monthly_spend", "lifetime_value") for s in SHARES])
        ),
    }
)

_TEXTS = st.sampled_from([word for word in WORDS if word])
_NUMBERS = st.sampled_from([Decimal(12), Decimal("0.1"), Decimal("1.5"), Decimal(-3)])
_VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: _TEXTS,
    Kind.NUMBER: st.integers(1, 12),
    Kind.MONEY: st.integers(0, 5),
    Kind.DAY: near_today | long_ago,
    Kind.YEARS: st.integers(0, 10),
    Kind.MONTHS: st.integers(0, 70),
    Kind.AGE: st.integers(0, 41),
    Kind.TRUTH: st.booleans(),
}


def _value(field: Field, operator: str) -> st.SearchStrategy[Any]:
    if operator == "top_percent":
        return st.sampled_from(SHARES)
    if operator in ("within_next", "within_last"):
        return st.integers(0, 30).map(lambda days: Days(days=days))
    if operator == "contains":
        return _TEXTS | st.sampled_from(["0", "%", "_", "'", "\\", '"', "区"])
    if field.kind is Kind.FREE:
        texts_or_numbers = (_TEXTS, _NUMBERS) if operator in ("equals", "one_of") else (_NUMBERS,)
        lists = [st.lists(one, min_size=1, max_size=3).map(tuple) for one in texts_or_numbers]
        return st.one_of(*lists) if operator == "one_of" else st.one_of(*texts_or_numbers)
    value = _VALUES[field.kind]
    return st.lists(value, min_size=1, max_size=3).map(tuple) if operator == "one_of" else value


_FREE = [field for name in ATTRIBUTES if (field := attribute_field(f"attributes.{name}")) is not None]


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    field = draw(st.sampled_from([*STANDARD, *_FREE, *_FREE]))
    operator = draw(st.sampled_from(field.allowed))
    return Leaf(field=field.name, operator=operator, value=draw(_value(field, operator)))


def groups(parts: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    kinds = st.sampled_from(["all", "any", "none"])
    return st.builds(
        lambda kind, some: Group(kind=kind, parts=tuple(some)), kinds, st.lists(parts, min_size=1, max_size=3)
    )


rules: st.SearchStrategy[Rule] = st.recursive(leaves() | st.just(SegmentRef(name="named")), groups, max_leaves=6)


@contextmanager
def forgotten(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that is rolled back."""
    with engine.connect() as connection:
        connection.execution_options(care_write=True)
        with connection.begin() as transaction:
            yield connection
            transaction.rollback()


def settle(conn: sa.Connection, person: Mapping[str, Any]) -> int:
    row = dict(person["row"])
    made = make_customer(conn, phone=row.pop("phone", ""), **row)
    for term in person["terms"]:
        make_subscription(conn, customer_id=made, **term)
    stamps = {"rank": 1, "out_of": 100, "as_of": TODAY, "computed_at": NOW}
    for measure, percent in person["percents"].items():
        conn.execute(sa.insert(customer_value).values(customer_id=made, measure=measure, percent=percent, **stamps))
    for band in person["bands"]:
        conn.execute(sa.insert(segment_member).values(segment=band, customer_id=made, since=TODAY))
    return made


def book_with(named: Leaf) -> SegmentBook:
    return SegmentBook(segments={"named": Segment(name="named", rule=named)})


class TestCompiledAndExplainedRules:
    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(crowd=st.lists(people, min_size=1, max_size=4), rule=rules, named=leaves())
    def test_agree(self, engine, crowd, rule, named) -> None:
        """Whoever the predicate selects passes in Python, with ranks gathered or looked up, and nobody else."""
        book = book_with(named)
        with forgotten(engine) as conn:
            ids = [settle(conn, person) for person in crowd]
            verdicts = {one: explain_rule(conn, rule, book, one, as_of=TODAY) for one in ids}
            passing = {one for one, verdict in verdicts.items() if verdict.passed}
            for whole in (False, True):
                predicate = compile_rule(rule, book, as_of=TODAY, whole=whole)
                assert set(conn.execute(sa.select(customer.c.id).where(predicate)).scalars()) == passing

        assert {one for one, verdict in verdicts.items() if first_failure(verdict) is None} == passing

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(crowd=st.lists(people, min_size=1, max_size=3), rule=rules, named=leaves())
    def test_are_never_unknown_when_asked_to_be_definite(self, engine, crowd, rule, named) -> None:
        """With `definite` a NOT before the predicate selects exactly the others."""
        book = book_with(named)
        with forgotten(engine) as conn:
            ids = {settle(conn, person) for person in crowd}
            definite = compile_rule(rule, book, as_of=TODAY, definite=True)
            inside = set(conn.execute(sa.select(customer.c.id).where(definite)).scalars())
            outside = set(conn.execute(sa.select(customer.c.id).where(sa.not_(definite))).scalars())

        assert inside | outside == ids
        assert inside & outside == set()


class TestOverrides:
    @pytest.mark.parametrize(("column", "past"), [("tier", "gold"), ("joined_on", None), ("attributes", {"grade": 12})])
    def test_explain_as_if_the_columns_had_been_so(self, engine, column, past) -> None:
        """Past values answer exactly as a customer who has them now."""
        parts = tuple(
            Leaf(field=name, operator=operator, value=value)
            for name, operator, value in (
                ("tier", "equals", "gold"),
                ("tenure_years", "at_least", 5),
                ("attributes.grade", "at_least", Decimal(12)),
            )
        )
        rule = Group(kind="any", parts=parts)
        with write(engine) as conn:
            then = make_customer(conn, **{"tier": "silver", "attributes": {}, column: past})
            now = make_customer(conn, tier="silver")
            told = explain_rule(conn, rule, SegmentBook(), now, as_of=TODAY, overrides={column: past})

            assert told == explain_rule(conn, rule, SegmentBook(), then, as_of=TODAY)

    def test_refuse_a_customer_who_is_not_there(self, sqlite_engine) -> None:
        """A wrong id is the caller's mistake."""
        with write(sqlite_engine) as conn, pytest.raises(LookupError):
            explain_rule(conn, SegmentRef(name="everyone"), SegmentBook(), 1, as_of=TODAY)
