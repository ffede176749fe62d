"""`care run` among broken things: nobody is told twice, nobody is forgotten, and one line says what is wrong."""

import os
import signal
import sqlite3
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.delivery.tables import incarnation, job_run
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator
from tests.contracts.mail_server import MailServer
from tests.stories.operator import OURS, Operator, Running, accepted, free_port, once_each, operator, phone, wait_until

PEOPLE, MAILS = 30, 5
EVERYBODY = once_each(range(1, PEOPLE + 1))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with thirty customers who have a phone and five with an e-mail address, all born today."""
    folder = tmp_path_factory.mktemp("stock")
    with operator(folder) as made:
        made.enter(PEOPLE, mails=MAILS)
    return folder


@pytest.fixture
def twilio() -> Iterator[TwilioSimulator]:
    with start_twilio_simulator(senders=[OURS]) as simulator:
        yield simulator


@contextmanager
def at_work(
    stock: Path, folder: Path, twilio: TwilioSimulator, *, url: str = "", **env: str
) -> Iterator[tuple[Operator, Running]]:
    """Run the daemon in a copy of the stocked folder; at the end it must stop cleanly."""
    with operator(folder, url=url, stock=stock, twilio=twilio, **env) as made, made.running("run") as daemon:
        yield made, daemon
        assert daemon.end() == 0
        assert daemon.living() == []
        assert "Traceback" not in daemon.said()


def problems(daemon: Running, event: str) -> list[str]:
    return [str(said["problem"]) for said in daemon.events(event)]


def settled(made: Operator) -> bool:
    return made.statuses() == {"delivered": PEOPLE, "sent": MAILS}


class TestProviderInTrouble:
    def test_wrong_token_holds_what_is_due(self, stock: Path, tmp_path: Path, twilio: TwilioSimulator) -> None:
        """Log, doctor and the process's own log say so; with the right token everybody is told once."""
        wrong = {"TWILIO__AUTH_TOKEN": "wrong", "SMS__RATE_PER_SECOND": "4"}
        with at_work(stock, tmp_path, twilio, **wrong) as (made, daemon):
            wait_until("most are held", lambda: made.statuses().get("held", 0) > PEOPLE // 2)
            wait_until("the mails are out", lambda: made.statuses().get("delivered", 0) == MAILS)
            assert set(made.statuses()) <= {"held", "planned", "delivered"}
            assert problems(daemon, "channel.closed") == ["account SID and token do not fit"]
            assert "the provider takes nothing" in made.must("log", "--state", "held", "--json")
            doctor = made.care("doctor")
            assert doctor.code == 1
            assert "✗ sms" in doctor.out
        assert accepted(twilio) == {}
        mended = {"CARE_TWILIO__AUTH_TOKEN": twilio.auth_token, "CARE_SMS__RATE_PER_SECOND": "500"}
        with made.running("run", **mended):
            wait_until("everybody is told", lambda: made.statuses() == {"delivered": PEOPLE + MAILS})
        assert accepted(twilio) == EVERYBODY

    def test_unreachable_providers_are_waited_for(self, stock: Path, tmp_path: Path) -> None:
        """Messages are held while nobody listens, and go by themselves when somebody does."""
        sms_port, mail = free_port(), MailServer(tls="starttls")
        mail.controller.port = free_port()
        silent = {"TWILIO__BASE_URL": f"http://127.0.0.1:{sms_port}"}
        with (
            start_twilio_simulator(senders=[OURS]) as stand_in,
            operator(tmp_path, stock=stock, twilio=stand_in, mail=mail, **silent) as made,
            made.running("run") as daemon,
        ):
            wait_until("both are closed", lambda: len(daemon.events("channel.closed")) == 2)
            assert set(made.statuses()) <= {"held", "planned", "sending"}
            assert set(problems(daemon, "channel.closed")) == {"no byte of the message left"}
            with start_twilio_simulator(senders=[OURS], port=sms_port) as twilio, mail:
                twilio.configure(inbound_url=None)
                wait_until("everybody is told", lambda: settled(made), 60)
                assert accepted(twilio) == EVERYBODY
                assert len(mail.handler.taken) == MAILS
            assert daemon.end() == 0


def all_told(made: Operator, twilio: TwilioSimulator) -> bool:
    """Tell whether everybody was told once and the ledger knows; a receipt may have come while nobody could write."""
    return accepted(twilio) == EVERYBODY and set(made.statuses()) <= {"accepted", "sent", "delivered"}


@contextmanager
def locked(file: Path) -> Iterator[sqlite3.Connection]:
    """Hold the one write lock of a database, as another program may."""
    other = sqlite3.connect(file, isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


class TestAfterAnOutage:
    def test_nobody_is_told_who_refused_in_it(self, stock: Path, tmp_path: Path, twilio: TwilioSimulator) -> None:
        """Everything was down for ten minutes; what customers wrote meanwhile is known before the first message leaves."""
        with operator(tmp_path, stock=stock, twilio=twilio) as made:
            made.must("pause", "--all")
            with made.running("run") as daemon:
                wait_until("all are planned", lambda: made.statuses() == {"planned": PEOPLE + MAILS})
                wait_until("a web process lives", lambda: made.ask("SELECT 1 FROM incarnation WHERE role = 'web'"))
                assert daemon.end() == 0
            with write(made.engine) as conn:
                for table, column in ((incarnation, "started_at"), (incarnation, "seen_at"), (job_run, "last_at")):
                    earlier = sa.type_coerce(table.c[column], sa.BigInteger) - 600_000_000
                    conn.execute(sa.update(table).values({column: earlier}))
            for number in (1, PEOPLE):
                assert twilio.reply(phone(number), OURS, "退订").status is None
            made.must("resume", "--all")
            with made.running("run"):
                wait_until("all others are told", lambda: len(wished(twilio)) >= PEOPLE - 2)
        assert wished(twilio) == once_each(range(2, PEOPLE))


def wished(twilio: TwilioSimulator) -> Counter[str]:
    """Return how many wishes each number got; a refusal is confirmed."""
    return Counter(taken["to"] for taken in twilio.accepted() if "生日" in taken["body"])


class TestDatabaseInTrouble:
    def test_locked_database_is_waited_for(self, stock: Path, tmp_path: Path, twilio: TwilioSimulator) -> None:
        """While another program holds it nothing new goes out, then the rest does; it delays no end either."""
        slowly = {"SMS__RATE_PER_SECOND": "4"}
        with operator(tmp_path, stock=stock, twilio=twilio, **slowly) as made, made.running("run") as daemon:
            wait_until("the first are told", lambda: len(twilio.accepted()) >= 4)
            with locked(tmp_path / "care.db") as other:
                begun = other.execute("SELECT count(*) FROM attempt WHERE channel = 'sms'").fetchone()[0]
                wait_until("the log says so", lambda: problems(daemon, "dispatch.database_trouble"))
                assert len(twilio.accepted()) <= begun < PEOPLE
            wait_until("everybody is told", lambda: all_told(made, twilio))
            (trouble,) = problems(daemon, "dispatch.database_trouble")
            assert "locked by another program" in trouble
            with locked(tmp_path / "care.db"):
                assert daemon.end(18) == 0
            assert daemon.living() == []
            assert "Traceback" not in daemon.said()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a small disk")
    def test_full_disk_is_waited_for(self, stock: Path, tmp_path: Path, twilio: TwilioSimulator) -> None:
        """Nothing is sent that could not be written down; with space it goes on by itself."""
        disk = tmp_path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True)
        try:
            (disk / "care.db").write_bytes((stock / "care.db").read_bytes())
            self._fill_and_free(stock, tmp_path, disk, twilio)
        finally:
            subprocess.run(["umount", "-l", disk], check=True)

    @staticmethod
    def _fill_and_free(stock: Path, folder: Path, disk: Path, twilio: TwilioSimulator) -> None:
        url = f"sqlite:///{disk / 'care.db'}"
        tiny = {"DISK__PLAN_FREE_MIB": "0", "DISK__SEND_FREE_MIB": "0"}
        with at_work(stock, folder, twilio, url=url, SMS__RATE_PER_SECOND="4", **tiny) as (made, daemon):
            wait_until("the first are told", lambda: len(twilio.accepted()) >= 4)
            fill(disk / "ballast")
            wait_until("the log says so", lambda: problems(daemon, "dispatch.database_trouble"))
            begun = made.ask("SELECT count(*) FROM attempt WHERE channel = 'sms'")[0][0]
            assert len(twilio.accepted()) <= begun < PEOPLE
            (disk / "ballast").unlink()
            wait_until("everybody is told", lambda: all_told(made, twilio))
            assert "disk is full" in problems(daemon, "dispatch.database_trouble")[0]
        assert accepted(twilio) == EVERYBODY


def fill(ballast: Path) -> None:
    """Take every byte of a disk."""
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"\0" * 4096)


