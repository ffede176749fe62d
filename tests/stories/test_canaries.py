"""Two hundred planted people go through the whole product at debug level; no log, metric or URL names one of them."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.mail_server import MailServer
from tests.stories.canaries import PHRASE, Canary, found_in, make_canaries, write_customers

OURS = "+8610690000001"
CAMPAIGN = """\
name: canaries
title: {{en: Canaries, zh-CN: 鸟, zh-TW: 鳥}}
owner: tests
purpose: service
audience: {{all: [everyone]}}
occasion: {{kind: date, on: {day}, at: "{hour:02d}:00"}}
channels: [sms, email]
template: canaries
use_within: 6h
"""
MAIL = """\
---
subject: For {{{{ name }}}}
---
<mjml><mj-body><mj-section><mj-column><mj-text>{{{{ salutation }}}} {{{{ name }}}}, {phrase}</mj-text></mj-column></mj-section></mj-body></mjml>
"""


@dataclass(frozen=True, slots=True)
class House:
    """A working folder, and the environment in which every process of it runs."""

    folder: Path
    env: dict[str, str]
    port: int

    def care(self, *words: str) -> str:
        """Run a command and return what it logged; its answer on stdout is for its user."""
        command = [sys.executable, "-m", "care.cli.main", *words]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def ask(self, question: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        connection = sqlite3.connect(self.folder / "care.db", timeout=10)
        try:
            return connection.execute(question).fetchall()
        finally:
            connection.close()

    def visit(self, method: str, path: str, body: str = "") -> str:
        """Call the web process and return its answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse().read().decode(errors="replace")
        connection.close()
        return answer


@pytest.fixture
def twilio() -> Iterator[TwilioSimulator]:
    """Twilio, which refuses some of the numbers by name."""
    faults = {"create": ["cut", "21610", "500-after"]}
    with start_twilio_simulator(senders=[OURS], closed_prefixes=["+861397158"], script=faults) as simulator:
        yield simulator


@pytest.fixture
def house(tmp_path: Path, twilio: TwilioSimulator) -> Iterator[House]:
    """An operator with both real channels, everything logged at debug level."""
    with MailServer() as mail, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        twilio.configure(inbound_url=f"http://127.0.0.1:{port}/webhooks/twilio/inbound")
        settings = {
            "LOG__LEVEL": "debug",
            "LOG__FORMAT": "json",
            "OPERATOR__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "WEB__PORT": str(port),
            "SMS__PROVIDER": "twilio",
            "SMS__RATE_PER_SECOND": "500",
            "TWILIO__BASE_URL": twilio.url,
            "TWILIO__ACCOUNT_SID": twilio.account_sid,
            "TWILIO__AUTH_TOKEN": twilio.auth_token,
            "TWILIO__FROM_NUMBER": OURS,
            "EMAIL__PROVIDER": "smtp",
            "EMAIL__RATE_PER_SECOND": "500",
            "SMTP__HOST": "127.0.0.1",
            "SMTP__PORT": str(mail.port),
            "SMTP__TLS": "none",
            "DAEMON__TICK_SECONDS": "0.2",
            "SECURITY__SECRET_KEY": "s" * 40,
            "SECURITY__SUPPRESSION_KEY": "k" * 40,
        }
        outside = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
        yield House(tmp_path, {**outside, **{f"CARE_{name}": value for name, value in settings.items()}}, port)


BREAKS = {
    "customer": "NEW.external_id = 'K902'",
    "inbound_message": "NEW.text LIKE 'raven%'",
    "ledger_book": "1",
}
"""Tables whose rows are refused now and then, in words that quote somebody."""
TROUBLES = {"webhook.refused", "webhook.failed", "errand.failed"}
"""What a daemon says of a forged callback, a reply that cannot be kept, and a job that fails."""


def _break_something(house: House, canary: Canary) -> None:
    """Have the database refuse rows, as one does that is damaged or has rules of its own."""
    words = f'no "{canary.name}" of {canary.phone} and {canary.email} in "{canary.street}", "{PHRASE}"'
    connection = sqlite3.connect(house.folder / "care.db", timeout=10)
    for table, when in BREAKS.items():
        then = f"SELECT RAISE(ABORT, '{words}')"
        connection.execute(f"CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} WHEN {when} BEGIN {then}; END")
    connection.execute("INSERT INTO intended VALUES ('canaries', date('now', '-2 days'), 'main', 0, 0)")
    connection.commit()  # the house was at work before today: its books are added up
    connection.close()


def _troubles(log: str) -> set[str]:
    """Return the warnings and errors of ours that a log holds."""
    whole = [line for line in log.splitlines(keepends=True) if line.startswith("{") and line.endswith("}\n")]
    events = [json.loads(line) for line in whole]
    return {event["event"] for event in events if event["level"] in ("warning", "error") and "logger" not in event}


