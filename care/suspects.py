"""The process that renders suspects for a sender: `python -m care.suspects`, within limits, never by hand.

It reads its settings and then one suspect a line, and answers each with a line. A sender that ends closes the pipe.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

from care.base.clock import SystemClock
from care.base.logs import configure_command_logs
from care.base.settings import Settings
from care.bootstrap import Services
from care.delivery.apart import CPU_SECONDS, IDLE_SECONDS, MEMORY_BYTES, OUT_OF_MEMORY, WALL_SECONDS
from care.delivery.apart_wire import read_claimed, write_answer

_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Answer until the pipe closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not answer
    told = json.loads(sys.stdin.buffer.readline())
    services = Services(
        settings=Settings.model_validate(told["settings"]), clock=SystemClock(), root=Path(told["root"])
    )
    configure_command_logs(services.settings.log)
    preparer, shelf = services.preparer, services.shelf
    shelf.refresh()
    _limit_memory()
    answers.write(b"\n")
    answers.flush()
    while True:
        _give_time(wall=IDLE_SECONDS)
        line = sys.stdin.buffer.readline()
        if not line:
            return
        _give_time(wall=WALL_SECONDS, cpu=CPU_SECONDS)
        shelf.refresh()
        claimed, now = read_claimed(line, shelf.campaigns)
        answers.write(write_answer(preparer.prepare(claimed, now)))
        answers.flush()


def _limit_memory() -> None:
    """Allow so much address space beyond what is in use, and leave no core with a customer's data."""
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _give_time(*, wall: float, cpu: float = 0.0) -> None:
    """Let the kernel end this process when its time is over, whatever it does: no handler of ours is asked."""
    signal.setitimer(signal.ITIMER_REAL, wall)
    signal.setitimer(signal.ITIMER_PROF, cpu)


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - what it says may hold a customer's data
        sys.exit(f"care: suspects: {type(error).__name__}")
