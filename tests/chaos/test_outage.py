"""Everything is down for ten minutes, web process and all: what customers wrote meanwhile is known before anything leaves."""

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.delivery.tables import incarnation, job_run
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.chaos.conftest import Scale
from tests.stories.operator import OURS, Operator, once_each, operator, phone, wait_until

PEOPLE, MICROSECONDS = 30, 600_000_000
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not Scale.is_long,
        reason="`make chaos` plays it; tests/cli/test_hearing_first.py has its rule on both databases",
    ),
]


def pass_time(made: Operator) -> None:
    """Let ten minutes pass in which nobody lived."""
    with write(made.engine) as conn:
        for table, column in ((incarnation, "started_at"), (incarnation, "seen_at"), (job_run, "last_at")):
            earlier = sa.type_coerce(table.c[column], sa.BigInteger) - MICROSECONDS
            conn.execute(sa.update(table).values({column: earlier}))


def wished(twilio: TwilioSimulator) -> Counter[str]:
    """Return how many wishes each number got; a refusal is confirmed."""
    return Counter(taken["to"] for taken in twilio.accepted() if "生日" in taken["body"])


class TestAnOutageOfEverything:
    def test_tells_nobody_who_refused_in_it(self, tmp_path: Path) -> None:
        """Their wishes were due at the start, and sending takes no seconds to begin."""
        with start_twilio_simulator(senders=[OURS]) as twilio, operator(tmp_path, twilio=twilio) as made:
            made.enter(PEOPLE)
            made.must("pause", "--all")
            with made.running("run") as daemon:
                wait_until("all are planned", lambda: made.statuses() == {"planned": PEOPLE})
                wait_until("a web process lives", lambda: made.ask("SELECT 1 FROM incarnation WHERE role = 'web'"))
                assert daemon.end() == 0
            pass_time(made)
            for number in (1, PEOPLE):
                assert twilio.reply(phone(number), OURS, "退订").status is None
            made.must("resume", "--all")
            with made.running("run"):
                wait_until("all others are told", lambda: len(wished(twilio)) >= PEOPLE - 2)
            assert wished(twilio) == once_each(range(2, PEOPLE))
