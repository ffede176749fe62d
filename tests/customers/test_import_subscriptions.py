"""Subscription files: terms in the customer's own zone, owners that exist, changes remembered."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.changes import value_on
from care.customers.tables import customer_change, subscription
from tests.customers.conftest import everything
from tests.factories import make_customer

HEADER = "id,customer,service,plan,monthly_amount,started_on,ends_at,auto_renew,area,speed"
ROW = "S1,C1,broadband,300M,99.5,2025-02-01,2027-01-31,true,北区,300"


def one(engine):
    with read(engine) as conn:
        return conn.execute(sa.select(subscription)).mappings().one()


@pytest.fixture
def people(engine):
    """A customer in Shanghai, one in New York, one whose zone is not known."""
    with write(engine) as conn:
        return {
            "C1": make_customer(conn, external_id="C1"),
            "C2": make_customer(conn, external_id="C2", country="US", timezone="America/New_York"),
            "C3": make_customer(conn, external_id="C3", country="US", timezone=None),
        }


class TestSubscriptionImport:
    def test_stores_every_column(self, engine, import_rows, people) -> None:
        """A day of ending lasts to its last moment in the customer's zone."""
        assert import_rows("subscriptions", HEADER, ROW).added == 1
        row = one(engine)
        assert (row["customer_id"], row["service"], row["plan"]) == (people["C1"], "broadband", "300M")
        assert (row["monthly_amount_minor"], row["auto_renew"], row["area"]) == (9950, True, "北区")
        assert (row["started_on"], row["ends_on"]) == (date(2025, 2, 1), date(2027, 1, 31))
        assert row["ends_at"] == datetime(2027, 1, 31, 16, tzinfo=UTC)
        assert row["attributes"] == {"speed": "300"}

    @pytest.mark.parametrize(
        ("owner", "ends_at", "day", "instant"),
        [
            ("C2", "2027-01-31", date(2027, 1, 31), datetime(2027, 2, 1, 5, tzinfo=UTC)),
            ("C2", "2027-03-14", date(2027, 3, 14), datetime(2027, 3, 15, 4, tzinfo=UTC)),
            ("C2", "2027-03-14 02:30", date(2027, 3, 14), datetime(2027, 3, 14, 7, tzinfo=UTC)),
            ("C3", "2027-01-31", date(2027, 1, 31), datetime(2027, 1, 31, 16, tzinfo=UTC)),
            ("C1", "2027-01-31T18:00", date(2027, 1, 31), datetime(2027, 1, 31, 10, tzinfo=UTC)),
            ("C1", "2027-02-01T00:00:00+08:00", date(2027, 1, 31), datetime(2027, 1, 31, 16, tzinfo=UTC)),
            ("C1", "2027-01-31T20:00:00Z", date(2027, 2, 1), datetime(2027, 1, 31, 20, tzinfo=UTC)),
        ],
    )
    def test_reads_the_end_in_the_customers_zone(
        self, engine, import_rows, people, *, owner, ends_at, day, instant
    ) -> None:
        """Midnight belongs to the day before; a time in a DST gap is the first one after it."""
        import_rows("subscriptions", "id,customer,ends_at", f"S1,{owner},{ends_at}")
        row = one(engine)
        assert (row["ends_on"], row["ends_at"]) == (day, instant)

    def test_changes_nothing_the_second_time(self, engine, import_rows, people, clock) -> None:
        """The same file again leaves every row as it was."""
        import_rows("subscriptions", HEADER, ROW)
        before = everything(engine, [subscription, customer_change])
        clock.advance(timedelta(days=1))
        report = import_rows("subscriptions", HEADER, ROW)
        assert (report.added, report.updated, report.unchanged) == (0, 0, 1)
        assert everything(engine, [subscription, customer_change]) == before

    def test_updates_what_differs_and_remembers_it(self, engine, import_rows, people, clock) -> None:
        """A past day can be explained with the plan of that day; empty changes nothing, - clears."""
        import_rows("subscriptions", HEADER, ROW)
        before = clock.now()
        clock.advance(timedelta(days=1))
        report = import_rows("subscriptions", "id,plan,area,speed,ends_at,auto_renew", "S1,1000M,-,-,,-")
        assert report.updated == 1
        row = one(engine)
        assert (row["plan"], row["area"], row["attributes"], row["auto_renew"]) == ("1000M", None, {}, False)
        assert row["ends_on"] == date(2027, 1, 31)
        with read(engine) as conn:
            then = value_on(conn, people["C1"], "subscription.S1", before)
            now = value_on(conn, people["C1"], "subscription.S1", clock.now())
            earlier = value_on(conn, people["C1"], "subscription.S1", before - timedelta(days=1))
        assert (then["plan"], now["plan"], earlier) == ("300M", "1000M", None)

    def test_moves_to_another_customer(self, engine, import_rows, people) -> None:
        """The line goes on under a new name; both histories tell."""
        import_rows("subscriptions", HEADER, ROW)
        import_rows("subscriptions", "id,customer", "S1,C2")
        assert one(engine)["customer_id"] == people["C2"]
        with read(engine) as conn:
            fields = conn.execute(sa.select(customer_change.c.customer_id).order_by(customer_change.c.id)).scalars()
            assert list(fields) == [people["C1"], people["C1"], people["C2"]]

    @pytest.mark.parametrize(
        ("row", "column", "reason"),
        [
            ("S1,,,,,,,,,", "customer", "missing"),
            ("S1,C9,,,,,,,,", "customer", "not known"),
            ("S1,C1,,,9.999,,,,,", "monthly_amount", "decimals"),
            ("S1,C1,,,-5,,,,,", "monthly_amount", "below zero"),
            ("S1,C1,,,,2027-02-30,,,,", "started_on", "does not exist"),
            ("S1,C1,,,,,soon,,,", "ends_at", "no time"),
            ("S1,C1,,,,2027-02-01,2027-01-31,,,", "ends_at", "before started_on"),
        ],
    )
    def test_refuses(self, engine, import_rows, people, *, row, column, reason) -> None:
        """A row without its customer, and terms that cannot be."""
        report = import_rows("subscriptions", HEADER, row)
        assert (report.added, report.rejected) == (0, 1)
        assert report.refusals[0].column == column
        assert reason in report.refusals[0].reason
