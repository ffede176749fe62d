"""Statements that are worked out once mean what the same statements mean through SQLAlchemy."""

import sqlite3
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from care.base.among import among
from care.base.database import insert, read, write
from care.base.hot import Hot
from care.customers.tables import customer, customer_change
from care.messages.tables import contact_claim, message
from tests.factories import make_customer

NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
BORN_IN_MAY = {
    "birth_mmdd": 512,
    "joined_on": date(2019, 2, 28),
    "deceased": True,
    "attributes": {"家": ["a", 1, None]},
}


class TestRows:
    def test_are_those_of_the_statement(self, engine):
        """Dates, instants, yes and no, JSON and NULL come back as they were written; again from the kept text."""
        with write(engine) as conn:
            ids = [make_customer(conn, **BORN_IN_MAY), make_customer(conn, left_on=None, area="东区")]
        columns = (customer.c.id, *(customer.c[name] for name in ("joined_on", "deceased", "attributes", "created_at")))
        query = sa.select(*columns, customer.c.area).where(among(customer.c.id, "ids")).order_by(customer.c.id)
        hot = Hot(query)
        for asked in (ids, ids[:1], []):
            with read(engine) as conn:
                expected = [tuple(row) for row in conn.execute(query, {"ids": asked})]
                assert hot.rows(conn, ids=asked) == expected
                assert len(expected) == len(asked)

    def test_of_an_update_are_what_it_returns(self, engine):
        """A change with RETURNING gives rows, and constants of the statement are kept."""
        with write(engine) as conn:
            made = make_customer(conn)
            change = sa.update(customer).where(customer.c.id == sa.bindparam("who")).values(area="west", deceased=True)
            rows = Hot(change.returning(customer.c.area, customer.c.deceased)).rows(conn, who=made)
        assert rows == [("west", True)]

    def test_keep_every_character_and_digit(self, engine):
        """Whatever way they take from the driver to us."""
        odd = "\"quotes'\\ \n\x01\u2028 €𝔘家\ud7ff?"
        with write(engine) as conn:
            ids = [make_customer(conn, name=name) for name in (odd, "", "null", "[1]")]
        number = sa.literal(2**63 - 1, sa.BigInteger)
        query = sa.select(customer.c.name, number, -number, sa.null()).where(among(customer.c.id, "ids"))
        with read(engine) as conn:
            rows = Hot(query.order_by(customer.c.id)).rows(conn, ids=ids)
        assert [row[0] for row in rows] == [odd, "", "null", "[1]"]
        assert {row[1:] for row in rows} == {(2**63 - 1, 1 - 2**63, None)}

    def test_keep_their_order_and_number(self, engine):
        """The order and the limit of the statement are those of the rows."""
        with write(engine) as conn:
            ids = [make_customer(conn, area=area) for area in "cab"]
        query = sa.select(customer.c.area).where(among(customer.c.id, "ids"))
        last = query.order_by(customer.c.area.desc()).limit(sa.bindparam("most"))
        with read(engine) as conn:
            assert Hot(last).rows(conn, ids=ids, most=2) == [("c",), ("b",)]
            assert Hot(sa.union_all(query, query)).rows(conn, ids=ids[:1]) == [("c",)] * 2

    def test_need_every_parameter(self, engine):
        """A forgotten one is no NULL."""
        hot = Hot(sa.select(customer.c.id).where(customer.c.id == sa.bindparam("who")))
        with read(engine) as conn, pytest.raises((KeyError, sa.exc.SQLAlchemyError)):
            hot.rows(conn)


class TestRun:
    def test_tells_how_many_were_changed(self, engine):
        """And writes what it was given, converted for the database."""
        change = sa.update(customer).where(among(customer.c.id, "ids")).values(updated_at=sa.bindparam("at"))
        with write(engine) as conn:
            ids = [make_customer(conn), make_customer(conn)]
            assert Hot(change).run(conn, ids=[*ids, 999], at=NOW) == 2
            assert conn.execute(sa.select(customer.c.updated_at).distinct()).scalars().all() == [NOW]


