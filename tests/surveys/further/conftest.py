"""A house with the three further surveys turned on, as an operator turns them on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.bootstrap import Services
from tests.house import ROOT, House
from tests.inbound.house import open_house
from tests.surveys.conftest import FollowUps


class Quiet(FollowUps):
    """A house whose customers write only what a test says: the sandbox's are not heard."""

    def hear(self) -> None:
        """Hear nobody."""


Turn = Callable[..., Quiet]


@pytest.fixture
def turned_on(house: House) -> Turn:
    """Turn shipped files on by their names; `changes` are (name, old words, new words)."""

    def turn(*names: str, changes: tuple[tuple[str, str], ...] = ()) -> Quiet:
        for name in names:
            text = (ROOT / f"campaigns/_{name}.yaml").read_text(encoding="utf-8")
            for old, new in changes:
                assert old in text or len(names) > 1
                text = text.replace(old, new)
            house.write_campaign(text, name)
        return Quiet(house)

    return turn


@pytest.fixture
def services(engine: sa.Engine, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """A house without the campaign's file, with the sandbox as carrier."""
    monkeypatch.chdir(tmp_path)
    return open_house(engine, clock, tmp_path)
