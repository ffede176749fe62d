"""Row 20 for mails: one of two relays dies in the midst of its mails, and senders after it; neither keeps a list."""

import random
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.base.database import read, write
from care.base.vocabulary import Delivery
from care.delivery.pace import group_size
from tests.chaos.conftest import Figures, Scale
from tests.chaos.law import Tally, tally
from tests.chaos.stage import NO_DISPATCHER, STANDING, kill_and_wait
from tests.chaos.test_mail_kills import drain, left_to_send
from tests.contracts.mail_server import CA_FILE, MailServer
from tests.factories import make_customer
from tests.house import BIRTHDAY, build_house
from tests.stories.operator import Operator, operator, wait_until

PACE = 20
EXPECTED = "nobody at both, 0 lost, a group in doubt at most by each death"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def relays(first: MailServer, second: MailServer) -> dict[str, str]:
    """Return the settings of two relays."""
    made = {"EMAIL__PROVIDER": "smtp"}
    for section, mail in (("SMTP", first), ("SMTP__BACKUP", second)):
        made |= {f"{section}__HOST": "localhost", f"{section}__PORT": str(mail.port), f"{section}__TLS": "starttls"}
        made[f"{section}__CA_FILE"] = str(CA_FILE)
    return made


def die_after(mail: MailServer, mails: int) -> None:
    """Let a relay go down when it has taken so many: the answer to the last, and whatever is under way, is lost."""
    real = mail.handler.handle_DATA

    async def take_and_die(*given: Any) -> str:
        answer = await real(*given)
        if len(mail.handler.taken) >= mails:
            mail.controller.server.close()
            for one in mail.controller.met:
                if one.transport is not None:
                    one.transport.abort()
        return answer

    mail.handler.handle_DATA = take_and_die  # type: ignore[method-assign]


def go_on(made: Operator, mail: MailServer, count: int) -> None:
    """Let a relay take so many more mails, or all there are."""
    goal = len(mail.handler.taken) + count
    wait_until(f"{count} more are taken", lambda: len(mail.handler.taken) >= goal or not left_to_send(made))


def judge(people: int, first: MailServer, second: MailServer, standing: dict[str, str]) -> tuple[Tally, str]:
    """Hold the ledger against what both have taken together; return it, and in words."""
    by_first, by_second = (Counter(each.rcpt_tos[0] for each in mail.handler.taken) for mail in (first, second))
    owed = {f"c{n}@example.com": Delivery.ONCE for n in range(1, people + 1)}
    found = tally(owed, by_first + by_second, standing)
    assert found.balances, found
    assert found.copies == found.open == sum(found.named.values()) == 0
    assert by_first
    assert by_second
    return found, f"{len(by_first)} by the first, {len(by_second)} by the second, {found}"


class TestARelayThatDies:
    def test_shares_nobody_with_the_other(
        self, tmp_path: Path, sqlite_engine: sa.Engine, clock: VirtualClock, dice: random.Random, figures: Figures
    ) -> None:
        """Who had left for it is in doubt at the most; everybody else is told through the second, once."""
        people = 60
        with (
            MailServer(pipelining=True, tls="starttls") as first,
            MailServer(pipelining=True, tls="starttls") as second,
        ):
            house = build_house(tmp_path, sqlite_engine, clock, **relays(first, second))
            house.write_campaign(BIRTHDAY.replace("[sms, email]", "[email]"))
            with write(house.engine) as conn:
                for n in range(1, people + 1):
                    make_customer(conn, email=f"c{n}@example.com", consents=("greeting",), birth_mmdd=925)
            house.plan()
            die_after(first, dice.randint(5, people // 2))
            while {"planned", "held"} & {row.status for row in house.messages()}:
                house.dispatch()
                house.clock.advance(timedelta(minutes=3))
            with read(house.engine) as conn:
                rows = conn.execute(sa.text(ADDRESSED)).all()
            found, seen = judge(people, first, second, {row[0]: row[1] for row in rows})
        connections = house.services.settings.smtp.connections
        expected = f"nobody at both, 0 lost, {connections} in doubt at most: one for each connection"
        figures.show(20, f"{people} mails, the first relay dies", expected, seen)
        assert found.doubt <= connections

    @pytest.mark.crash
    def test_shares_nobody_when_senders_die_too(
        self, tmp_path: Path, scale: Scale, dice: random.Random, figures: Figures
    ) -> None:
        """By real processes: what the first one knew of its relays the next one reads in the tables."""
        if not scale.is_long:
            pytest.skip("the processes are played by make chaos")
        people, kills = 600, 5
        with ExitStack() as life_of_first, MailServer(pipelining=True, tls="starttls") as second:
            first = life_of_first.enter_context(MailServer(pipelining=True, tls="starttls"))
            settings = {**relays(first, second), "EMAIL__RATE_PER_SECOND": str(PACE)}
            with operator(tmp_path, **settings) as made:
                made.enter(0, mails=people)
                with made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
                    wait_until("everybody is planned", lambda: made.statuses().get("planned") == people)
                    assert daemon.end() == 0
                with made.running("run", "--no-web"):
                    go_on(made, first, dice.randint(1, people // 4))
                    life_of_first.close()
                    go_on(made, second, 1)
                for _ in range(kills):
                    with made.running("dispatch") as sender:
                        go_on(made, second, dice.randint(2, 20))
                        kill_and_wait(sender)
                drain(made)
                standing = {f"{row[0].lower()}@example.com": row[1] for row in made.ask(STANDING)}
            found, seen = judge(people, first, second, standing)
        figures.show(20, f"{people} mails, the first relay dies, {kills + 1} senders too", EXPECTED, seen)
        assert found.doubt <= (kills + 2) * group_size(PACE)


ADDRESSED = (
    "SELECT p.address, m.status FROM message m JOIN contact_point p ON p.customer_id = m.customer_id "
    "AND p.channel = 'email'"
)
