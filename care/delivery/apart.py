"""Render suspects in a process of their own: what kills, loops or eats memory there never ends a sender.

The process has limits, is started when the first suspect comes, and ends when it has had nothing to do for a minute.
"""

import contextlib
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from care.delivery.apart_wire import read_answer, write_claimed
from care.delivery.model import Claimed, Prepared, Verdict
from care.messages.model import MessageStatus

CPU_SECONDS: Final = 1.0
MEMORY_BYTES: Final = 256 * 1024 * 1024  #: beyond what the process has when it is ready
WALL_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 60.0
TRIES: Final = 2
"""A process can be killed by chance: only the message by which two end in a row fails."""

OUT_OF_MEMORY: Final = 71  #: exit code

_START_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = WALL_SECONDS * 2  # longer than the process gives itself: it may have been stopped
_COMMAND: Final = (sys.executable, "-m", "care.suspects")

log = structlog.get_logger()


class ProcessEndedError(Exception):
    """The process ended before it answered; its text says how."""


class Apart:
    """Renders one suspect at a time, and outlives whatever they do."""

    def __init__(self, settings: Callable[[], bytes]) -> None:
        """`settings` returns the line from which the process builds what it needs; it may hold secrets."""
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._is_loading = False  # started, and has not said yet that it is ready

    def prepare(self, claimed: Claimed, now: datetime) -> Prepared | Verdict | None:
        """Return the rendered message or why it does not go; None where no process can be started at all."""
        how = ""
        for _ in range(TRIES):
            process = self._ready_process()
            if process is None:
                return None
            try:
                return read_answer(self._ask(process, write_claimed(claimed, now), _PATIENCE_SECONDS), claimed)
            except ProcessEndedError as ended:
                how = str(ended)
                self.close()
                log.warning("suspect.ended_its_process", message_id=claimed.id, how=how)
        template = claimed.campaign.template if claimed.campaign else claimed.campaign_id
        reason = f"rendering ended with {how}: template {template[:24]} or this customer's data is suspect"
        return Verdict(status=MessageStatus.FAILED, reason=reason)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(BrokenPipeError), process:  # closes its pipes and waits
            pass

    def start(self) -> None:
        """Start the process, without waiting until it is ready."""
        if self._process is not None and self._process.poll() is not None:
            self.close()  # it had nothing to do
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # who ends us from a terminal means no suspect
            )
            self._is_loading = True
            with contextlib.suppress(ProcessEndedError):  # whoever needs it finds out
                _say(self._process, self._settings())

    @property
    def is_loading(self) -> bool:
        """Tell whether the process was started and cannot render yet."""
        process = self._process
        if process is None or not self._is_loading:
            return False
        assert process.stdout is not None
        return not select.select([process.stdout], [], [], 0)[0]  # it has said that it is ready, or it has ended

    def _ready_process(self) -> subprocess.Popen[bytes] | None:
        self.start()
        process = self._process
        if process is not None and self._is_loading:
            try:
                _hear(process, _START_SECONDS)
            except ProcessEndedError as ended:
                log.error("suspects.unstarted", how=str(ended))
                self.close()
            self._is_loading = False
        return self._process

    @staticmethod
    def _ask(process: subprocess.Popen[bytes], line: bytes, seconds: float) -> bytes:
        """Return the line with which the process answers.

        Raises:
            ProcessEndedError: it ended, or said nothing for so long.
        """
        _say(process, line)
        return _hear(process, seconds)


def _say(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except BrokenPipeError:
        raise ProcessEndedError(_end_of(process)) from None


def _hear(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    assert process.stdout is not None
    answer = b""
    while not answer.endswith(b"\n"):
        if not select.select([process.stdout], [], [], seconds)[0]:
            raise ProcessEndedError(f"no answer in {seconds:.0f} s")
        piece = process.stdout.read1()  # type: ignore[attr-defined]
        if not piece:
            raise ProcessEndedError(_end_of(process))
        answer += piece
    return answer


_ENDS: Final = {
    signal.SIGPROF: f"more than {CPU_SECONDS:.0f} s of work",
    signal.SIGALRM: f"more than {WALL_SECONDS:.0f} s of waiting",
}


def _end_of(process: subprocess.Popen[bytes]) -> str:
    """Say how a process that closes its output has ended."""
    try:
        code = process.wait(1)
    except subprocess.TimeoutExpired:
        return "its output closed"
    if code == OUT_OF_MEMORY:
        return f"more than {MEMORY_BYTES >> 20} MiB of memory"
    if code >= 0:
        return f"exit {code}"
    end = signal.Signals(-code)
    return _ENDS.get(end, end.name)
