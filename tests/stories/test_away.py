"""The house was away while receipts came: afterwards it knows them all the same."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.simulators.twilio.process import start_twilio_simulator
from tests.stories.operator import OURS, accepted, once_each, operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HOUR = 3_600_000_000


class TestAway:
    def test_what_was_not_heard_is_fetched_at_the_next_start(self, tmp_path: Path) -> None:
        """No callback of ten messages ever arrives; after an hour away every one is delivered in the books."""
        with start_twilio_simulator(senders=[OURS], script={"callbacks": {"lose": 1.0}}) as twilio:
            with operator(tmp_path, twilio=twilio) as made:
                made.enter(10)
                with made.running("run") as daemon:
                    wait_until("all have left", lambda: made.statuses() == {"accepted": 10})
                    wait_until(
                        "the web process lives", lambda: made.ask("SELECT 1 FROM incarnation WHERE role = 'web'")
                    )
                    assert daemon.end() == 0
                with write(made.engine) as conn:
                    conn.execute(sa.text("DELETE FROM job_run WHERE name = 'catch_up'"))
                    past = "UPDATE incarnation SET started_at = started_at - :h, seen_at = seen_at - :h"
                    conn.execute(sa.text(f"{past} WHERE role = 'web'"), {"h": HOUR})
                with made.running("run") as daemon:
                    wait_until("all are known", lambda: made.statuses() == {"delivered": 10})
                    told = wait_until("the log says so", lambda: daemon.events("receipts.asked"))
                    assert told[0]["answers"] == 10
                    assert daemon.end() == 0
            assert accepted(twilio) == once_each(range(1, 11))
