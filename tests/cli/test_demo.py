"""`care demo`: a week on the command line, and the live part as a process."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Care

ONCE = ("demo", "--once", "--json", "--customers", "60", "--until", "2026-09-26")


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "care.cli.main", *words]


def _clean_env(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CARE_")} | more


def _play_once(folder: Path, **env: str) -> dict[str, Any]:
    ended = subprocess.run(_command(*ONCE), cwd=folder, env=_clean_env(**env), capture_output=True, check=True)
    assert ended.stderr == b""
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder where nothing else was, and what the demo said of the week that it played there."""
    quiet = tmp_path_factory.mktemp("quiet")
    return quiet, _play_once(quiet)


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestOnce:
    def test_balances_and_tells_the_same_for_the_same_seed_whatever_is_around(
        self, played: tuple[Path, dict[str, Any]], tmp_path: Path
    ) -> None:
        """Neither the user's settings nor a database that the environment names: nothing is touched, nothing differs."""
        crowded = tmp_path / "crowded"
        crowded.mkdir()
        (crowded / "care.toml").write_text('[sms]\nprovider = "twilio"\n', encoding="utf-8")
        theirs = crowded / "theirs.db"

        first = dict(played[1])
        second = _play_once(crowded, CARE_DATABASE__URL=f"sqlite:///{theirs}", CARE_SMS__PROVIDER="twilio")

        assert first["balanced"]
        assert first["duplicates"] == 0
        assert first["outbox"] == {"accepted": first["outbox"]["accepted"], "missing": 0, "doubled": 0, "stray": 0}
        assert first.pop("seconds").keys() == second.pop("seconds").keys()
        assert first == second
        assert not theirs.exists()
        assert {path.name for path in crowded.iterdir()} == {"care.toml", ".demo"}

    def test_leaves_books_that_notice_a_lost_row(self, played: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
        """`care books` in the folder: exit 0 as it was played, exit 1 with one row less."""
        import sqlite3

        shutil.copytree(played[0], tmp_path, dirs_exist_ok=True)
        books = [*_command("books", "--date", "2026-09-26", "--days", "7")]

        def look() -> int:
            ended = subprocess.run(books, cwd=tmp_path / ".demo", env=_clean_env(), capture_output=True, check=False)
            return ended.returncode

        assert look() == 0
        ledger = sqlite3.connect(tmp_path / ".demo" / "care.db")
        ledger.execute("DELETE FROM message WHERE id = (SELECT min(id) FROM message WHERE status = 'skipped')")
        ledger.commit()
        ledger.close()
        assert look() == 1


class TestRefusals:
    def test_leave_a_folder_alone_that_is_not_its_own(self, care: Care, tmp_path: Path) -> None:
        """Exit 2, and nothing is touched."""
        (tmp_path / "care.toml").write_text("", encoding="utf-8")

        answer = care("demo", "--once", "--dir", ".")

        assert answer.code == 2
        assert answer.err.endswith(
            "holds files that no demo made, and they stay. Give the demo another folder with --dir\n"
        )
        assert [path.name for path in tmp_path.iterdir()] == ["care.toml"]

    def test_name_a_port_that_is_in_use(self, care: Care, tmp_path: Path) -> None:
        """Before anything is made."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            answer = care("demo", "--port", str(port))

        assert answer.code == 2
        assert answer.err.startswith(f"care: port {port}: cannot be used (Address already in use). ")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("words", [("--json",), ("--until", "2026-09-26")], ids=["json", "until"])
    def test_tell_that_an_option_belongs_to_once(self, care: Care, words: tuple[str, ...]) -> None:
        """The live demo prints for people and lives now."""
        answer = care("demo", *words)

        assert (answer.code, answer.err) == (
            2,
            "care: --json and --until belong to --once. Add --once, or leave them out\n",
        )

    @pytest.mark.parametrize("day", ["tomorrow", "2999-01-01"])
    def test_name_a_day_that_is_not_over(self, care: Care, day: str) -> None:
        """A week can be played up to now."""
        answer = care("demo", "--once", "--until", day)

        assert answer.code == 2
        assert answer.err.startswith(f"care: --until {day}: ")


def _get(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _wait_for_welcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the port and everything said until the demo says how to end it."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C ends it."):
            break
    found = re.search(r"The console: http://127\.0\.0\.1:(\d+)/", said)
    assert found, said
    return int(found[1]), said


def _members_of(group: int) -> list[int]:
    """Return the living processes of a group."""
    living = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = entry.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            living.append(int(entry.parent.name))
    return living


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestLive:
    def test_shows_the_console_and_ends_cleanly(self, tmp_path: Path) -> None:
        """Ready, a page, a SIGTERM, exit 0, and no process stays behind."""
        process = subprocess.Popen(
            _command("demo", "--customers", "60", "--port", "0"),
            cwd=tmp_path,
            env=_clean_env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            port, said = _wait_for_welcome(process)

            assert (_get(port, "/readyz"), _get(port, "/")) == (200, 200)
            assert f"cd {tmp_path / '.demo'}" in said
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
            assert (process.returncode, err) == (0, "")
            assert time.monotonic() - begun < 20
            assert out.startswith("Stopped.")
            assert _members_of(process.pid) == []
        finally:
            process.kill()
            process.communicate()
        with pytest.raises((OSError, HTTPException)):
            _get(port, "/readyz")
