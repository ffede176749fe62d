"""Many values as one parameter, on both databases."""

import sqlalchemy as sa

from care.base.among import among, beside
from care.base.database import read, write
from care.customers.tables import customer
from care.messages.tables import message
from tests.factories import make_customer


class TestAmong:
    def test_selects_exactly_the_listed(self, engine):
        """Numbers and words, negated, in a subquery, in an update; nothing listed selects nothing."""
        with write(engine) as conn:
            ids = [make_customer(conn, country=c) for c in ("CN", "GB", "US")]
        for i in range(2):
            with read(engine) as conn:
                got = (
                    conn.execute(sa.select(customer.c.id).where(among(customer.c.id, ids[i:]), sa.true()))
                    .scalars()
                    .all()
                )
                assert sorted(got) == ids[i:]
                got = (
                    conn.execute(sa.select(customer.c.id).where(sa.not_(among(customer.c.country, {"CN", "GB"}))))
                    .scalars()
                    .all()
                )
                assert got == ids[2:]
                assert conn.execute(sa.select(customer.c.id).where(among(customer.c.id, []))).all() == []
                inner = sa.exists().where(customer.c.id == sa.literal(1), among(customer.c.country, ["CN"]))
                assert conn.execute(sa.select(inner)).scalar() in (True, 1)
        with write(engine) as conn:
            n = conn.execute(sa.update(customer).where(among(customer.c.id, ids[:2])).values(area="x")).rowcount
            assert n == 2

    def test_uses_the_columns_index(self, sqlite_engine):
        """A condition that SQLite had to compare with 1 would scan the whole table."""
        query = sa.select(customer.c.id).where(among(customer.c.external_id, ["C1", "C2"]))
        text = str(query.compile(dialect=sqlite_engine.dialect))
        with read(sqlite_engine) as conn:
            plan = conn.exec_driver_sql("EXPLAIN QUERY PLAN " + text, ('["C1", "C2"]',)).all()
        assert "SEARCH customer" in plan[0].detail


class TestBeside:
    def test_leaves_the_rows_to_be_found_by_their_numbers(self, sqlite_engine):
        """Else every message on its way would be looked at for each group of answers."""
        query = sa.select(message.c.id).where(among(message.c.id, [1, 2]), beside(message.c.status) == "sending")
        text = str(query.compile(dialect=sqlite_engine.dialect))
        with read(sqlite_engine) as conn:
            plan = conn.exec_driver_sql("EXPLAIN QUERY PLAN " + text, ("[1, 2]", "sending")).all()
        assert "USING INTEGER PRIMARY KEY" in plan[0].detail

    def test_compares_as_the_column_does(self, engine):
        """On both databases, alone, with a list of words, and with nothing."""
        with write(engine) as conn:
            ids = [make_customer(conn, country=c) for c in ("CN", "GB", "US")]
        country = beside(customer.c.country)
        with read(engine) as conn:
            for where, found in (
                (country == "GB", ids[1:2]),
                (country.in_(["CN", "US"]), ids[::2]),
                (country.is_(None), []),
            ):
                asked = sa.select(customer.c.id).where(among(customer.c.id, ids), where).order_by(customer.c.id)
                assert conn.execute(asked).scalars().all() == found
