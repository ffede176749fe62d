"""An operator at work: a folder, real commands and processes, Twilio's look-alike, a mail server with TLS."""

import atexit
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from care.base.database import open_engine, read
from care.simulators.twilio.process import TwilioSimulator
from tests.contracts.mail_server import CA_FILE, MailServer

OURS = "+8610690000001"
BIRTHDAY = """\
id: birthday
name: birthday
title: {en: Birthday wishes, zh-CN: 生日祝福, zh-TW: 生日祝福}
owner: care
purpose: greeting
audience: everyone
occasion: {kind: birthday, at: "12:00"}
channels: [sms, email]
template: birthday
use_within: 7h
"""
CARE = (sys.executable, "-m", "care.cli.main")
PATIENCE = 6 if os.environ.get("CHAOS") == "long" else 1
"""A long run may share its machine for hours: so many times longer it waits before it calls something stuck."""


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Noon(NamedTuple):
    """A zone where the clock shows 12:xx, and the day there."""

    zone: str
    day: date


def noon() -> Noon:
    """Return where contact hours are open whenever we test."""
    now = datetime.now(UTC)  # noqa: TID251 - the processes under test read the real clock
    ahead = 12 - now.hour
    return Noon(f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT", (now + timedelta(hours=ahead)).date())


_ports = itertools.count(os.getpid() * 7)


def free_port() -> int:
    """Return a port that nobody is given by chance: it lies below those that the system hands out."""
    while True:
        port = 20_000 + next(_ports) % 12_000
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(what: str, done: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is true, and return it."""
    seconds *= PATIENCE
    ends = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < ends, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return answer


@dataclass(kw_only=True)
class Running:
    """A process of ours with its log."""

    process: subprocess.Popen[bytes]
    log: Path

    def started(self) -> list[tuple[str, int]]:
        """Return every child process there was: command and process id."""
        said = [event for event in self.events() if event["event"] == "child.started"]
        return [(event["child"], event["pid"]) for event in said]

    def child(self, name: str, *, after: int = 0) -> int:
        """Return the id of the living child that runs a command, waiting for it; `after` is its predecessor's."""

        def look() -> int:
            pids = [pid for child, pid in self.started() if child == name]
            return pids[-1] if pids and pids[-1] != after and is_alive(pids[-1]) else 0

        return int(wait_until(f"a process runs care {name}", look))

    def living(self) -> list[str]:
        """Return the commands of the children that live."""
        return [name for name, pid in self.started() if is_alive(pid)]

    def end(self, seconds: float = 15) -> int:
        """Ask for a clean end and return the exit code; a process that has not begun is let begin."""
        wait_until("it has begun", lambda: self.events("daemon.started"))
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it and its children without a word."""
        self.process.kill()
        self.process.wait()
        for _, pid in self.started():
            kill(pid)

    def said(self) -> str:
        """Return what it has logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")  # its end may be on its way

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Return the log as objects; with a name only those events."""
        lines = [
            line for line in self.said().splitlines(keepends=True) if line.startswith("{") and line.endswith("}\n")
        ]
        return [event for event in map(json.loads, lines) if name in ("", event["event"])]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    """End a process without a word; one that has ended already is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass(kw_only=True)
class Operator:
    """A working folder, and the environment in which every process of it runs."""

    folder: Path
    env: dict[str, str]
    port: int  # of the web process
    engine: sa.Engine

    def care(self, *words: str, **env: str) -> Answer:
        """Run a command to its end."""
        done = subprocess.run(
            [*CARE, *words],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def must(self, *words: str) -> str:
        """Run a command that has to succeed; return what it printed."""
        answer = self.care(*words)
        assert answer.code == 0, (words, answer)
        return answer.out

    @contextmanager
    def running(self, *words: str, **env: str) -> Iterator[Running]:
        """Run a command beside the test; whatever is left of it at the end of the block is killed.

        A web process listens when the block begins, or has died: what providers call before that is lost.
        """
        running = self.start(*words, **env)
        try:
            if words[0] == "web":
                ended = running.process.poll
                wait_until("it listens", lambda: running.events("web.started") or ended() is not None)
            yield running
        except BaseException:
            print(running.said()[-8_000:])  # noqa: T201 - pytest shows it with a failure
            raise
        finally:
            running.kill()

    def start(self, *words: str, **env: str) -> Running:
        """Start a command; the caller sees to its end."""
        log = self.folder / f"{words[0]}.{time.monotonic_ns()}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*CARE, *words], cwd=self.folder, env=self.env | env, stdout=stream, stderr=stream
            )
        return Running(process=process, log=log)

    def ask(self, question: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with read(self.engine) as conn:
            return [tuple(row) for row in conn.execute(sa.text(question), values)]

    def statuses(self) -> dict[str, int]:
        """Return how many messages stand where."""
        return {row[0]: row[1] for row in self.ask("SELECT status, count(*) FROM message GROUP BY status")}

    def write_customers(self, count: int, *, mails: int = 0, name: str = "customers.csv") -> Path:
        """Write a file of people whose birthday is today, where it is noon; `mails` more have an e-mail address only."""
        there = noon()
        rows = ["id,name,phone,email,locale,timezone,country,birthday,joined_on"]
        for n in range(1, count + mails + 1):
            contact = f"{phone(n)}," if n <= count else f",c{n}@example.com"
            rows.append(f"C{n},王小明{n},{contact},zh-CN,{there.zone},CN,1990-{there.day:%m-%d},2015-03-01")
        file = self.folder / name
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return file

    def write_consents(self, count: int, *, name: str = "consents.csv") -> Path:
        """Write a file in which the first `count` agree to greetings on both channels."""
        rows = ["customer,purpose,channel,given,at,source,wording"]
        rows += [
            f"C{n},greeting,{channel},true,2026-01-05T09:00:00Z,shop,I agree to greetings"
            for n in range(1, count + 1)
            for channel in ("sms", "email")
        ]
        file = self.folder / name
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return file

    def enter(self, count: int, *, mails: int = 0) -> None:
        """Import customers and their consents."""
        self.must("import", "customers", str(self.write_customers(count, mails=mails)))
        self.must("import", "consents", str(self.write_consents(count + mails)))


def accepted(twilio: TwilioSimulator) -> Counter[str]:
    """Return how many messages the provider took for each number."""
    return Counter(taken["to"] for taken in twilio.accepted())


def once_each(numbers: Iterable[int]) -> Counter[str]:
    """Return that every one of these customers got one message."""
    return Counter(phone(n) for n in numbers)


def phone(n: int) -> str:
    """Return the number of the n-th customer."""
    return f"+86138{10_000_000 + n}"


@contextmanager
def operator(
    folder: Path,
    *,
    url: str = "",
    stock: Path | None = None,
    twilio: TwilioSimulator | None = None,
    mail: MailServer | None = None,
    **env: str,
) -> Iterator[Operator]:
    """Make a working folder with `care init`; `env` are settings without CARE_, `url` is of an empty database.

    `stock` is a folder made so before, with its SQLite database, to be copied.
    """
    port = free_port()
    url = url or f"sqlite:///{folder / 'care.db'}"
    settings = {
        "DATABASE__URL": url,
        "LOG__FORMAT": "json",
        "OPERATOR__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB__PORT": str(port),
        "DAEMON__TICK_SECONDS": "0.2",
        "SECURITY__SECRET_KEY": "s" * 40,
        "SECURITY__SUPPRESSION_KEY": "k" * 40,
        **(_of_twilio(twilio, port) if twilio else {}),
        **(_of_mail(mail) if mail else {}),
        **env,
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
    engine = open_engine(url)
    made = Operator(
        folder=folder, env={**outside, **{f"CARE_{k}": v for k, v in settings.items()}}, port=port, engine=engine
    )
    if stock is None:
        _set_up(made, has_file=url.startswith("sqlite"))
    else:
        shutil.copytree(stock, folder, dirs_exist_ok=True)
    try:
        yield made
    finally:
        engine.dispose()


def _set_up(made: Operator, *, has_file: bool) -> None:
    if has_file:
        shutil.copytree(_begun(), made.folder, dirs_exist_ok=True)
    else:
        made.must("init", ".")
        made.must("db", "upgrade")
    for shipped in (made.folder / "campaigns").glob("*.yaml"):
        if shipped.name != "segments.yaml":
            shipped.unlink()
    (made.folder / "campaigns" / "birthday.yaml").write_text(BIRTHDAY, encoding="utf-8")


@cache
def _begun() -> Path:
    """Return a folder as `care init` leaves it, with a database of its own; nobody works in it."""
    folder = Path(tempfile.mkdtemp(prefix="care-begun-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
    subprocess.run([*CARE, "init", "."], cwd=folder, env=env, capture_output=True, check=True)
    return folder


def _of_twilio(twilio: TwilioSimulator, port: int) -> dict[str, str]:
    twilio.configure(inbound_url=f"http://127.0.0.1:{port}/webhooks/twilio/inbound")
    return {
        "SMS__PROVIDER": "twilio",
        "SMS__RATE_PER_SECOND": "500",
        "TWILIO__BASE_URL": twilio.url,
        "TWILIO__ACCOUNT_SID": twilio.account_sid,
        "TWILIO__AUTH_TOKEN": twilio.auth_token,
        "TWILIO__FROM_NUMBER": OURS,
    }


def _of_mail(mail: MailServer) -> dict[str, str]:
    return {
        "EMAIL__PROVIDER": "smtp",
        "EMAIL__RATE_PER_SECOND": "500",
        "SMTP__HOST": "localhost",
        "SMTP__PORT": str(mail.port),
        "SMTP__TLS": "starttls",
        "SMTP__CA_FILE": str(CA_FILE),
    }
