"""Points at which a process may be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WALK = """
import asyncio
from care.base.failpoints import failpoint, failpoint_soon

async def walk():
    for n in range(3):
        failpoint("intent.committed")
        print(n, flush=True)
    failpoint_soon("call.written", asyncio.get_running_loop())
    print("written", flush=True)
    await asyncio.sleep(0)
    print("answered", flush=True)

asyncio.run(walk())
"""


def walk(point: str, log: Path | None = None) -> tuple[int, list[str], str]:
    """Pass one point three times and another once; return exit code, what was printed, and the last line said."""
    env = {**os.environ, "CARE_FAILPOINT": point, **({"CARE_FAILPOINT_LOG": str(log)} if log else {})}
    done = subprocess.run([sys.executable, "-c", WALK], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split(), done.stderr.strip().rpartition("\n")[2]


class TestAPoint:
    def test_is_passed_where_nobody_asks_for_it(self) -> None:
        """No variable, no effect."""
        assert walk("") == (0, ["0", "1", "2", "written", "answered"], "")

    def test_ends_the_process_at_the_pass_that_was_asked_for(self, tmp_path: Path) -> None:
        """The third time, and the note was written before."""
        log = tmp_path / "log"
        assert walk("intent.committed:3", log)[:2] == (-signal.SIGKILL, ["0", "1"])
        assert log.read_text(encoding="utf-8") == "intent.committed:3\n"

    def test_may_lie_in_the_next_turn(self) -> None:
        """What was written has left when the process dies."""
        assert walk("outcome.committed:1,call.written:1")[:2] == (-signal.SIGKILL, ["0", "1", "2", "written"])

    @pytest.mark.parametrize("text", ["intent.comitted:1", "intent.committed:1:sleep", "intent.committed:once"])
    def test_must_be_spelt_as_it_is(self, text: str) -> None:
        """A test that arms nothing would prove nothing."""
        code, printed, said = walk(text)
        assert (code, printed) == (1, [])
        assert said.startswith("ValueError")