class TestWrongSurroundings:
    def test_callers_wait_while_no_web_process_serves(self, tmp_path: Path) -> None:
        """A receipt that comes before the web process has loaded, or after it was killed, finds an open door."""
        with operator(tmp_path) as made, made.running("run") as daemon:
            before = 0
            for _ in range(2):
                before = daemon.child("web", after=before)
                with urllib.request.urlopen(f"http://127.0.0.1:{made.port}/healthz", timeout=60) as answer:
                    assert answer.status == 200
                os.kill(before, signal.SIGKILL)
            assert daemon.end() == 0

    def test_wrong_suppression_key_refuses_to_send(self, stock: Path, tmp_path: Path, twilio: TwilioSimulator) -> None:
        """Opt-outs could not be recognised."""
        with operator(tmp_path, stock=stock, twilio=twilio, SECURITY__SUPPRESSION_KEY="x" * 40) as made:
            for command in ("run", "dispatch"):
                answer = made.care(command)
                assert answer.code == 2
                assert answer.err.count("\n") == 1
                assert "suppression" in answer.err
            assert made.statuses() == {}

    def test_broken_campaign_stops_no_other(self, stock: Path, tmp_path: Path, twilio: TwilioSimulator) -> None:
        """The log names file and line; the sound ones go on."""
        with operator(tmp_path, stock=stock, twilio=twilio) as made:
            broken = "id: broken\nname: broken\npurpose: greetings\n"
            (tmp_path / "campaigns" / "broken.yaml").write_text(broken, encoding="utf-8")
            with made.running("run") as daemon:
                wait_until("everybody is told", lambda: accepted(twilio) == EVERYBODY)
                assert daemon.events("campaign.broken")[0]["file"] == "broken.yaml"
                assert daemon.end() == 0
            check = made.care("campaigns", "check")
            assert check.code != 0
            assert "broken.yaml:3:" in check.out + check.err
