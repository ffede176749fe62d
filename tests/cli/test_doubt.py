"""`care provider verify` and `care resolve`, with the Twilio look-alike."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.delivery.accounts import account_digest
from care.delivery.channels.sandbox import SandboxGateway
from care.delivery.doubt import SETTLE
from care.delivery.tables import list_proof
from care.messages.tables import attempt
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.cli.desk import Desk
from tests.reports.ledger import make_attempt, make_message
from tests.stories.operator import OURS, Operator, accepted, operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NONE_YOUNG = {"too_young": 0, "ask_again_at": None}
MINE = "+8613800000099"


@pytest.fixture
def twilio() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(senders=[OURS], callbacks=False) as simulator:
        yield simulator


@pytest.fixture
def shop(tmp_path: Path, twilio: TwilioSimulator) -> Iterator[Operator]:
    with operator(tmp_path, twilio=twilio) as made:
        yield made


def let_settle(shop: Operator) -> None:
    """Let the two minutes pass in which callbacks may come."""
    with write(shop.engine) as conn:
        earlier = sa.type_coerce(attempt.c.done_at, sa.BigInteger) - int(SETTLE.total_seconds()) * 1_000_000
        conn.execute(sa.update(attempt).values(done_at=sa.type_coerce(earlier, attempt.c.done_at.type)))


def send_into_doubt(shop: Operator, twilio: TwilioSimulator, *faults: str) -> None:
    """Greet so many people while each request meets a fault."""
    shop.enter(len(faults))
    twilio.script({"create": list(faults)})
    with shop.running("run", "--no-web") as daemon:
        wait_until("all are in doubt", lambda: shop.statuses() == {"unknown": len(faults)})
        assert daemon.end() == 0


class TestResolve:
    def test_settles_by_the_list_alone(self, shop: Operator, twilio: TwilioSimulator) -> None:
        """What the provider has is taken as told; what it lacks stays in doubt until its list has been verified."""
        send_into_doubt(shop, twilio, "lost-reply", "503")
        let_settle(shop)
        answer = shop.care("resolve", "--json")
        assert json.loads(answer.out) == {"asked": 2, "taken": 1, "sent_again": 0, "in_doubt": 1, **NONE_YOUNG}
        assert answer.code == 1
        verified = shop.care("provider", "verify", "--to", MINE, "--count", "2", "--json")
        assert verified.code == 0, verified
        assert {**json.loads(verified.out), "slowest_ms": 0} == {
            "provider": "twilio",
            "sent": 2,
            "listed": 2,
            "slowest_ms": 0,
            "trusted": True,
            "why_not": "",
        }
        answer = shop.care("resolve")
        assert answer == (0, "1 looked at: 0 at the provider, 1 sent again; 0 in doubt\n", "")
        shop.must("dispatch", "--until-idle")
        assert set(accepted(twilio).values()) == {1, 2}  # twice only to the number that verified
        assert accepted(twilio)[MINE] == 2
        assert set(shop.statuses()) <= {"accepted", "sent", "delivered"}

    def test_has_nothing_to_do_on_a_quiet_day(self, shop: Operator) -> None:
        """Exit 0, and it says so."""
        assert shop.care("resolve").out == "0 looked at: 0 at the provider, 0 sent again; 0 in doubt\n"


class TestResolveAtOnce:
    def test_tells_what_is_too_young_and_when_to_ask_again(self, desk: Desk) -> None:
        """Until its callbacks had their two minutes nothing is asked."""
        now = desk.house.clock.now()
        with write(desk.engine) as conn:
            for age in (30, 90):
                made = make_message(conn, status="unknown", attempts=1)
                make_attempt(conn, made, outcome="unknown", provider_ref=None, done_at=now - timedelta(seconds=age))
        answer = desk("resolve")
        told = "0 looked at: 0 at the provider, 0 sent again; 2 in doubt"
        words = f"{told}, 2 of them too young to ask about: ask again in 2 minutes\n"
        assert (answer.code, answer.out) == (1, words)
        told_again = json.loads(desk("resolve", "--json").out)
        assert (told_again["too_young"], told_again["in_doubt"]) == (2, 2)
        assert datetime.fromisoformat(told_again["ask_again_at"]) == now + timedelta(seconds=90)


class TestVerify:
    def test_needs_a_number(self, shop: Operator) -> None:
        """One line names what is wrong with it, and nothing is sent."""
        for words in (("--to", "12"), ()):
            answer = shop.care("provider", "verify", *words)
            assert answer.code == 2
            assert answer.err.count("\n") <= 3

    def test_asks_the_second_account_on_demand(self, shop: Operator, tmp_path: Path) -> None:
        """The proof is kept for that account alone; without one it is an error in the command."""
        answer = shop.care("provider", "verify", "--to", MINE, "--backup")
        assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert "[twilio.backup]" in answer.err
        with start_twilio_simulator(callbacks=False, has_second=True) as both:
            second = both.second()
            own = {"ACCOUNT_SID": second.account_sid, "AUTH_TOKEN": second.auth_token, "BASE_URL": both.url}
            env = {f"CARE_TWILIO__BACKUP__{key}": value for key, value in {**own, "FROM_NUMBER": OURS}.items()}
            answer = shop.care("provider", "verify", "--to", MINE, "--count", "1", "--backup", "--json", **env)
            assert answer.code == 0, answer
            assert json.loads(answer.out)["provider"] == "twilio.backup"
            assert (accepted(second), accepted(both)) == ({MINE: 1}, {})
        engine = shop.engine
        with read(engine) as conn:
            rows = conn.execute(sa.select(list_proof.c.provider, list_proof.c.account)).all()
        assert [tuple(row) for row in rows] == [("twilio.backup", account_digest(second.account_sid))]

    def test_trusts_no_account_that_refuses(self, shop: Operator, twilio: TwilioSimulator) -> None:
        """A wrong token is told in one line."""
        answer = shop.care("provider", "verify", "--to", MINE, CARE_TWILIO__AUTH_TOKEN="wrong")
        assert answer.code == 1
        assert answer.err.count("\n") == 1
        assert accepted(twilio) == {}


class TestVerifyTheSandbox:
    def test_trusts_it(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """It lists whatever it took, though sending takes a moment; one line, exit 0."""
        send = SandboxGateway.send

        async def in_a_moment(*outgoing: Any) -> Any:
            desk.house.clock.advance(timedelta(milliseconds=80))
            return await send(*outgoing)

        monkeypatch.setattr(SandboxGateway, "send", in_a_moment)
        answer = desk("provider", "verify", "--to", MINE, "--count", "2")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == "sandbox: 2 of 2 listed, the slowest after 80 ms; the list is trusted\n"

    def test_names_no_slowest_of_none(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A list that shows nothing is not trusted, and the line says that."""

        async def nothing(*_: object) -> list[object]:
            desk.house.clock.advance(timedelta(seconds=1))
            return []

        monkeypatch.setattr(SandboxGateway, "list_to", nothing)
        answer = desk("provider", "verify", "--to", MINE, "--count", "1", "--patience", "1")
        words = "the list is not trusted: it never showed 1 of what the provider took"
        assert (answer.code, answer.out) == (1, f"sandbox: 0 of 1 listed; {words}\n")
