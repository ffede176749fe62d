"""A shop in a folder of its own with the real commands, and a fingerprint of all it holds."""

import contextlib
import io
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import pytest

from care.cli.main import main

PEOPLE = "id,name,phone,email,country,birthday,joined_on\nC1,王芳,13812345678,c1@example.com,CN,1990-05-17,2015-03-01\n"


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A working folder made by `care init`, with one customer."""

    folder: Path

    def care(self, *words: str, before: str = "", **env: str) -> Answer:
        """Run a command; `before` is Python that spoils its process first, `env` are settings without CARE_."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
        outside |= {f"CARE_{name}": value for name, value in ({"LOG__LEVEL": "error"} | env).items()}
        answer = self._apart(words, before, outside) if before else self._here(words, outside)
        assert "Traceback" not in answer.err, answer.err
        return answer

    def _here(self, words: Sequence[str], env: dict[str, str]) -> Answer:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["care", *words])
            patch.setattr(os, "environ", env)
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    def _apart(self, words: Sequence[str], before: str, env: dict[str, str]) -> Answer:
        done = subprocess.run(
            [sys.executable, "-c", f"{before}\nfrom care.cli.main import main; main()", *words],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def write(self, name: str, text: str) -> None:
        """Write one of the folder's files."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def rows(self) -> str:
        """Return a digest of every row of every table."""
        with closing(sqlite3.connect(self.folder / "care.db", timeout=30)) as database:
            return md5("\n".join(database.iterdump()).encode(), usedforsecurity=False).hexdigest()

    def count(self, table: str) -> int:
        """Return how many rows a table holds."""
        with closing(sqlite3.connect(self.folder / "care.db", timeout=30)) as database:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a fixed name

    def execute(self, statement: str) -> None:
        """Change the database behind the program's back."""
        with closing(sqlite3.connect(self.folder / "care.db", timeout=30)) as database, database:
            database.execute(statement)


def make_shop(folder: Path) -> Shop:
    """Set a shop up with the real commands."""
    shop = Shop(folder)
    assert shop.care("init", ".").code == 0
    shop.write("people.csv", PEOPLE)
    assert shop.care("import", "customers", "people.csv").code == 0
    return shop


def copy_shop(shop: Shop, folder: Path) -> Shop:
    """Return a shop of its own with the same content."""
    shutil.copytree(shop.folder, folder, dirs_exist_ok=True)
    return Shop(folder)


def is_refused(shop: Shop, *words: str, code: int = 2, before: str = "", **env: str) -> str:
    """Run a command that must fail in one line and change no row; return the line."""
    rows = shop.rows()
    answer = shop.care(*words, before=before, **env)
    assert (answer.code, len(answer.err.splitlines())) == (code, 1), answer
    assert shop.rows() == rows
    return answer.err.rstrip("\n")


@contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens and never answers."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def silent_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
