"""`care doctor`: one line per check with what to do; a failing check does not hide the next."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import open_engine, write
from care.cli import doctor_checks
from care.customers.keys import ensure_key
from care.messages.tables import message
from care.simulators.twilio.process import start_twilio_simulator
from tests.cli.conftest import Care
from tests.inbound.bounces.imap_server import PASSWORD, USER, ImapServer

SECRETS = {"CARE_SECURITY__SECRET_KEY": "s" * 32, "CARE_SECURITY__SUPPRESSION_KEY": "k" * 32}
TWILIO = {
    **SECRETS,
    "CARE_SMS__PROVIDER": "twilio",
    "CARE_TWILIO__FROM_NUMBER": "+15005550006",
    "CARE_OPERATOR__PUBLIC_URL": "https://care.example.cn",
}


@pytest.fixture
def folder(care: Care, tmp_path: Path) -> Path:
    """A working folder as `care init` makes it."""
    assert care("init").code == 0
    return tmp_path


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield int(probe.getsockname()[1])


def _examine(care: Care, **env: str) -> dict[str, dict[str, Any]]:
    answer = care("doctor", "--json", **env)
    assert answer.out, answer.err
    found = json.loads(answer.out)
    assert answer.code == (0 if found["ok"] else 1)
    return {check["subject"]: check for check in found["checks"]}


def _wrong(checks: dict[str, dict[str, Any]]) -> set[str]:
    return {subject for subject, check in checks.items() if not check["ok"]}


def _add_message(folder: Path, *, wake_at: datetime, status_at: datetime) -> None:
    engine = open_engine(f"sqlite:///{folder / 'care.db'}")
    with write(engine) as connection:
        connection.execute(
            sa.insert(message).values(
                campaign_id="birthday",
                occasion="birthday:solar-2026",
                customer_id=1,
                occasion_on=wake_at.date(),
                purpose="greeting",
                lane=5,
                status="planned",
                due_at=wake_at,
                use_by=wake_at + timedelta(days=2),
                wake_at=wake_at,
                plan_digest="x",
                planned_at=status_at,
                status_at=status_at,
            )
        )
    engine.dispose()


class TestDoctor:
    def test_finds_a_fresh_folder_in_order(self, care: Care, folder: Path) -> None:
        """What ships is sound: every line has its tick, and nothing was made or changed by looking."""
        before = sorted(folder.rglob("*"))

        answer = care("doctor")

        assert answer.code == 0, answer.out
        assert {line[0] for line in answer.out.splitlines()} == {"✓"}
        assert [path for path in sorted(folder.rglob("*")) if path not in before] == []

    def test_stops_at_settings_that_cannot_be_used(self, care: Care) -> None:
        """Without them there is nothing to look at; every mistake is in the line."""
        checks = _examine(care, CARE_WEB__PORT="x", CARE_SMS__PROVIDER="fax")

        assert list(checks) == ["settings"]
        assert "web.port" in checks["settings"]["words"]
        assert "sms.provider" in checks["settings"]["words"]

    def test_looks_on_after_a_failure(self, care: Care, tmp_path: Path) -> None:
        """An empty folder fails in several lines, each with its command."""
        checks = _examine(care)

        assert {"database", "campaigns", "segments"} <= _wrong(checks)
        assert "care db upgrade" in checks["database"]["words"]

    def test_finds_a_database_that_may_only_be_read(self, care: Care, folder: Path) -> None:
        """Sound as it is, nothing can be sent with it."""
        url = f"sqlite:///file:{folder / 'care.db'}?mode=ro&uri=true"
        checks = _examine(care, CARE_DATABASE__URL=url)

        assert "database" in _wrong(checks)
        assert "may not be written. Check the file's owner and permissions" in checks["database"]["words"]

    def test_names_a_broken_campaign_with_its_line(self, care: Care, folder: Path) -> None:
        """The first mistake with file and line."""
        (folder / "campaigns" / "zz.yaml").write_text("name: zz\npurpose: greting\n", encoding="utf-8")

        words = _examine(care)["campaigns"]["words"]

        assert "campaigns/zz.yaml:" in words

    def test_names_a_broken_template(self, care: Care, folder: Path) -> None:
        """Templates are compiled, not only counted."""
        broken = folder / "templates" / "messages" / "birthday" / "en.sms.txt.j2"
        broken.write_text("Hi {{ name", encoding="utf-8")

        assert "en.sms.txt.j2:1" in _examine(care)["templates"]["words"]

    def test_recognises_the_wrong_key(self, care: Care, folder: Path) -> None:
        """A key the database was not written with would forget every opt-out."""
        engine = open_engine(f"sqlite:///{folder / 'care.db'}")
        with write(engine) as connection:
            ensure_key(connection, b"k" * 32, datetime(2026, 1, 1, tzinfo=UTC))
        engine.dispose()

        assert _examine(care, **SECRETS)["keys"]["ok"]
        checks = _examine(care, **{**SECRETS, "CARE_SECURITY__SUPPRESSION_KEY": "j" * 32})
        assert _wrong(checks) == {"keys"}
        assert "wrong suppression key" in checks["keys"]["words"]

    def test_misses_a_daemon_that_does_not_send(self, care: Care, folder: Path) -> None:
        """A message long due and nobody taking it: how many, for how long, and what to look at."""
        now = datetime.now(UTC)  # noqa: TID251 - compared with the command's own clock
        _add_message(folder, wake_at=now - timedelta(hours=3), status_at=now - timedelta(hours=9))

        checks = _examine(care)

        assert _wrong(checks) == {"oldest due"}
        assert checks["oldest due"]["words"].startswith("1 message is due, the oldest for 3 hours. Is care run")

    def test_notices_a_clock_that_went_back(self, care: Care, folder: Path) -> None:
        """The ledger never lies in the future."""
        now = datetime.now(UTC)  # noqa: TID251 - compared with the command's own clock
        _add_message(folder, wake_at=now + timedelta(days=1), status_at=now + timedelta(hours=1))

        assert _wrong(_examine(care)) == {"clock"}


class TestProviders:
    def test_knows_a_twilio_account_that_answers(self, care: Care, folder: Path, tmp_path: Path) -> None:
        """The account's own page is asked for; nothing is sent."""
        with start_twilio_simulator() as twilio:
            env = {**TWILIO, **_account(twilio)}

            assert _examine(care, **env)["sms"]["ok"]
            wrong = _examine(care, **{**env, "CARE_TWILIO__AUTH_TOKEN": "0" * 32})["sms"]

        assert (wrong["ok"], "refuses the account" in wrong["words"]) == (False, True)

    def test_look_at_the_second_account_and_relay_by_themselves(
        self, care: Care, folder: Path, silent_port: int
    ) -> None:
        """A line for each that stands by, under its own name; one that is well does not cover one that is not."""
        with start_twilio_simulator(has_second=True) as twilio:
            second = twilio.second()
            env = {**TWILIO, **_account(twilio), "CARE_EMAIL__PROVIDER": "smtp", "CARE_SMTP__HOST": "127.0.0.1"}
            own = {"ACCOUNT_SID": second.account_sid, "AUTH_TOKEN": second.auth_token, "FROM_NUMBER": "+15005550006"}
            env |= {f"CARE_TWILIO__BACKUP__{key}": value for key, value in own.items()}
            env |= {"CARE_SMTP__BACKUP__HOST": "127.0.0.1", "CARE_SMTP__BACKUP__PORT": str(silent_port)}

            well = _examine(care, **env)
            wrong = _examine(care, **{**env, "CARE_TWILIO__BACKUP__AUTH_TOKEN": "0" * 32})

        assert (well["sms"]["ok"], well["sms backup"]["ok"]) == (True, True)
        assert (wrong["sms"]["ok"], wrong["sms backup"]["ok"]) == (True, False)
        assert "Check twilio.backup.account_sid and twilio.backup.auth_token" in wrong["sms backup"]["words"]
        assert f"127.0.0.1:{silent_port} does not answer" in wrong["email backup"]["words"]
        assert "smtp.backup.host" in wrong["email backup"]["words"]

    def test_have_no_backup_unless_one_is_named(self, care: Care, folder: Path) -> None:
        """No line about what is not there; a second sandbox has one."""
        assert not {"sms backup", "email backup"} & _examine(care).keys()
        assert _examine(care, CARE_SMS__SANDBOX_BACKUP="true")["sms backup"]["words"].startswith("sandbox.backup: ")

    def test_tells_that_twilio_does_not_answer(self, care: Care, folder: Path, silent_port: int) -> None:
        """Unreachable is a line, not a traceback."""
        env = {**TWILIO, "CARE_TWILIO__ACCOUNT_SID": "AC" + "0" * 32, "CARE_TWILIO__AUTH_TOKEN": "t" * 32}

        found = _examine(care, **env, CARE_TWILIO__BASE_URL=f"http://127.0.0.1:{silent_port}")["sms"]

        assert (found["ok"], "does not answer" in found["words"]) == (False, True)

    def test_tells_that_the_mail_relay_does_not_answer(self, care: Care, folder: Path, silent_port: int) -> None:
        """Host and port are in the line."""
        found = _examine(
            care, CARE_EMAIL__PROVIDER="smtp", CARE_SMTP__HOST="127.0.0.1", CARE_SMTP__PORT=str(silent_port)
        )

        assert not found["email"]["ok"]
        assert f"127.0.0.1:{silent_port} does not answer" in found["email"]["words"]

    def test_asks_the_mailbox_for_bounces(self, care: Care, folder: Path) -> None:
        """What waits there is counted; a wrong password and a key that is none are named."""
        with ImapServer() as server:
            server.inbox.add(b"Subject: failure\n\n")
            env = {
                "CARE_BOUNCES__HOST": "127.0.0.1",
                "CARE_BOUNCES__PORT": str(server.port),
                "CARE_BOUNCES__TLS": "none",
            }
            env |= {"CARE_BOUNCES__USERNAME": USER, "CARE_BOUNCES__PASSWORD": PASSWORD}
            right = _examine(care, **env)["bounces"]
            wrong = _examine(care, **{**env, "CARE_BOUNCES__PASSWORD": "guess"})["bounces"]
            assert server.inbox.unread == [1]

        assert (right["ok"], "with 1 unread" in right["words"]) == (True, True)
        assert (wrong["ok"], "refused the sign-in" in wrong["words"]) == (False, True)
        key = _examine(care, CARE_BOUNCES__SENDGRID_PUBLIC_KEY="bm8=")["bounces"]
        assert (key["ok"], "sendgrid_public_key" in key["words"]) == (False, True)


def _account(twilio: Any) -> dict[str, str]:
    return {
        "CARE_TWILIO__BASE_URL": twilio.url,
        "CARE_TWILIO__ACCOUNT_SID": twilio.account_sid,
        "CARE_TWILIO__AUTH_TOKEN": twilio.auth_token,
    }


class TestAnUnforeseenError:
    def test_costs_one_line_and_no_other(self, care: Care, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The check is named with the kind of the error, and every other one answers."""

        def fail(_: object) -> str:
            raise UnicodeEncodeError("ascii", "päss", 1, 2, "no")

        before = set(_examine(care))
        monkeypatch.setitem(doctor_checks.CHECKS, "bounces", fail)
        found = _examine(care)
        assert set(found) == before
        assert "UnicodeEncodeError" in found["bounces"]["words"]
        assert "päss" not in found["bounces"]["words"]