class TestMany:
    def test_runs_once_a_row(self, engine):
        """What differs comes from the rows, what is the same is given once; conflicts are counted out."""
        claim = Hot(
            lambda conn: insert(conn, contact_claim).on_conflict_do_nothing(),
            each=("campaign_id", "occasion", "address_hash", "message_id"),
            common=("at",),
        )
        rows = [("c", "o", address, number) for number, address in enumerate("abc")]
        with write(engine) as conn:
            assert claim.many(conn, rows[:2], at=NOW) == 2
            assert claim.many(conn, rows, at=NOW) == 1
            assert claim.many(conn, [], at=NOW) == 0
            kept = conn.execute(sa.select(contact_claim).order_by(contact_claim.c.message_id)).all()
        assert [tuple(row) for row in kept] == [(*row, NOW) for row in rows]

    def test_converts_what_differs(self, engine):
        """Instants among the rows, and constants of the statement, are as they would be for one row."""
        change = sa.update(customer).where(customer.c.id == sa.bindparam("who"))
        hot = Hot(change.values(updated_at=sa.bindparam("at"), status="left"), each=("at", "who"))
        with write(engine) as conn:
            ids = [make_customer(conn), make_customer(conn)]
            assert hot.many(conn, [(NOW, i) for i in ids]) == 2
            found = conn.execute(sa.select(customer.c.updated_at, customer.c.status)).all()
        assert [tuple(row) for row in found] == [(NOW, "left")] * 2

    def test_keeps_the_order_and_what_is_missing(self, engine):
        """Numbers are given in the order of the rows, the first of two that are equal wins, and NULL stays NULL."""
        with write(engine) as conn:
            made = [make_customer(conn) for _ in range(3)]
            add = Hot(sa.insert(customer_change).inline(), each=("customer_id", "field", "old"), common=("at", "new"))
            add.many(conn, [(made[2], "a", None), (made[0], "b", "x"), (made[1], "c", None)], at=NOW, new="1")
            kept = conn.execute(
                sa.select(customer_change.c.field, customer_change.c.old).order_by(customer_change.c.id)
            )
            assert [tuple(row) for row in kept] == [("a", None), ("b", "x"), ("c", None)]
            claim = Hot(
                lambda conn: insert(conn, contact_claim).on_conflict_do_nothing(),
                each=("campaign_id", "occasion", "address_hash", "message_id"),
                common=("at",),
            )
            assert claim.many(conn, [("c", "o", "h", 1), ("c", "o", "h", 2)], at=NOW) == 1
            assert conn.execute(sa.select(contact_claim.c.message_id)).scalars().all() == [1]

    def test_cuts_nothing_off(self, postgres_engine):
        """A text that is too long for its column is an error, as it would be alone."""
        claim = Hot(
            sa.insert(contact_claim).inline(),
            each=("campaign_id", "occasion", "address_hash", "message_id"),
            common=("at",),
        )
        with write(postgres_engine) as conn, pytest.raises(sa.exc.DataError):
            claim.many(conn, [("c" * 65, "o", "h", 1)], at=NOW)

    def test_is_one_statement_where_each_costs_a_start(self, postgres_engine):
        """However many rows there are."""
        change = sa.update(customer).where(customer.c.id == sa.bindparam("who"))
        hot = Hot(change.values(area=sa.bindparam("to")), each=("to", "who"))
        said = list[str]()
        sa.event.listen(postgres_engine, "before_cursor_execute", lambda *given: said.append(given[2]))
        with write(postgres_engine) as conn:
            assert hot.many(conn, [(area, make_customer(conn)) for area in "abc"]) == 3
        assert len([text for text in said if text.startswith("UPDATE customer")]) == 1


class TestConstants:
    def test_mean_what_they_say(self, engine):
        """A question mark, quotes, NULL, yes and no, numbers: part of the statement, never of its meaning."""
        with write(engine) as conn:
            ids = [make_customer(conn, area="who's? 'me'", deceased=True), make_customer(conn, area="?")]
        mine = among(customer.c.id, "ids")
        for condition, found in (
            (customer.c.area == "who's? 'me'", ids[:1]),
            (customer.c.area == "?", ids[1:]),
            (customer.c.deceased == sa.true(), ids[:1]),
            (customer.c.deceased == sa.bindparam("no", value=False, type_=sa.Boolean), ids[1:]),
            (sa.func.coalesce(sa.bindparam("none", value=None, type_=sa.String), customer.c.area) == "?", ids[1:]),
            (customer.c.updated_at < NOW.replace(year=2000), []),
        ):
            with read(engine) as conn:
                query = sa.select(customer.c.id).where(mine, condition).order_by(customer.c.id)
                assert Hot(query).rows(conn, ids=ids) == [(number,) for number in found], condition

    def test_cost_sqlite_no_second_plan(self, sqlite_engine):
        """It would plan anew each time that a parameter is compared with what an index is limited to."""
        planned = []
        query = sa.select(message.c.id).where(message.c.status == "planned", message.c.lane == sa.bindparam("lane"))
        hot = Hot(query)
        with read(sqlite_engine) as conn:
            conn.connection.driver_connection.set_authorizer(lambda *asked: planned.append(asked) or sqlite3.SQLITE_OK)
            hot.rows(conn, lane=5)
            assert planned
            planned.clear()
            hot.rows(conn, lane=4)
            conn.connection.driver_connection.set_authorizer(None)
        assert not planned


class TestHot:
    def test_refuses_a_list_in_the_text(self, engine):
        """Its text would depend on how long the list is."""
        with read(engine) as conn, pytest.raises(AssertionError, match="among"):
            Hot(sa.select(customer.c.id).where(customer.c.area.in_(["a", "b"]))).rows(conn)

    @pytest.mark.parametrize("kind", [sa.Float(53), sa.Numeric(9, 2), sa.LargeBinary()], ids=str)
    def test_refuses_what_comes_otherwise(self, engine, kind):
        """SQLite writes fifteen digits of a fraction into a text, and no bytes."""
        with read(engine) as conn, pytest.raises(AssertionError, match="as they were written"):
            Hot(sa.select(sa.type_coerce(customer.c.id, kind))).rows(conn)

    def test_hides_values_in_errors(self, engine):
        """What a driver refuses is told without the parameters, as everywhere."""
        wrong = Hot(sa.insert(customer).inline(), each=("id", "name"))
        with write(engine) as conn, pytest.raises(sa.exc.DBAPIError) as error:
            wrong.many(conn, [(1, "王小明")])
        assert "hide_parameters" in str(error.value)
