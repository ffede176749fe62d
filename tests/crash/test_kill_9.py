"""kill -9 at random moments, each seeded and printed: nobody is told twice, nobody is forgotten, the books balance."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.seeds import seed_of_run
from tests.stories.operator import (
    OURS,
    Operator,
    accepted,
    is_alive,
    kill,
    operator,
    phone,
    wait_until,
)

PEOPLE = 200
MANY = 12_000
SLOW = {
    "create_rates": {"slow-reply": 0.4, "late": 0.4},
    "hang_seconds": 0.05,
    "callbacks": {"delay_seconds": [0, 0.2]},
}
PACE = {"SMS__RATE_PER_SECOND": "20"}
UNSENT = {"planned", "held", "sending"}
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(300)]


@pytest.fixture
def dice() -> random.Random:
    """Random numbers of this run; CARE_TEST_SEED repeats them."""
    return random.Random(seed_of_run())


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with customers who are all to be greeted today."""
    folder = tmp_path_factory.mktemp("stock")
    with operator(folder) as made:
        made.enter(PEOPLE)
    return folder


@pytest.fixture
def twilio(dice: random.Random) -> Iterator[TwilioSimulator]:
    """A slow provider, so that something is always on its way."""
    with start_twilio_simulator(senders=[OURS], script=SLOW, seed=dice.randrange(1000)) as simulator:
        yield simulator


def go_on(made: Operator, twilio: TwilioSimulator, count: int) -> None:
    """Let so many more messages be accepted, or all that may."""
    goal = len(twilio.accepted()) + count
    wait_until(
        f"{count} more are accepted",
        lambda: len(twilio.accepted()) >= goal or have_all_left(made),
    )


def have_all_left(made: Operator) -> bool:
    """Tell whether nothing is to be sent any more; what was alone in hand at a kill need not wait its minute."""
    spared = "status = 'planned' AND strikes > 1 AND wake_at > due_at"
    if made.ask(f"SELECT 1 FROM message WHERE {spared}"):  # noqa: S608 - a fixed text
        with write(made.engine) as conn:
            conn.execute(sa.text(f"UPDATE message SET wake_at = due_at WHERE {spared}"))  # noqa: S608
    return bool(made.statuses()) and not UNSENT & set(made.statuses())


def wait_for_the_end(made: Operator, twilio: TwilioSimulator) -> None:
    """Everything has left that may leave, and every receipt is worked on."""
    wait_until("everything has left", lambda: have_all_left(made), 180)
    twilio.wait_until_settled(30)
    wait_until("every webhook is worked on", lambda: not made.ask("SELECT 1 FROM webhook WHERE done_at IS NULL"))


def check_truth(made: Operator, twilio: TwilioSimulator) -> None:
    """The provider's accept log against the ledger: at most one each, and no row that tells otherwise."""
    told = accepted(twilio)
    assert {number for number, count in told.items() if count > 1} == set()
    rows = made.ask("SELECT c.external_id, m.status FROM message m JOIN customer c ON c.id = m.customer_id")
    standing = {phone(int(external_id[1:])): status for external_id, status in rows}
    assert len(standing) == PEOPLE
    assert {standing[number] for number in told} <= {"accepted", "sent", "delivered", "unknown"}
    assert {status for number, status in standing.items() if number not in told} <= {"unknown"}
    books = json.loads(made.must("books", "--json"))
    assert books["difference"] == 0
    assert books["intended"] == PEOPLE
    assert len(books["unknown"]) == Counter(standing.values())["unknown"]


