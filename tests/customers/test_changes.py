"""A past day can be told from the change rows."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.changes import NOT_RECORDED, RECORDED, Change, customer_on, record_changes, value_on
from care.customers.tables import customer
from tests.factories import THEN, address_hash, make_customer, make_subscription

DAY = timedelta(days=1)


def changed(engine, customer_id, at, **fields):
    """Change columns as a use case does: the row and its change rows in one transaction."""
    with write(engine) as conn:
        row = conn.execute(sa.select(customer).where(customer.c.id == customer_id)).mappings().one()
        record_changes(conn, [Change(customer_id, name, row[name], new) for name, new in fields.items()], at)
        conn.execute(sa.update(customer).where(customer.c.id == customer_id).values(fields))


class TestValueOn:
    def test_walks_back_from_what_is_stored_now(self, engine) -> None:
        """At the instant of a change the new value holds already."""
        with write(engine) as conn:
            me = make_customer(conn, tier="basic", joined_on=date(2016, 3, 1))
        changed(engine, me, THEN + DAY, tier="gold", joined_on=date(2015, 3, 1))
        changed(engine, me, THEN + 3 * DAY, tier=None)
        moments = [THEN - DAY, THEN, THEN + DAY - timedelta(microseconds=1), THEN + DAY, THEN + 2 * DAY, THEN + 4 * DAY]
        with read(engine) as conn:
            tiers = [value_on(conn, me, "tier", moment) for moment in moments]
            assert tiers == [NOT_RECORDED, "basic", "basic", "gold", "gold", None]
            assert value_on(conn, me, "joined_on", THEN) == date(2016, 3, 1)
            assert value_on(conn, me, "joined_on", THEN + DAY) == date(2015, 3, 1)
            assert value_on(conn, me + 1, "tier", THEN) is NOT_RECORDED

    def test_knows_contact_points_by_hash_and_attributes_by_name(self, engine) -> None:
        """No phone number stands in the history."""
        with write(engine) as conn:
            me = make_customer(conn, phone="+8613812345678", attributes={"points": "3"})
            former = [Change(me, "email", "0" * 32, None), Change(me, "attributes.points", "1", "3")]
            record_changes(conn, former, THEN + DAY)
        with read(engine) as conn:
            assert value_on(conn, me, "sms", THEN) == address_hash("sms", "+8613812345678")
            assert value_on(conn, me, "email", THEN) == "0" * 32
            assert value_on(conn, me, "email", THEN + DAY) is None
            assert value_on(conn, me, "attributes.points", THEN) == "1"
            assert value_on(conn, me, "attributes.points", THEN + DAY) == "3"

    def test_of_nothing_recorded_is_falsy_and_says_so(self) -> None:
        """Explanations print it as it is."""
        assert not NOT_RECORDED
        assert repr(NOT_RECORDED) == "not recorded"


class TestCustomerOn:
    def test_gives_the_whole_record_of_a_past_day(self, engine) -> None:
        """Columns, contact hashes, attributes and subscriptions together."""
        with write(engine) as conn:
            me = make_customer(conn, tier="basic", attributes={"points": "3", "new": "x"})
            line = make_subscription(conn, customer_id=me, plan="1000M")
            record_changes(
                conn,
                [
                    Change(me, "attributes.points", "1", "3"),
                    Change(me, "attributes.new", None, "x"),
                    Change(me, f"subscription.{line}", {"plan": "300M"}, {"plan": "1000M"}),
                    Change(me, "subscription.S-gone", {"plan": "50M"}, None),
                ],
                THEN + DAY,
            )
        changed(engine, me, THEN + 2 * DAY, tier="gold")
        with read(engine) as conn:
            past, present = customer_on(conn, me, THEN), customer_on(conn, me, THEN + 3 * DAY)
            assert customer_on(conn, me, THEN - DAY) is None
        assert past["tier"] == "basic"
        assert past["attributes"] == {"points": "1"}
        assert {name: one["plan"] for name, one in past["subscriptions"].items()} == {line: "300M", "S-gone": "50M"}
        assert present["tier"] == "gold"
        assert present["attributes"] == {"points": "3", "new": "x"}
        assert set(RECORDED) <= set(past)

    @pytest.mark.parametrize("private", ["name", "salutation"])
    def test_keeps_no_names(self, private) -> None:
        """What no rule reads is not remembered."""
        assert private not in RECORDED
