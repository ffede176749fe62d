from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.campaigns.model import Campaign
from care.campaigns.states import (
    campaign_scope,
    cancel_campaign,
    cancelled_ids,
    known_campaigns,
    pause_scope,
    pauses,
    resume_campaign,
    resume_scope,
)
from care.messages.tables import campaign_known, message, move
from tests.campaigns.conftest import BIRTHDAY
from tests.factories import make_customer

NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)


@pytest.fixture
def campaign(load_one) -> Campaign:
    """The birthday campaign."""
    return load_one(BIRTHDAY)


def add_message(conn: sa.Connection, status: str, **more: object) -> int:
    """Write one ledger row of the birthday campaign."""
    row = {
        "campaign_id": "birthday",
        "occasion": "birthday:solar-2026",
        "customer_id": make_customer(conn),
        "occasion_on": NOW.date(),
        "purpose": "greeting",
        "lane": 5,
        "status": status,
        "reason": "quiet hours" if status == "held" else None,
        "due_at": NOW,
        "use_by": NOW + timedelta(hours=8),
        "wake_at": NOW,
        "delivered_at": NOW if status == "delivered" else None,
        "plan_digest": "x",
        "planned_at": NOW,
        "status_at": NOW,
    }
    return int(conn.execute(sa.insert(message).values(row | more).returning(message.c.id)).scalar_one())


class TestPauseScope:
    def test_stops_until_an_instant_and_is_lifted(self, engine) -> None:
        """A pause has an end or none, can be moved, and ends by itself or by hand."""
        scope = campaign_scope("birthday")
        with write(engine) as conn:
            pause_scope(conn, scope, until=None, by="ops:ann", now=NOW)
            pause_scope(conn, scope, until=NOW + timedelta(hours=1), by="ops:bob", now=NOW)
            pause_scope(conn, "purpose:greeting", until=None, by="ops:bob", now=NOW)

        with read(engine) as conn:
            assert pauses(conn, NOW) == {scope: NOW + timedelta(hours=1), "purpose:greeting": None}
            assert pauses(conn, NOW + timedelta(hours=1)) == {"purpose:greeting": None}
        with write(engine) as conn:
            assert resume_scope(conn, "purpose:greeting")
            assert not resume_scope(conn, "purpose:greeting")


class TestCancelCampaign:
    def test_cancels_what_is_unsent_only(self, engine, campaign) -> None:
        """Planned and held end with a reason and a move; what went out, and other campaigns, stay."""
        with write(engine) as conn:
            for status in ("planned", "held", "delivered"):
                add_message(conn, status)
            add_message(conn, "planned", campaign_id="other")

        assert cancel_campaign(engine, campaign, by="ops:ann", now=NOW) == 2

        with read(engine) as conn:
            rows = conn.execute(sa.select(message.c.campaign_id, message.c.status, message.c.reason)).all()
            moves = conn.execute(sa.select(move.c.status, move.c.by)).all()
        assert sorted(map(tuple, rows), key=str) == [
            ("birthday", "cancelled", "cancelled by hand"),
            ("birthday", "cancelled", "cancelled by hand"),
            ("birthday", "delivered", None),
            ("other", "planned", None),
        ]
        assert [tuple(row) for row in moves] == [("cancelled", "ops:ann")] * 2

    def test_stays_known_until_resumed(self, engine, campaign) -> None:
        """The planner reads the state; resuming it twice is told apart from resuming it once."""
        assert cancel_campaign(engine, campaign, by="ops:ann", now=NOW) == 0
        with read(engine) as conn:
            assert cancelled_ids(conn) == {"birthday"}
            assert [known.id for known in known_campaigns(conn)] == ["birthday"]

        with write(engine) as conn:
            assert resume_campaign(conn, campaign, now=NOW)
            assert not resume_campaign(conn, campaign, now=NOW)
            assert cancelled_ids(conn) == frozenset()

    def test_keeps_what_the_planner_noted(self, engine, campaign) -> None:
        """Cancelling changes the state, not the version that was planned with."""
        with write(engine) as conn:
            noted = {"campaign_id": "birthday", "name": "birthday", "digest": "old", "state": "live", "seen_at": NOW}
            conn.execute(sa.insert(campaign_known).values(noted))

        cancel_campaign(engine, campaign, by="ops", now=NOW)

        with read(engine) as conn:
            (known,) = known_campaigns(conn)
        assert known.digest == "old"
