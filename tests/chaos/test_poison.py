"""Row 21: one customer's message kills whoever renders it. It ends one sender, then fails by name and alone."""

from pathlib import Path

import pytest

from care.delivery.pace import group_size
from tests.chaos.conftest import Figures, Scale, SetStage
from tests.chaos.stage import Stage
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
ENDS = {"killed for its memory": "rendering ended with SIGKILL", "ended by a library": "rendering ended with exit 1"}
LOSS_SECONDS, LOAD = 5, 3
"""One death may cost a twentieth of a hundred seconds; three times as much on a machine where others work."""

pytestmark = [pytest.mark.slow, pytest.mark.crash, pytest.mark.timeout(300)]


def poison(folder: Path, act: str) -> str:
    """Return a path for Python on which a module of its start makes one message deadly."""
    place = folder / "poison"
    place.mkdir()
    (place / "sitecustomize.py").write_text(POISON.format(act=act), encoding="utf-8")
    return str(place)


def seconds_lost(stood: Stage, pace: int) -> float:
    """Return how much longer it took than its pace from the first sender's start to the last intent."""
    ((begun,),) = stood.ask("SELECT min(started_at) FROM incarnation WHERE role = 'dispatch'")
    ((last, count),) = stood.ask("SELECT max(intent_at), count(*) FROM attempt")
    return float((last - begun) / 1e6 - count / pace)


class TestAMessageThatKills:
    @pytest.mark.parametrize("how", ACTS)
    def test_ends_one_sender_and_then_fails_alone(
        self, stage: SetStage, tmp_path: Path, scale: Scale, figures: Figures, how: str
    ):
        """Those claimed with it wait for one restart; of what was on its way the receipt tells."""
        if how != "killed for its memory" and not scale.is_long:
            pytest.skip("the other way to die is played by make chaos")
        people, pace = scale.of((40, 100), (2_000, 40))
        with stage(people, SMS__RATE_PER_SECOND=str(pace)) as stood:
            with stood.made.running("run", PYTHONPATH=poison(tmp_path, ACTS[how])) as daemon:
                wait_until("nothing is left to do", lambda: not {"planned", "sending"} & set(stood.made.statuses()), 90)
                deaths, ends = (len(daemon.events(name)) for name in ("child.ended", "suspect.ended_its_process"))
                stood.hear()
                assert daemon.end() == 0
            found, standing = stood.check(), stood.standing()
            (reason,) = stood.ask("SELECT reason, strikes FROM message WHERE status = 'failed'")
            lost = seconds_lost(stood, pace)
        judged = scale.of("by deaths", f"{LOSS_SECONDS * LOAD} s")
        figures.show(
            21,
            f"a message by which its sender is {how}, {people} at {pace}/s",
            f"one death, it fails alone, {LOSS_SECONDS} s of sending lost (judged: {judged})",
            f"{deaths} death and {ends} apart, {found}, {lost:.1f} s lost",
        )
        assert standing[phone(7)] == "failed"
        assert reason[0].startswith(ENDS[how])
        assert reason[1] == 1
        assert found.accepted + found.doubt == people - 1
        assert found.doubt <= deaths * group_size(100)
        assert found.named.total() == 1
        assert (deaths, ends) == (1, 2)  # all that it takes of anybody's time
        if scale.is_long:
            assert lost <= LOSS_SECONDS * LOAD


class TestKillsFromOutside:
    def test_fail_nobody_however_often_they_come(self, stage: SetStage, scale: Scale, figures: Figures) -> None:
        """Each kill falls when a message was just claimed, the same one again and again: it is sent all the same."""
        people, kills = scale.of(20, 200), scale.of(6, 30)
        with stage(people, SMS__RATE_PER_SECOND="100") as stood:
            died = 0
            for _ in range(kills):
                died += stood.die("claim.committed", 1, "dispatch", "--until-idle")
                stood.let_try_now()
            (most,) = stood.ask("SELECT max(strikes) FROM message")
            stood.drain()
            found, standing = stood.check(), stood.standing()
        figures.show(21, f"{died} kills at the claim of one message", "nobody fails", f"{most[0]} strikes, {found}")
        assert died == kills
        assert most[0] >= 3  # several of them fell on one message
        assert "failed" not in standing.values()
        assert found.accepted == people
