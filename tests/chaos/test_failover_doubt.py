"""Row 20: one account takes messages and says nothing, the other is well; the accept logs of both are the judges."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from care.simulators.twilio.process import SECOND_SID, SECOND_TOKEN, start_twilio_simulator
from tests.chaos.conftest import Figures, Scale
from tests.stories.operator import OURS, PATIENCE, accepted, once_each, operator, phone

THEIRS = "+8610690000002"
SILENT = {"lost-reply": 0.5, "slow-reply": 0.5}
"""Both take the message; the first cuts the line, the second answers when nobody waits any more."""

SECOND = {
    "TWILIO__BACKUP__ACCOUNT_SID": SECOND_SID,
    "TWILIO__BACKUP__AUTH_TOKEN": SECOND_TOKEN,
    "TWILIO__BACKUP__FROM_NUMBER": THEIRS,
    "TWILIO__TIMEOUT_SECONDS": "1",
    "SMS__RATE_PER_SECOND": "50",
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class TestAnAccountThatTakesInSilence:
    @pytest.mark.crash
    def test_shares_nobody_with_the_other(
        self, tmp_path: Path, stocks: Callable[..., Path], dice: random.Random, scale: Scale, figures: Figures
    ) -> None:
        """Who is in doubt at the first is never told through the second; everybody else is, once."""
        people = scale.of(120, 1_000)
        script = {"create_rates": SILENT, "hang_seconds": 3.0}
        with (
            start_twilio_simulator(
                senders=[OURS],
                script=script,
                seed=dice.randrange(1_000_000),
                callbacks=False,
                has_second=True,
                second_senders=[THEIRS],
            ) as twilio,
            operator(tmp_path, stock=stocks(people), twilio=twilio, **SECOND) as made,
        ):
            for _ in range(3):
                with made.running("dispatch", "--until-idle") as running:
                    assert running.process.wait(120 * PATIENCE) == 0, running.said()
            first, second = accepted(twilio), accepted(twilio.second())
            statuses = Counter(made.statuses())
            shown = made.care("providers")
            why = made.must("message", "show", str(told_by_the_second(made, second)))
        figures.show(
            20,
            f"{people} greetings, the first account takes and is silent",
            "nobody at both, everybody at one",
            f"{len(first)} in doubt at the first, {len(second)} at the second, {len(first & second)} at both",
        )
        assert first
        assert first & second == Counter()
        assert first + second == once_each(range(1, people + 1))
        assert statuses == {"unknown": len(first), "accepted": len(second)}
        assert shown.code == 1
        assert "twilio.backup" in shown.out
        assert "through twilio.backup, as twilio is closed" in why


def told_by_the_second(made, second: Counter[str]) -> int:
    """Return the id of a message that the second account took."""
    number = int(min(second).removeprefix("+86138")) - 10_000_000
    assert phone(number) in second
    ((found,),) = made.ask(
        "SELECT m.id FROM message m JOIN customer c ON c.id = m.customer_id WHERE c.external_id = :who",
        who=f"C{number}",
    )
    return int(found)
