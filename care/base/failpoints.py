"""Places where a test may let this process die: named, and free of cost while nobody asks for it.

`CARE_FAILPOINT=intent.committed:3` ends the process with SIGKILL when it passes the point for the third time; several
are separated by commas, and `intent.committed:3:freeze` stops it with SIGSTOP until somebody wakes it. The file named
by `CARE_FAILPOINT_LOG` gets a durable line first. Both are for tests: an operator never sets them.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

VARIABLE: Final = "CARE_FAILPOINT"
LOG_VARIABLE: Final = "CARE_FAILPOINT_LOG"

POINTS: Final[Mapping[str, str]] = {
    "take_on.before_commit": "Resolutions have become follow-ups, and it is not committed.",
    "take_on.committed": "Resolutions have become follow-ups for good.",
    "follow.before_commit": "Follow-ups have moved with the ledger, and it is not committed.",
    "follow.committed": "Follow-ups have moved with the ledger for good.",
    "plan.before_commit": "A chunk of messages is planned and counted, and not committed.",
    "plan.committed": "A chunk of messages is planned and counted for good.",
    "recover.before_commit": "What dead senders left is settled, and not committed.",
    "claim.committed": "Messages are leased; nothing is rendered.",
    "claim.rendered": "Texts and verdicts are ready; no intent is written.",
    "intent.before_commit": "Attempts are written, and not committed.",
    "intent.committed": "Attempts are durable; no call is made.",
    "call.before": "The slot has come; not one byte has left.",
    "call.written": "The request has left; no answer has come.",
    "call.answered": "The answer is read, and only this process knows it.",
    "outcome.before_commit": "Outcomes are written, and not committed.",
    "outcome.committed": "Outcomes are durable.",
    "resolve.before_commit": "Doubts are settled, and not committed.",
    "resolve.committed": "Doubts are settled for good.",
    "webhook.before_commit": "Callbacks are written, and neither committed nor answered.",
    "webhook.committed": "Callbacks are durable, and not answered.",
    "receipt.before_commit": "Callbacks are worked on, and not committed.",
    "receipt.committed": "Callbacks are worked on for good.",
}
"""Every point there is, in the order in which a message meets them."""

_SIGNALS: Final = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


def _read(text: str) -> dict[str, dict[int, signal.Signals]]:
    """Return by name at which passes what happens.

    Raises:
        ValueError: a name or a word that is none.
    """
    armed: dict[str, dict[int, signal.Signals]] = {}
    for item in filter(None, text.split(",")):
        name, pass_number, act = (*item.split(":"), "kill")[:3]
        if name not in POINTS or act not in _SIGNALS:
            raise ValueError(f"{VARIABLE}: '{item}' is no point, pass and act")
        armed.setdefault(name, {})[int(pass_number)] = _SIGNALS[act]
    return armed


_armed: Final = _read(os.environ.get(VARIABLE, ""))
_passed: Final = Counter[str]()


def failpoint(name: str) -> None:
    """Pass a point: nothing happens unless the environment asks for it."""
    if name in _armed:
        _pass(name)


def failpoint_soon(name: str, loop: "asyncio.AbstractEventLoop") -> None:
    """Pass a point in the loop's next turn, when what was written has left."""
    if name in _armed:
        loop.call_soon(_pass, name)


def _pass(name: str) -> None:
    _passed[name] += 1
    act = _armed[name].get(_passed[name])
    if act is not None:
        _note(f"{name}:{_passed[name]}\n")
        os.kill(os.getpid(), act)


def _note(line: str) -> None:
    path = os.environ.get(LOG_VARIABLE)
    if path:
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(log, line.encode())
        os.fsync(log)
        os.close(log)