class TestKilledProcesses:
    def test_dispatcher_and_web_process_come_back(
        self, stock: Path, tmp_path: Path, twilio: TwilioSimulator, dice: random.Random
    ) -> None:
        """Five kills in the middle of sending and of receipts; the leader starts them again."""
        victims = dice.sample(["dispatch", "dispatch", "dispatch", "web", "web"], 5)
        with operator(tmp_path, stock=stock, twilio=twilio, **PACE) as made, made.running("run") as daemon:
            last = {"dispatch": 0, "web": 0}
            for victim in victims:
                go_on(made, twilio, dice.randrange(1, 30))
                last[victim] = daemon.child(victim, after=last[victim])
                kill(last[victim])
            wait_for_the_end(made, twilio)
            check_truth(made, twilio)
            assert daemon.end() == 0

    def test_leader_takes_its_children_along(
        self, stock: Path, tmp_path: Path, twilio: TwilioSimulator, dice: random.Random
    ) -> None:
        """No orphan goes on; whoever starts the daemon again finds the locks free and everything in its place."""
        with operator(tmp_path, stock=stock, twilio=twilio, SMS__RATE_PER_SECOND="60") as made:
            for _ in range(2):
                with made.running("run") as daemon:
                    go_on(made, twilio, dice.randrange(1, 60))
                    family = [daemon.child(name) for name in ("web", "dispatch")]
                    kill(daemon.process.pid)
                    wait_until("the children have ended", lambda family=family: not any(map(is_alive, family)), 15)
                assert not {"sending", "unknown"} & set(made.statuses())
            with made.running("run") as daemon:
                wait_for_the_end(made, twilio)
                assert daemon.end() == 0
            check_truth(made, twilio)
            assert len(accepted(twilio)) == PEOPLE


class TestCutConnections:
    def test_to_a_database_server_cost_nothing(
        self, empty_postgres: str, tmp_path: Path, twilio: TwilioSimulator, dice: random.Random
    ) -> None:
        """Every connection is cut, five times, in the middle of claims, commits and records: all are told once."""
        everyone = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pace = {"SMS__RATE_PER_SECOND": "60"}
        with operator(tmp_path, url=empty_postgres, twilio=twilio, **pace) as made:
            made.enter(PEOPLE)
            with made.running("run") as daemon:
                for _ in range(5):
                    go_on(made, twilio, dice.randrange(1, 30))
                    # What was in flight goes on being accepted while nobody is connected yet after the last cut.
                    wait_until("a connection is cut", lambda: made.ask(everyone)[0][0] > 0)
                wait_for_the_end(made, twilio)
                check_truth(made, twilio)
                assert daemon.end() == 0
                assert "Traceback" not in daemon.said()
            assert len(accepted(twilio)) == PEOPLE
            assert set(made.statuses()) <= {"accepted", "sent", "delivered"}
            assert made.ask("SELECT max(strikes) FROM message") == [(0,)]


class TestKilledImport:
    def test_is_finished_by_running_it_again(self, tmp_path: Path, dice: random.Random) -> None:
        """Whole batches are in, or not at all; the second run adds the rest and doubles nothing."""
        with operator(tmp_path) as made:
            file = made.write_customers(MANY)
            done = 0
            for moment in sorted(dice.sample(range(MANY - 3000), 2)):
                with made.running("import", "customers", str(file)):
                    wait_until("some batches are in", lambda moment=moment: customers(made) > moment)
                assert done <= customers(made) <= MANY
                assert customers(made) % 2_000 == 0
                done = customers(made)
            again = json.loads(made.must("import", "customers", str(file), "--json"))
            assert (again["added"], again["unchanged"], again["updated"]) == (MANY - done, done, 0)
            assert customers(made) == MANY
            assert made.ask("SELECT count(DISTINCT address_hash), count(*) FROM contact_point") == [(MANY, MANY)]
            assert made.ask("SELECT count(*) FROM customer_change WHERE field = 'joined_on'")[0][0] in {0, MANY}
            plan_under_fire(made, dice)


def customers(made: Operator) -> int:
    return int(made.ask("SELECT count(*) FROM customer")[0][0])


def plan_under_fire(made: Operator, dice: random.Random) -> None:
    """Kill the planner between its transactions: the next one plans the rest, once, and counts it once."""

    def planned() -> int:
        return int(made.ask("SELECT count(*) FROM message")[0][0])

    for moment in (0, dice.randrange(MANY)):
        with made.running("run"):
            wait_until("planning goes on", lambda moment=moment: planned() >= moment)
        counted = made.ask("SELECT coalesce(sum(count), 0) FROM intended")
        assert counted == [(planned(),)]
    with made.running("run") as daemon:
        wait_until("everybody is planned", lambda: planned() == MANY)
        assert daemon.end() == 0
    assert made.statuses() == {"skipped": MANY}
    assert made.ask("SELECT sum(count) FROM intended") == [(MANY,)]
    assert json.loads(made.must("books", "--json"))["difference"] == 0
