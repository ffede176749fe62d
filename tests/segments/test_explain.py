"""Which part of a rule decided, in words a clerk can repeat."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.customers.tables import customer
from care.segments.book import SegmentBook
from care.segments.explain import explain_rule, first_failure
from care.segments.membership import explain_customer
from care.segments.model import Share, band_key
from care.segments.store import sample_members
from care.segments.tables import customer_value, segment_member
from tests.factories import make_customer, make_subscription
from tests.segments.books import book_of, rule_of

TODAY = date(2026, 9, 25)
NOW = datetime(2026, 9, 25, tzinfo=UTC)
BOOK = """\
high_value:
  any:
    - monthly_spend: {top_percent: 20, leave_below: 25}
    - monthly_spend: {at_least: 300}
    - key_account: true
long_tenure:
  tenure_years: {at_least: 5}
valued:
  any: [high_value, long_tenure]
  none: [open_complaint, deceased]
"""


def why_not(conn, customer_id: int, text: str, book: SegmentBook | None = None) -> str | None:
    book = book or SegmentBook()
    rule = rule_of(text, fields=book.fields, segments=tuple(book.names))
    return first_failure(explain_rule(conn, rule, book, customer_id, as_of=TODAY))


def ranked(conn, customer_id: int, percent: int, *, was_in: bool = False) -> None:
    row = {"customer_id": customer_id, "measure": "monthly_spend", "rank": percent, "out_of": 100, "percent": percent}
    conn.execute(sa.insert(customer_value).values(**row, as_of=TODAY, computed_at=NOW))
    if was_in:
        band = band_key("monthly_spend", Share(enter=20, leave=25))
        conn.execute(sa.insert(segment_member).values(segment=band, customer_id=customer_id, since=TODAY))


class TestFirstFailure:
    @pytest.mark.parametrize(
        ("fields", "rule", "words"),
        [
            ({"joined_on": date(2023, 7, 1)}, "{tenure_years: {at_least: 5}}", "tenure_years 3.1 < 5"),
            ({"joined_on": date(2021, 9, 26)}, "{tenure_years: {at_least: 5}}", "tenure_years 4.9 < 5"),
            ({"joined_on": date(2026, 8, 1)}, "{tenure_months: {more_than: 3}}", "tenure_months 1 <= 3"),
            ({"joined_on": None}, "{tenure_years: {at_least: 5}}", "tenure_years is not known, needs >= 5"),
            ({"monthly_spend_minor": 9950}, "{monthly_spend: {at_least: 300}}", "monthly_spend 99.50 < 300"),
            ({"monthly_spend_minor": 9950}, "{monthly_spend: {less_than: 99.5}}", "monthly_spend 99.50 >= 99.50"),
            ({"tier": "gold"}, "{tier: {equals: silver}}", "tier gold is not silver"),
            ({"tier": "gold"}, "{tier: {one_of: [silver, tin]}}", "tier gold is none of silver, tin"),
            ({"tier": "gold"}, "{tier: {contains: x}}", "tier gold does not contain x"),
            ({}, "key_account", "key_account is false"),
            ({}, "{has_phone: false}", "has_phone is true"),
            ({}, "{none: [has_phone]}", "excluded by none: has_phone is true"),
            ({"birth_year": 1996, "birth_mmdd": 926}, "{age: {at_least: 30}}", "age 29 < 30"),
            ({"attributes": {"grade": 9}}, "{attributes.grade: {at_least: 10}}", "attributes.grade 9 < 10"),
            ({}, "{plan: {equals: fast}}", "plan is not known, needs to be fast"),
            ({"joined_on": TODAY}, "{joined_on: {within_next: 0d}}", None),
            (
                {"joined_on": date(2020, 1, 1)},
                "{joined_on: {within_last: 30d}}",
                "joined_on 2020-01-01 is not within the last 30d",
            ),
        ],
    )
    def test_says_what_is_and_what_is_needed(self, engine, fields, rule, words) -> None:
        """Lengths of time are rounded down, so that 4.99 years never read as 5."""
        with write(engine) as conn:
            told = why_not(conn, make_customer(conn, **fields), rule)

        assert told == (words and f"{words} (segments.yaml:1)")

    def test_names_each_way_in_that_failed_and_the_first_line_that_did(self, engine, tmp_path) -> None:
        """Of `any` every part failed; of `all` the first failure is enough; of `none` the part that holds."""
        book = book_of(tmp_path, BOOK)
        with write(engine) as conn:
            newcomer = make_customer(conn, joined_on=date(2023, 7, 1), monthly_spend_minor=8000)
            complaining = make_customer(conn, open_complaint=True)
            ranked(conn, newcomer, 40)

            assert why_not(conn, newcomer, "high_value", book) == (
                "monthly_spend top 40% is outside top 20% (stays to 25%) (segments.yaml:3); "
                "monthly_spend 80.00 < 300 (segments.yaml:4); key_account is false (segments.yaml:5)"
            )
            assert why_not(conn, newcomer, "valued", book) == (
                "monthly_spend top 40% is outside top 20% (stays to 25%) (segments.yaml:3); "
                "monthly_spend 80.00 < 300 (segments.yaml:4); key_account is false (segments.yaml:5); "
                "tenure_years 3.1 < 5 (segments.yaml:7)"
            )
            assert why_not(conn, complaining, "valued", book) == (
                "excluded by none: open_complaint is true (segments.yaml:10)"
            )

    def test_says_of_an_exclusion_that_it_is_one(self, engine, tmp_path) -> None:
        """A bare `monthly_spend 500.00 >= 300` would read like a condition that is met."""
        book = book_of(tmp_path, BOOK)
        with write(engine) as conn:
            rich = make_customer(conn, monthly_spend_minor=50_000, joined_on=date(2010, 1, 1))

            assert why_not(conn, rich, "{none: [deceased, high_value]}", book) == (
                "excluded by none: high_value, as monthly_spend 500.00 >= 300 (segments.yaml:4)"
            )
            assert why_not(conn, rich, "{none: [{all: [has_phone, long_tenure]}]}", book) == (
                "excluded by none: has_phone is true (segments.yaml:1) and tenure_years 16.6 >= 5 (segments.yaml:7)"
            )
            assert why_not(conn, rich, "{none: [{none: [high_value]}, high_value]}", book) == (
                "excluded by none: high_value, as monthly_spend 500.00 >= 300 (segments.yaml:4)"
            )

    def test_shortens_a_long_list_of_reasons(self, engine) -> None:
        """Nobody reads twenty ways not to be in."""
        rule = f"[{', '.join(f'{{tenure_years: {{at_least: {n}}}}}' for n in range(50, 60))}]"
        with write(engine) as conn:
            told = why_not(conn, make_customer(conn), rule)

        assert told is not None
        assert told.count(";") == 3
        assert told.endswith("; and 7 more")

    def test_tells_rank_and_memory_apart(self, engine, tmp_path) -> None:
        """At 23% one stays who was in, and does not get in who was not."""
        book = book_of(tmp_path, BOOK)
        with write(engine) as conn:
            stayer, outsider, unranked = (make_customer(conn) for _ in range(3))
            ranked(conn, stayer, 23, was_in=True)
            ranked(conn, outsider, 23)
            rule = "{monthly_spend: {top_percent: 20, leave_below: 25}}"

            assert why_not(conn, stayer, rule, book) is None
            assert why_not(conn, outsider, rule, book) == (
                "monthly_spend top 23% is outside top 20% (stays to 25%), was not in before (segments.yaml:1)"
            )
            assert why_not(conn, unranked, rule) == (
                "monthly_spend is not ranked, needs top 20% (stays to 25%) (segments.yaml:1)"
            )

    def test_lists_the_values_of_several_subscriptions(self, engine) -> None:
        """Any of them would have passed, so each is shown once."""
        with write(engine) as conn:
            made = make_customer(conn)
            for service in ("tv", "tv", "broadband"):
                make_subscription(conn, customer_id=made, service=service)

            told = why_not(conn, made, "{service: {equals: mobile}}")

        assert told == "service broadband, tv is not mobile (segments.yaml:1)"


class TestExplainCustomer:
    def test_answers_as_the_count_does(self, engine, tmp_path) -> None:
        """Who has left or was erased is in no segment, whatever the rule says; an unknown id is told apart."""
        book = book_of(tmp_path, BOOK)
        with write(engine) as conn:
            ids = [
                conn.execute(
                    sa.select(customer.c.external_id).where(customer.c.id == make_customer(conn, **fields))
                ).scalar_one()
                for fields in ({}, {"status": "left"}, {"erased_at": NOW})
            ]
            answers = [explain_customer(conn, book.rule("long_tenure"), book, one, as_of=TODAY) for one in ids]
            unknown = explain_customer(conn, book.rule("long_tenure"), book, "nobody", as_of=TODAY)
            drawn = sample_members(conn, book.rule("long_tenure"), book, as_of=TODAY, size=5)

        assert unknown is None
        told = [(answer.member, answer.why_not) for answer in answers if answer is not None]
        assert told == [
            (True, None),
            (False, "the customer has left, and the segment does not ask about status"),
            (False, "the customer was erased"),
        ]
        assert drawn == ids[:1]


class TestSampleMembers:
    def test_draws_the_same_ones_on_the_same_day(self, engine) -> None:
        """Lots, not the first ten of the table; another day draws others."""
        everyone = rule_of("everyone")
        with write(engine) as conn:
            for _ in range(50):
                make_customer(conn)
            first, again, later = (
                sample_members(conn, everyone, SegmentBook(), as_of=day, size=10)
                for day in (TODAY, TODAY, date(2026, 9, 26))
            )

        assert first == again
        assert len(set(first)) == 10
        assert first != later
        assert first != sorted(first, key=lambda external_id: int(external_id[1:]))
