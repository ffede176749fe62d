"""Row 21: one customer's message kills whoever touches it. It is set apart by name, and everybody else is told."""

from pathlib import Path

import pytest

from tests.chaos.conftest import Figures, Scale, SetStage
from tests.stories.operator import phone, wait_until

POISON = """\
import os, signal
from care.delivery import prepare

healthy = prepare.Preparer.prepare

def fatal(self, claimed, now):
    if claimed.customer["external_id"] == "C7":
        {act}
    return healthy(self, claimed, now)

prepare.Preparer.prepare = fatal
"""
ACTS = {"killed for its memory": "os.kill(os.getpid(), signal.SIGKILL)", "ended by a library": "os._exit(1)"}
pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(300)]


def poison(folder: Path, act: str) -> str:
    """Return a path for Python on which a module of its start makes one message deadly."""
    place = folder / "poison"
    place.mkdir()
    (place / "sitecustomize.py").write_text(POISON.format(act=act), encoding="utf-8")
    return str(place)


class TestAMessageThatKills:
    @pytest.mark.parametrize("how", ACTS)
    def test_is_set_apart_after_three_strikes(
        self, stage: SetStage, tmp_path: Path, scale: Scale, figures: Figures, how: str
    ):
        """Those claimed with it wait for one restart; what was on its way is settled by its receipt."""
        if how != "killed for its memory" and not scale.is_long:
            pytest.skip("the other way to die is played by make chaos")
        people = scale.of(40, 1_000)
        with stage(people, SMS__RATE_PER_SECOND="100") as stood:
            with stood.made.running("run", PYTHONPATH=poison(tmp_path, ACTS[how])) as daemon:
                wait_until("nothing is left to do", lambda: not {"planned", "sending"} & set(stood.made.statuses()), 90)
                deaths = len(daemon.events("child.ended"))
                stood.hear()
                assert daemon.end() == 0
            found, standing = stood.check(), stood.standing()
            (reason,) = stood.ask("SELECT reason, strikes FROM message WHERE status = 'failed'")
        figures.show(
            21, f"a message by which its sender is {how}", "3 deaths, it fails alone", f"{deaths} deaths, {found}"
        )
        assert standing[phone(7)] == "failed"
        assert reason == ("in work 3 times when a sender died: suspect", 3)
        assert (found.accepted, found.named.total(), found.doubt) == (people - 1, 1, 0)
        assert deaths == 3
