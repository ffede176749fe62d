"""The monthly ranking: within the customer type, ties by id, and nobody moves in and out every month."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.tables import customer
from care.segments.book import SegmentBook
from care.segments.model import Leaf, Share, band_key
from care.segments.store import count_members, members
from care.segments.tables import customer_value, segment_member
from care.segments.value import Band, bands_of, compute_values, values_are_stale
from tests.factories import make_customer
from tests.segments.books import book_of, rule_of

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
SHARE = Share(enter=20, leave=50)
BAND = Band(measure="monthly_spend", share=SHARE)
TOP = Leaf(field="monthly_spend", operator="top_percent", value=SHARE)


def customers(engine, *spends: int | None, **fields) -> list[int]:
    with write(engine) as conn:
        return [make_customer(conn, monthly_spend_minor=spend, **fields) for spend in spends]


def spend(engine, customer_id: int, minor: int | None) -> None:
    with write(engine) as conn:
        conn.execute(sa.update(customer).where(customer.c.id == customer_id).values(monthly_spend_minor=minor))


def percents(engine) -> dict[int, int]:
    with read(engine) as conn:
        rows = conn.execute(sa.select(customer_value).where(customer_value.c.measure == "monthly_spend"))
        return {row.customer_id: row.percent for row in rows}


def top(engine) -> list[int]:
    with read(engine) as conn:
        selected = members(TOP, SegmentBook(), as_of=SEPTEMBER).order_by(customer.c.id)
        return list(conn.execute(selected).scalars())


def rank(engine, as_of=SEPTEMBER, bands=(BAND,), chunk=2):
    return compute_values(engine, as_of=as_of, now=NOW, bands=bands, chunk=chunk)


class TestComputeValues:
    def test_ranks_within_the_customer_type(self, engine) -> None:
        """The best business customer is not measured against persons."""
        persons = customers(engine, 100, 400, 300, 200, 500)
        firms = customers(engine, 10, 20, customer_type="business")

        done = rank(engine)

        assert [percents(engine)[one] for one in persons] == [100, 40, 60, 80, 20]
        assert [percents(engine)[one] for one in firms] == [100, 50]
        assert done.ranked == {"monthly_spend": 7, "lifetime_value": 0}

    def test_leaves_out_who_has_no_figure_has_left_or_was_erased(self, engine) -> None:
        """They are no part of the hundred percent either."""
        counted, _unknown = customers(engine, 100, None)
        customers(engine, 900, status="left")
        customers(engine, 800, erased_at=NOW)

        rank(engine)

        assert percents(engine) == {counted: 100}

    def test_breaks_ties_by_id(self, engine) -> None:
        """Equal bills rank in the order of the ids, so a second run ranks the same."""
        made = customers(engine, *[100] * 5)

        rank(engine)

        assert [percents(engine)[one] for one in made] == [20, 40, 60, 80, 100]

    def test_lets_in_at_one_share_and_out_below_another(self, engine) -> None:
        """In at the top 20%, still in at 40%, out at 60%, and not in again at 40%."""
        mover, *_others = customers(engine, 500, 400, 300, 200, 100)
        seen = []
        for figure in (500, 350, 250, 350, 500):
            spend(engine, mover, figure)
            rank(engine)
            seen.append(mover in top(engine))

        assert seen == [True, True, False, False, True]

    def test_selects_by_rank_for_a_band_that_was_never_settled(self, engine) -> None:
        """A rule written today works at once; only the memory begins with the next ranking."""
        first, *_others = customers(engine, 500, 400, 300, 200, 100)

        rank(engine, bands=())

        assert top(engine) == [first]

    def test_gives_the_same_result_again(self, engine) -> None:
        """A second run, or one after a crash half-way, changes nothing."""
        customers(engine, *range(100, 1100, 100))
        rank(engine)
        before = percents(engine), top(engine)

        again = rank(engine, chunk=1000)

        assert (percents(engine), top(engine)) == before
        assert again.members == {BAND.key: 2}

    def test_forgets_customers_and_bands_that_are_no_more(self, engine) -> None:
        """Who has no figure any more loses the rank and the place; a band no rule uses is emptied."""
        first, *_others = customers(engine, 500, 400, 300, 200, 100)
        old = Band(measure="monthly_spend", share=Share(enter=10, leave=90))
        rank(engine, bands=(BAND, old))
        spend(engine, first, None)

        done = rank(engine)

        assert first not in percents(engine)
        with read(engine) as conn:
            remembered = conn.execute(sa.select(segment_member.c.segment, segment_member.c.customer_id)).all()
        assert [one for one in remembered if one.customer_id == first or one.segment == old.key] == []
        assert set(done.members) == {BAND.key}

    def test_holds_the_write_lock_for_one_chunk_at_a_time(self, sqlite_engine) -> None:
        """Between chunks anybody may write: a thousand customers never wait for the whole ranking."""
        customers(sqlite_engine, *range(10))
        written: list[int] = []
        per_transaction = []

        @sa.event.listens_for(sqlite_engine, "after_cursor_execute")
        def note(_conn, _cursor, statement, _parameters, context, _many) -> None:
            if statement.startswith("INSERT INTO customer_value"):
                written.append(context.rowcount)

        @sa.event.listens_for(sqlite_engine, "commit")
        def end(_conn) -> None:
            per_transaction.append(sum(written))

        rank(sqlite_engine, chunk=3)

        steps = [after - before for before, after in pairwise(per_transaction)]
        assert max(steps) == 3
        assert sum(steps) + per_transaction[0] == 10


class TestValuesAreStale:
    @pytest.mark.parametrize(("day", "stale"), [(SEPTEMBER, False), (date(2026, 9, 30), False), (OCTOBER, True)])
    def test_tells_whether_the_month_was_ranked(self, engine, day, stale) -> None:
        """Once a month is enough; a new month asks again."""
        with read(engine) as conn:
            assert values_are_stale(conn, day)
        rank(engine, as_of=date(2026, 9, 2))

        with read(engine) as conn:
            assert values_are_stale(conn, day) is stale

    def test_asks_again_after_an_import(self, engine) -> None:
        """First figures, or many new customers, do not wait for the next month; a few do."""
        stale = []
        for spends in ((), (None,), (100, 200, 300, 400), (500,), (600,)):
            customers(engine, *spends)
            with read(engine) as conn:
                stale.append(values_are_stale(conn, SEPTEMBER))
            rank(engine)

        assert stale == [True, True, True, False, False]

    def test_asks_again_once_there_are_figures(self, engine) -> None:
        """A second import that adds the bills of known customers is ranked without waiting."""
        known = customers(engine, None, None)
        rank(engine)
        with read(engine) as conn:
            assert not values_are_stale(conn, SEPTEMBER)
        spend(engine, known[0], 100)

        with read(engine) as conn:
            assert values_are_stale(conn, SEPTEMBER)


class TestBandsOf:
    def test_finds_every_share_with_its_own_leaving(self, tmp_path) -> None:
        """In segments and in rules outside the book; a plain top percent needs no memory."""
        book = book_of(
            tmp_path,
            "a: {monthly_spend: {top_percent: 20, leave_below: 25}}\n"
            "b: {any: [a, {monthly_spend: {top_percent: 10}}]}\n",
        )
        audience = rule_of("{none: [{lifetime_value: {top_percent: 5, leave_below: 8}}]}")

        assert [band.key for band in bands_of(book, [audience])] == ["lifetime_value:5:8", "monthly_spend:20:25"]
        assert band_key("monthly_spend", Share(enter=20, leave=25)) == "monthly_spend:20:25"


class TestCountMembers:
    def test_leaves_out_who_has_left_unless_the_rule_asks(self, engine, tmp_path) -> None:
        """A segment of former customers is possible, and none contains them by accident."""
        book = book_of(tmp_path, "gold: {tier: {equals: gold}}\nformer: {all: [gold, {status: {equals: left}}]}\n")
        with write(engine) as conn:
            make_customer(conn, tier="gold")
            make_customer(conn, tier="gold", status="left")
            make_customer(conn, tier="gold", erased_at=NOW)

            assert count_members(conn, book.rule("gold"), book, as_of=SEPTEMBER) == 1
            assert count_members(conn, book.rule("former"), book, as_of=SEPTEMBER) == 1
            assert count_members(conn, book.rule("everyone"), book, as_of=SEPTEMBER) == 1