def _local_noon() -> tuple[str, datetime]:
    """Return a zone where it is about noon now, so that contact hours are open, and the time there."""
    now = datetime.now(UTC)  # noqa: TID251 - the processes under test read the real clock
    ahead = (12 - now.hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT", now + timedelta(hours=ahead)


def _write_campaign(folder: Path, there: datetime) -> None:
    for shipped in (folder / "campaigns").glob("*.yaml"):
        if shipped.name != "segments.yaml":
            shipped.unlink()
    text = CAMPAIGN.format(day=there.date(), hour=there.hour)
    (folder / "campaigns" / "canaries.yaml").write_text(text, encoding="utf-8")
    texts = folder / "templates" / "messages" / "canaries"
    texts.mkdir()
    (texts / "zh-CN.sms.txt.j2").write_text(f"{{{{ salutation }}}} {{{{ name }}}}, {PHRASE}", encoding="utf-8")
    (texts / "zh-CN.email.mjml.j2").write_text(MAIL.format(phrase=PHRASE), encoding="utf-8")


@contextmanager
def _daemon(house: House, log: Path) -> Iterator[None]:
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "care.cli.main", "run"]
        process = subprocess.Popen(command, cwd=house.folder, env=house.env, stdout=stream, stderr=stream)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until(what: str, done, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, f"{what} did not come true in {seconds} s"
        time.sleep(0.2)


def _meddle(house: House, twilio: TwilioSimulator, canaries: list[Canary]) -> str:
    """Write back as customers do, forge, search and mistype; return everything the web process answered."""
    reached = [canary for canary in canaries if canary.number % 4 and not canary.phone.startswith("+861397158")]
    for canary, words in zip(
        reached,
        ("TD", f"{PHRASE}, says {canaries[1].name}", "STOP", "HELP", "START", f"raven and {PHRASE}"),
        strict=False,
    ):
        twilio.reply(canary.phone, OURS, words)
    somebody = canaries[5]
    forged = urlencode(
        {"From": somebody.phone, "To": OURS, "Body": f"{PHRASE} {somebody.name}", "MessageSid": "SM" + "0" * 32}
    )
    return "".join(
        [
            house.visit("POST", "/webhooks/twilio/inbound", forged),
            house.visit("POST", f"/webhooks/twilio/status/{somebody.phone[1:]}", forged),
            house.visit("GET", f"/log?q={quote(somebody.email)}&name={quote(somebody.name)}"),
            house.visit("GET", f"/{quote(somebody.phone)}"),
            house.visit("GET", "/metrics"),
            house.visit("GET", "/readyz"),
        ]
    )


@pytest.mark.slow
class TestCanaries:
    def test_are_read_nowhere(self, house: House, twilio: TwilioSimulator, tmp_path: Path) -> None:
        """Imported, planned, sent, refused, answered, looked at, and quoted by errors: only the ledger and the mail know them."""
        canaries = make_canaries()
        zone, there = _local_noon()
        log = tmp_path / "run.log"
        said = house.care("init", ".")
        _write_campaign(house.folder, there)
        write_customers(canaries, tmp_path / "customers.csv", zone=zone)
        _break_something(house, canaries[6])
        said += house.care("import", "customers", "customers.csv")
        (tmp_path / "one.csv").write_text(
            f"id,name,phone\nK902,{canaries[7].name},{canaries[7].phone}\n", encoding="utf-8"
        )
        said += house.care("import", "customers", "one.csv")
        said += house.care("campaigns", "check") + house.care("plan", "--days", "2")
        with _daemon(house, log):
            _wait_until("every message has left", lambda: _left(house) == len(canaries))
            twilio.wait_until_settled()
            answers = _meddle(house, twilio, canaries)
            _wait_until(
                "the webhooks are worked on",
                lambda: house.ask("SELECT 1 FROM webhook WHERE done_at IS NULL AND tries = 0") == [],
            )
            _wait_until("the daemon has told its troubles", lambda: _troubles(log.read_text("utf-8")) >= TROUBLES)
            for words in (
                ("doctor",),
                ("log", "--json"),
                ("books",),
                ("why", "K1"),
                ("inbox", "list"),
                ("retry", "--campaign", "canaries"),
            ):
                said += house.care(*words)
        logged = log.read_text(encoding="utf-8")

        assert house.ask("SELECT count(*) FROM inbound_message WHERE handled_as = 'inbox'") != [(0,)]
        assert found_in(canaries, said) == []
        assert found_in(canaries, answers) == []
        assert found_in(canaries, logged) == []
        assert not re.search(r"(?<!\d)\+?86139\d{8}(?!\d)", logged)
        assert '"level": "info"' in logged
        assert "command.failed" in _troubles(said)
        urls = " ".join(re.findall(r"https?://[^\s\"'<>]+", repr(twilio.accepted())))
        assert found_in(canaries, urls) == []


def _left(house: House) -> int:
    return int(str(house.ask("SELECT count(*) FROM message WHERE status NOT IN ('planned', 'held', 'sending')")[0][0]))
