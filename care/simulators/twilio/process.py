"""Start the simulator as a process of its own and talk to it."""

import atexit
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "simulated-token"  # noqa: S105 - belongs to no account
SECOND_SID = "AC" + "fedcba9876543210" * 2
SECOND_TOKEN = "simulated-second-token"  # noqa: S105 - the same
_START_SECONDS = 20


class SimulatorError(RuntimeError):
    """The simulator did not start, or did not do what it was asked."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of an inbound message: its sid and the webhook's answer."""

    sid: str | None  # None: the account has no inbound URL
    status: int | None  # HTTP status of the webhook, None without an answer
    body: str


class TwilioSimulator:
    """A running simulator; leaving the `with` block stops it."""

    def __init__(
        self, process: subprocess.Popen[bytes], url: str, accept_log: Path | None, account: tuple[str, str]
    ) -> None:
        """Use `start_twilio_simulator`."""
        self.process, self.url, self.accept_log = process, url, accept_log
        self.account_sid, self.auth_token = account
        self._steer = "/_sim/"

    def second(self) -> Self:
        """Return a handle on the second account of the same process, which `has_second` opened."""
        log = second_log(self.accept_log) if self.accept_log else None
        other = type(self)(self.process, self.url, log, (SECOND_SID, SECOND_TOKEN))
        other._steer = f"/_sim/{SECOND_SID}/"  # noqa: SLF001 - a handle of the same class
        return other

    def accepted(self) -> list[dict[str, Any]]:
        """Return what was accepted, oldest first: at, request, fault, sid, to, from, body and more."""
        if self.accept_log is None:
            raise SimulatorError("the simulator keeps no accept log")
        if not self.accept_log.exists():
            return []
        whole, _, _ = self.accept_log.read_bytes().rpartition(b"\n")  # the last line may be on its way
        return [json.loads(line) for line in whole.splitlines()]

    def script(self, faults: Mapping[str, Any] | None = None) -> None:
        """Replace the fault script; None ends all faults."""
        self._call("POST", "/_sim/script", faults or {})

    def configure(self, **settings: Any) -> None:
        """Change `inbound_url`, `status_callback`, `advanced_opt_out`, `callback_delay` or `parts_per_second`."""
        self._call("POST", "/_sim/settings", settings)

    def reply(self, from_: str, to: str, body: str) -> Delivered:
        """Let the customer `from_` write to the operator's number `to`; returns when the webhook answered."""
        return Delivered(**self._call("POST", "/_sim/inbound", {"from": from_, "to": to, "body": body}))

    def report(self) -> dict[str, Any]:
        """Return counts of requests, refusals, faults and callbacks."""
        return self._call("GET", "/_sim/report", None)

    def wait_until_settled(self, seconds: float = 10.0) -> None:
        """Wait until every message has its last status and no callback is on its way."""
        ends = time.monotonic() + seconds
        while self._call("GET", "/_sim/report", None)["unsettled"]:
            if time.monotonic() > ends:
                raise SimulatorError(f"messages were still on their way after {seconds:g} s")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the process; safe to call twice."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        _close(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _call(self, method: str, path: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        path = self._steer + path.removeprefix("/_sim/")
        try:
            connection.request(method, path, None if value is None else json.dumps(value))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:  # noqa: PLR2004
            raise SimulatorError(answer["error"])
        return answer


def start_twilio_simulator(
    *,
    account_sid: str = ACCOUNT_SID,
    auth_token: str = AUTH_TOKEN,
    accept_log: Path | bool | None = True,
    script: Mapping[str, Any] | None = None,
    seed: int = 0,
    port: int = 0,
    callbacks: bool = True,
    callback_delay: float = 0.01,
    inbound_url: str | None = None,
    status_callback: str | None = None,
    advanced_opt_out: bool = False,
    senders: Sequence[str] = (),
    services: Mapping[str, str] | None = None,
    closed_prefixes: Sequence[str] = (),
    parts_per_second: float | None = None,
    has_second: bool = False,
    second_senders: Sequence[str] = (),
) -> TwilioSimulator:
    """Start a simulator on a loopback port and return when it answers.

    `accept_log` True keeps the log in a temporary folder until this process ends, a path keeps it there, False
    keeps none. `callback_delay` in seconds between two statuses; `services` maps Messaging Service sids to
    numbers. `has_second` opens a second account, SECOND_SID. The simulator also ends when this process does.

    Raises:
        SimulatorError: if it does not come up.
    """
    if accept_log is True:
        folder = mkdtemp(prefix="twilio-simulator-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        accept_log = Path(folder) / "accepted.jsonl"
    log = accept_log or None
    command = [sys.executable, "-m", "care.simulators.twilio", "--until-stdin-closes"]
    command += ["--account-sid", account_sid, "--auth-token", auth_token, "--port", str(port)]
    command += ["--seed", str(seed), "--accept-log", str(log) if log else "none"]
    command += ["--callbacks", "on" if callbacks else "off", "--callback-delay", str(callback_delay)]
    for option, value in (
        ("--script", json.dumps(script) if script else None),
        ("--inbound-url", inbound_url),
        ("--status-callback", status_callback),
        ("--mps", parts_per_second),
    ):
        command += [option, str(value)] if value is not None else []
    command += ["--advanced-opt-out"] if advanced_opt_out else []
    for sender in senders:
        command += ["--sender", sender]
    for sid, number in (services or {}).items():
        command += ["--service", f"{sid}={number}"]
    for prefix in closed_prefixes:
        command += ["--closed", prefix]
    command += ["--second-account", f"{SECOND_SID}:{SECOND_TOKEN}"] if has_second else []
    for sender in second_senders:
        command += ["--second-sender", sender]
    return TwilioSimulator(*_started(command), log, (account_sid, auth_token))


def second_log(first: Path) -> Path:
    """Return where the second account's accept log lies: beside the first one's."""
    return first.with_suffix(".second.jsonl")


def _started(command: list[str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start the process and wait for its address."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own module
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(_START_SECONDS)
        _close(process)
        raise SimulatorError(f"the Twilio simulator ended with exit code {process.returncode}")
    return process, json.loads(line)["url"]


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
