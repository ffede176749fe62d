"""Row 1 for mails: a relay keeps no list, so whatever was on its way at a death stays in doubt and is not sent again."""

import random
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.base.failpoints import VARIABLE
from care.base.vocabulary import Delivery
from care.delivery.pace import group_size
from care.messages.tables import message
from tests.chaos.conftest import Figures, Scale
from tests.chaos.law import tally
from tests.chaos.stage import KILLED, NO_DISPATCHER, STANDING, kill_and_wait
from tests.contracts.mail_server import MailServer
from tests.stories.operator import PATIENCE, Operator, operator, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(600)]
PACE = 10
POINTS = ("call.before", "call.answered", "intent.committed", "outcome.before_commit")


def die_somewhere(made: Operator, mail: MailServer, dice: random.Random) -> int:
    """Let a sender die between two steps of a mail, or at any moment of one; return what it leaves without an outcome."""
    if dice.random() < 0.5:
        goal = len(mail.handler.taken) + dice.randint(2, 8)
        with made.running("dispatch") as running:
            wait_until("some mails are taken", lambda: len(mail.handler.taken) >= goal or not left_to_send(made))
            kill_and_wait(running)
    else:
        armed = {VARIABLE: f"{dice.choice(POINTS)}:{dice.randint(1, 3)}"}
        with made.running("dispatch", "--until-idle", **armed) as running:
            assert running.process.wait(60 * PATIENCE) in (0, KILLED), running.said()
    return int(made.ask("SELECT count(*) FROM attempt WHERE outcome = 'intent'")[0][0])


def left_to_send(made: Operator) -> bool:
    return bool({"planned", "held", "sending"} & set(made.statuses()))


def drain(made: Operator) -> None:
    """Send what is left, nobody dying; whoever was in hand at two deaths need not rest here."""
    while left_to_send(made):
        with write(made.engine) as conn:
            conn.execute(sa.update(message).where(message.c.status == "planned").values(wake_at=message.c.due_at))
        with made.running("dispatch", "--until-idle") as running:
            assert running.process.wait(240 * PATIENCE) == 0, running.said()


class TestAKilledSenderOfMails:
    def test_sends_no_mail_twice_and_forgets_none(
        self, tmp_path: Path, scale: Scale, dice: random.Random, figures: Figures
    ):
        """Killed before, between and after the steps of a mail, and while the relay's answer is on its way."""
        people, kills = scale.of((70, 3), (900, 60))
        most_open = 0
        with (
            MailServer(pipelining=True, tls="starttls") as mail,
            operator(tmp_path, mail=mail, EMAIL__RATE_PER_SECOND=str(PACE)) as made,
        ):
            made.enter(0, mails=people)
            with made.running("run", "--no-web", **NO_DISPATCHER) as daemon:
                wait_until("everybody is planned", lambda: made.statuses().get("planned") == people)
                assert daemon.end() == 0
            for _ in range(kills):
                most_open = max(most_open, die_somewhere(made, mail, dice))
            drain(made)
            taken = Counter(envelope.rcpt_tos[0] for envelope in mail.handler.taken)
            standing = {f"{row[0].lower()}@example.com": row[1] for row in made.ask(STANDING)}

        found = tally({f"c{n}@example.com": Delivery.ONCE for n in range(1, people + 1)}, taken, standing)
        figures.show(1, f"{kills} deaths among mails", "0 copies, 0 lost", f"{found}, {most_open} open at most")
        assert found.balances
        assert found.copies == found.open == sum(found.named.values()) == 0
        assert found.accepted >= people - kills * group_size(PACE)
        assert 0 < most_open <= group_size(PACE)
