"""kill -9 right after the 2xx: what was answered is there."""

import http.client
import json
import random
from contextlib import closing

import pytest

from tests.seeds import seed_of_run
from tests.stories.operator import kill, operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(300)]
ROUNDS = 4


def post(port: int, key: str, items: list[dict[str, object]]) -> int:
    """Post a list and return the answer's status."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as door:
        door.request("POST", "/api/v1/events", json.dumps(items), {"Authorization": f"Bearer {key}"})
        return door.getresponse().status


class TestAKilledWebProcess:
    def test_keeps_what_it_answered(self, tmp_path) -> None:
        """Killed the moment an answer is read, some rounds long: every answered event is a row, and is worked on."""
        dice = random.Random(seed_of_run())
        with operator(tmp_path) as made:
            made.enter(3)
            key = json.loads(made.must("keys", "create", "--scope", "events", "--json"))["key"]
            answered: set[str] = set()
            for number in range(ROUNDS):
                with made.running("web") as web:
                    for turn in range(dice.randint(1, 6)):
                        ids = [f"{number}-{turn}-{n}" for n in range(dice.randint(1, 40))]
                        event = {"type": "ticket.resolved", "customer": "C1", "at": "2026-01-05T09:00:00Z"}
                        items = [{**event, "id": name, "data": {"ticket": name}} for name in ids]
                        assert post(made.port, key, items) == 202
                        answered.update(ids)
                    kill(web.process.pid)
                    web.process.wait()
            assert {row[0] for row in made.ask("SELECT external_id FROM event")} == answered
            with made.running("web"):
                wait_until("all are worked on", lambda: not made.ask("SELECT 1 FROM event WHERE state <> 'done'"))
            assert made.ask("SELECT count(*) FROM ticket_resolution")[0][0] == len(answered)
