from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.campaigns.occasions.subscription_end import AutoRenew, SubscriptionEnd
from care.campaigns.scalars import Lead
from care.customers.tables import customer, subscription
from care.messages.tables import message
from tests.campaigns.owing import SHANGHAI, facts, owed, who
from tests.factories import make_customer, make_subscription

TEN = time(10)


class TestSubscriptionEnd:
    LADDER = SubscriptionEnd(before=(Lead(days=60), Lead(days=7), Lead(hours=24)), at=TEN)

    def test_is_owed_by_days_at_the_local_hour(self, engine) -> None:
        """Seven days before the last local day, once per subscription, end and lead."""
        with write(engine) as conn:
            customer_id = make_customer(conn, external_id="A")
            make_subscription(conn, customer_id=customer_id, external_id="S77", ends_on=date(2027, 1, 31))

        found = owed(engine, self.LADDER.select_due(date(2027, 1, 24), SHANGHAI))

        assert found == [("A", "subscription_end:S77:2027-01-31:7d", datetime(2027, 1, 24, 2, tzinfo=UTC))]

    def test_is_owed_by_hours_to_the_microsecond(self, engine) -> None:
        """24 hours before the very instant the service stops, on the local day in which that falls."""
        ends_at = datetime(2027, 1, 31, 7, 45, 12, 3, tzinfo=UTC)
        with write(engine) as conn:
            customer_id = make_customer(conn, external_id="A")
            make_subscription(
                conn, customer_id=customer_id, external_id="S1", ends_on=date(2027, 1, 31), ends_at=ends_at
            )

        found = owed(engine, self.LADDER.select_due(date(2027, 1, 30), SHANGHAI))

        assert found == [("A", "subscription_end:S1:2027-01-31:24h", ends_at - timedelta(hours=24))]
        assert not who(engine, self.LADDER.select_due(date(2027, 1, 31), SHANGHAI))

    def test_is_owed_on_exactly_one_day_through_a_change_of_clocks(self, engine) -> None:
        """Hour leads neither vanish nor double on days of 23 and 25 hours."""
        zone = "America/New_York"
        with write(engine) as conn:
            customer_id = make_customer(conn, timezone=zone)
            for hour in range(72):
                make_subscription(
                    conn,
                    customer_id=customer_id,
                    ends_at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour),
                    ends_on=date(2026, 11, 2),
                )
        occasion = SubscriptionEnd(before=(Lead(hours=24),), at=TEN)
        days = [date(2026, 10, 30) + timedelta(n) for n in range(6)]

        keys = [row[1] for day in days for row in owed(engine, occasion.select_due(day, zone))]

        assert len(keys) == len(set(keys)) == 72

    def test_leaves_out_what_renews_by_itself(self, engine) -> None:
        """Unless the file says otherwise."""
        with write(engine) as conn:
            customer_id = make_customer(conn)
            make_subscription(conn, customer_id=customer_id, ends_on=date(2027, 1, 31), auto_renew=True)
        day = date(2027, 1, 24)
        including = SubscriptionEnd(before=(Lead(days=7),), at=TEN, auto_renew=AutoRenew.INCLUDE)
        only = SubscriptionEnd(before=(Lead(days=7),), at=TEN, auto_renew=AutoRenew.ONLY)

        assert not who(engine, self.LADDER.select_due(day, SHANGHAI))
        assert len(who(engine, including.select_due(day, SHANGHAI))) == 1
        assert who(engine, only.select_due(day, SHANGHAI)) == who(engine, including.select_due(day, SHANGHAI))

    @pytest.mark.parametrize(
        ("change", "owed_still"),
        [
            (None, True),
            (sa.update(subscription).values(ends_on=date(2028, 1, 31)), False),
            (sa.update(subscription).values(auto_renew=True), False),
            (sa.update(customer).values(status="left"), False),
            (sa.delete(subscription), False),
        ],
    )
    def test_stops_when_renewed_or_left(self, engine, change, owed_still: bool) -> None:
        """The check before sending reads what is true then, not what was true when it was planned."""
        with write(engine) as conn:
            customer_id = make_customer(conn)
            make_subscription(conn, customer_id=customer_id, external_id="S77", ends_on=date(2027, 1, 31))
            conn.execute(sa.insert(message).values(**ledger_row(customer_id)))
            if change is not None:
                conn.execute(change)

        with read(engine) as conn:
            kept = conn.execute(sa.select(message.c.id).where(self.LADDER.still_owed())).all()

        assert bool(kept) is owed_still

    def test_writes_the_day_the_same_way_whatever_the_server_is_set_to(self, postgres_engine) -> None:
        """A server's date style must not change keys: every notice would go out again."""
        with write(postgres_engine) as conn:
            make_subscription(conn, customer_id=make_customer(conn), external_id="S77", ends_on=date(2027, 1, 31))
            conn.exec_driver_sql("SET LOCAL DateStyle TO 'SQL, DMY'")
            (due,) = SubscriptionEnd(before=(Lead(days=7),), at=TEN).select_due(date(2027, 1, 24), SHANGHAI)

            key = conn.execute(sa.select(due.occasion).select_from(subscription)).scalar_one()

        assert key == "subscription_end:S77:2027-01-31:7d"

    def test_tells_the_facts_of_the_term(self) -> None:
        """Plan, price, end and days left, in the customer's language; midnight is the end of the day before."""
        term = {
            "external_id": "S77",
            "plan": "融合300M套餐",
            "service": "宽带",
            "area": None,
            "monthly_amount_minor": 9900,
            "ends_on": date(2026, 6, 30),
            "ends_at": datetime(2026, 6, 30, 16, tzinfo=UTC),
        }

        assert self.LADDER.variables(facts(subject=term)) == {
            "date": "6月1日",
            "plan": "融合300M套餐",
            "service": "宽带",
            "subscription_id": "S77",
            "amount": "99元",
            "end_date": "6月30日",
            "end_at": "6月30日24:00",
            "cancel_by": "6月30日",
            "renew_date": "7月1日",
            "days_left": 29,
        }
        english = self.LADDER.variables(facts(subject=term, locale="en", currency="USD"))
        assert (english["end_at"], english["amount"]) == ("30 June 23:59", "US$99")

    def test_has_a_lead_for_each_line_of_a_plan(self) -> None:
        """The sets come longest lead first."""
        keys = [
            str(due.occasion.compile(compile_kwargs={"literal_binds": True}))
            for due in self.LADDER.select_due(date(2027, 1, 1), SHANGHAI)
        ]

        assert [key.rpartition(":")[2].strip("'") for key in keys] == ["60d", "7d", "24h"]


def ledger_row(customer_id: int) -> dict[str, object]:
    """Return a planned message for the seven-day notice of S77."""
    at = datetime(2027, 1, 24, 2, tzinfo=UTC)
    return {
        "campaign_id": "renewal",
        "occasion": "subscription_end:S77:2027-01-31:7d",
        "customer_id": customer_id,
        "occasion_on": date(2027, 1, 24),
        "subject": "S77",
        "purpose": "service",
        "lane": 1,
        "status": "planned",
        "due_at": at,
        "use_by": at + timedelta(hours=8),
        "wake_at": at,
        "plan_digest": "x",
        "planned_at": at,
        "status_at": at,
    }
