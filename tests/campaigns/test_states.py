from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.campaigns.model import Campaign
from care.campaigns.states import (
    cancel_campaign,
    cancelled_ids,
    known_campaigns,
    resume_campaign,
    states_now,
)
from care.messages.stops import campaign_scope, put_pause
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


class TestStatesNow:
    def test_tells_paused_and_cancelled_campaigns(self, engine, campaign) -> None:
        """A pause that is over is none; a cancellation outweighs a pause; purposes are not campaigns."""
        hour = timedelta(hours=1)
        cancel_campaign(engine, campaign, by="ops:ann", now=NOW)
        with write(engine) as conn:
            put_pause(conn, campaign_scope("birthday"), until=None, by="ops:ann", now=NOW)
            put_pause(conn, campaign_scope("qixi"), until=NOW + hour, by="ops:ann", now=NOW)
            put_pause(conn, "purpose:greeting", until=None, by="ops:bob", now=NOW)

        with read(engine) as conn:
            assert states_now(conn, NOW) == {"birthday": "cancelled", "qixi": "paused"}
            assert states_now(conn, NOW + hour) == {"birthday": "cancelled"}


class TestCancelCampaign:
    def test_cancels_what_is_unsent_only(self, engine, campaign) -> None:
        """Planned and held end with a reason and a move; what went out, and other campaigns, stay."""
        with write(engine) as conn:
            for status in ("planned", "held", "delivered"):
                add_message(conn, status)
            add_message(conn, "planned", campaign_id="other")

        assert cancel_campaign(engine, campaign, by="ops:ann", now=NOW).cancelled == 2

        with read(engine) as conn:
            rows = conn.execute(sa.select(message.c.campaign_id, message.c.status, message.c.reason)).all()
            moves = conn.execute(sa.select(move.c.status, move.c.by)).all()
        assert sorted(map(tuple, rows), key=str) == [
            ("birthday", "cancelled", "cancelled by ops"),
            ("birthday", "cancelled", "cancelled by ops"),
            ("birthday", "delivered", None),
            ("other", "planned", None),
        ]
        assert [tuple(row) for row in moves] == [("cancelled", "ops:ann")] * 2

    def test_stays_known_until_resumed(self, engine, campaign) -> None:
        """The planner reads the state; resuming it twice is told apart from resuming it once."""
        assert cancel_campaign(engine, campaign, by="ops:ann", now=NOW).cancelled == 0
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
