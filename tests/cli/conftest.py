"""Runs commands as a user does, in a folder of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from care.cli.main import main
from tests.cli.bad_shop import Shop, copy_shop, make_shop
from tests.cli.desk import Desk
from tests.house import House


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Care = Callable[..., Answer]


@pytest.fixture
def care(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Care:
    """Call it with the words of a command line; it runs in `tmp_path` without the machine's own settings."""
    for name in [name for name in os.environ if name.startswith("CARE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **env: str) -> Answer:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["care", *words])
            for name, value in env.items():
                patch.setenv(name, value)
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        shown = capsys.readouterr()
        return Answer(code, shown.out, shown.err)

    return run


@pytest.fixture(scope="session")
def _upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as `care db upgrade` leaves it; the steps take longer than most commands."""
    folder = tmp_path_factory.mktemp("upgraded")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CARE_")}
    command = [sys.executable, "-m", "care.cli.main", "db", "upgrade"]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    return folder / "care.db"


@pytest.fixture
def upgraded(care: Care, tmp_path: Path, _upgraded: Path) -> Care:
    """The command line in a folder that has an empty database of the newest version, and nothing else."""
    shutil.copy(_upgraded, tmp_path / "care.db")
    return care


@pytest.fixture
def desk(house: House, care: Care, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A command line on a house's database and clock; the campaign is the birthday greeting."""
    monkeypatch.setattr("care.bootstrap.SystemClock", lambda: house.clock)
    house.write_campaign()
    return Desk(house, care, capsys)


@pytest.fixture(scope="session")
def model_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One shop, set up once."""
    return make_shop(tmp_path_factory.mktemp("model"))


@pytest.fixture
def shop(model_shop: Shop, tmp_path: Path) -> Shop:
    """A copy that a test may spoil."""
    return copy_shop(model_shop, tmp_path)
