"""Row 5: the harness bites. Senders without an intent, under the same kills and the same law, double and lose."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from care.base.vocabulary import Delivery
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.chaos.conftest import Figures, Scale
from tests.chaos.law import Tally, tally
from tests.stories.operator import OURS, accepted, phone, wait_until

SLOW = {"create_rates": {"slow-reply": 0.5, "late": 0.5}, "hang_seconds": 0.1}
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(600)]


@contextmanager
def naive(ledger: Path, twilio: TwilioSimulator, order: str) -> Iterator[subprocess.Popen[bytes]]:
    account = f"{twilio.account_sid}:{twilio.auth_token}"
    command = [sys.executable, "-m", "tests.chaos.naive_sender", str(ledger), twilio.url, account, order]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def play(ledger: Path, order: str, people: int, kills: int, dice: random.Random) -> Tally:
    """Let a naive sender work through so many kills, then to its end."""
    everyone = [phone(n) for n in range(1, people + 1)]
    with (
        start_twilio_simulator(senders=[OURS], script=SLOW, seed=dice.randrange(1000)) as twilio,
        closing(sqlite3.connect(ledger, isolation_level=None)) as base,
    ):
        base.execute("CREATE TABLE told (number TEXT PRIMARY KEY, status TEXT NOT NULL)")
        base.executemany("INSERT INTO told VALUES (?, 'planned')", [[number] for number in everyone])
        for _ in range(kills):
            goal = len(twilio.accepted()) + dice.randint(1, 12)
            with naive(ledger, twilio, order) as process:
                wait_until("more are taken", lambda goal=goal: len(twilio.accepted()) >= goal)
                assert process.poll() is None
        with naive(ledger, twilio, order) as process:
            assert process.wait(300) == 0
        said = dict(base.execute("SELECT number, status FROM told"))
        return tally(dict.fromkeys(everyone, Delivery.ONCE), accepted(twilio), said)


class TestASenderWithoutIntents:
    @pytest.mark.parametrize("order", ["send-write", "write-send"])
    def test_fails_under_the_same_law(
        self, tmp_path: Path, scale: Scale, dice: random.Random, figures: Figures, order: str
    ):
        """Who sends first tells people twice, who writes first forgets them, and the law says so."""
        people, kills = scale.of((120, 6), (900, 25))
        found = play(tmp_path / "told.db", order, people, kills, dice)
        wanted = {"send-write": "copies > 0", "write-send": "lost > 0"}[order]
        figures.show(5, f"{order}, {kills} kills", wanted, str(found))
        assert not found.balances
        assert (found.copies > 0, found.lost > 0) == (order == "send-write", order == "write-send")
