"""Customers who change after they were planned for."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.changes import Change, record_changes
from care.customers.tables import customer
from care.messages.tables import intended
from care.planning import marks
from tests.factories import make_consent, make_customer, make_suppression
from tests.house import BIRTHDAY, House


def planned(house: House, **fields: Any) -> int:
    """Plan one birthday of today, at eight in the morning, and return the customer."""
    house.clock.advance(timedelta(hours=-2))
    house.write_campaign()
    with write(house.engine) as conn:
        who = make_customer(conn, **{"consents": ("greeting",), "birth_mmdd": 925, **fields})
    house.plan()
    return who


def change(house: House, who: int, **fields: Any) -> None:
    """Change a customer as an import does."""
    with write(house.engine) as conn:
        conn.execute(sa.update(customer).where(customer.c.id == who).values(fields))
        changes = [Change(customer_id=who, field=name, old=None, new=new) for name, new in fields.items()]
        record_changes(conn, changes, house.clock.now())


class TestACustomerWho:
    def test_moved_is_greeted_at_ten_where_they_live_now(self, house: House) -> None:
        """The row follows the customer; it is still one row, and counted once."""
        who = planned(house)
        change(house, who, timezone="Europe/London", country="GB")
        house.plan()
        (row,) = house.messages()
        assert row.due_at == row.wake_at == datetime(2026, 9, 25, 9, 0, tzinfo=UTC)
        with read(house.engine) as conn:
            assert conn.execute(sa.select(sa.func.sum(intended.c.count))).scalar_one() == 1

    def test_corrects_the_birthday_is_not_greeted_on_the_wrong_day(self, house: House) -> None:
        """Cancelled for today, greeted on the right day after all, and each day's books have their own line."""
        who = planned(house)
        change(house, who, birth_mmdd=927)
        house.plan()
        assert house.statuses() == {"cancelled: no longer due after a change": 1}

        house.clock.advance(timedelta(days=2))
        house.plan()
        (row,) = house.messages(status="planned")
        assert row.due_at == datetime(2026, 9, 27, 2, 0, tzinfo=UTC)
        with read(house.engine) as conn:
            counted = conn.execute(sa.select(intended.c.occasion_on, intended.c.count))
            assert {row["occasion_on"]: row["count"] for row in counted.mappings()} == {
                date(2026, 9, 25): 1,
                date(2026, 9, 27): 1,
            }

    def test_corrects_the_birthday_of_tomorrow_is_not_greeted_then(self, house: House) -> None:
        """The change is seen once, so every day that is planned already is looked at then."""
        who = planned(house, birth_mmdd=926)
        change(house, who, birth_mmdd=1101)
        house.plan()
        assert house.statuses() == {"cancelled: no longer due after a change": 1}

    def test_consents_in_time_is_greeted(self, house: House) -> None:
        """Skipped at planning, and not yet too late."""
        who = planned(house, consents=())
        assert house.statuses() == {"skipped: no_consent": 1}
        with write(house.engine) as conn:
            make_consent(conn, customer_id=who)
        house.plan()
        assert house.statuses() == {"planned": 1}

    def test_asks_to_be_written_to_again_is_greeted(self, house: House) -> None:
        """START lifts the opt-out before the hour has come."""
        from care.customers.suppressions import lift_opt_out
        from tests.factories import address_hash

        phone = "+8613912345678"
        with write(house.engine) as conn:
            make_suppression(conn, address=phone, scope="marketing_and_survey")
        planned(house, phone=phone)
        assert house.statuses() == {"skipped: suppressed:opt_out": 1}
        with write(house.engine) as conn:
            hashed = address_hash("sms", phone)
            assert lift_opt_out(conn, address_hash=hashed, channel="sms", now=house.clock.now(), by="customer") == 1
        house.plan()
        assert house.statuses() == {"planned": 1}

    def test_is_one_of_very_many_is_found_too(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """After a great import everyone who is unsent is looked at anew."""
        monkeypatch.setattr(marks, "_MANY", 0)
        who = planned(house, consents=())
        with write(house.engine) as conn:
            make_consent(conn, customer_id=who)
        house.plan()
        assert house.statuses() == {"planned": 1}

    def test_has_been_greeted_already_is_left_alone(self, house: House) -> None:
        """What went out is history."""
        who = planned(house)
        house.clock.advance(timedelta(hours=2))
        assert house.dispatch() == 1
        before = house.messages()
        change(house, who, timezone="Europe/London", country="GB", birth_mmdd=927)
        house.plan()
        assert house.messages() == before

    def test_changes_nothing_that_matters_changes_nothing(self, house: House) -> None:
        """Nor does it touch the others."""
        who = planned(house)
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        house.plan()
        before = house.messages()
        change(house, who, area="north")
        house.plan()
        assert [(row.id, row.status, row.due_at) for row in house.messages()] == [
            (row.id, row.status, row.due_at) for row in before
        ]


class TestAMarkOfASettledDay:
    def test_is_not_believed_for_ever(self, house: House) -> None:
        """A row that became visible late, under a number below the highest, is found all the same."""
        planned(house)
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925, id=60)
        house.plan()
        with write(house.engine) as conn:
            make_customer(conn, consents=(), birth_mmdd=925, id=55)
        house.clock.advance(timedelta(minutes=16))
        assert house.plan().planned == 1


class TestALongUseBy:
    def test_outlives_an_edit(self, house: House) -> None:
        """Planned two days ago and still good for one: a new version of the file does not cancel it."""
        long = BIRTHDAY.replace("8h", "72h")
        house.write_campaign(long)
        with write(house.engine) as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        house.plan()
        house.clock.advance(timedelta(hours=47))
        house.write_campaign(long.replace("72h", "71h"))
        house.plan()
        assert house.statuses() == {"planned": 1}

    def test_comes_back_when_the_edit_is_undone(self, house: House) -> None:
        """Cancelled because the audience shrank, planned again because it grew back."""
        planned(house, area="north")
        house.write_campaign(BIRTHDAY.replace("audience: everyone", "audience: {area: {equals: south}}"))
        house.plan()
        assert house.statuses() == {"cancelled: no longer due after an edit": 1}
        house.write_campaign()
        house.plan()
        assert house.statuses() == {"cancelled: no longer due after an edit": 1, "planned": 1}
