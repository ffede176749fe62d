from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.clock import VirtualClock
from care.bootstrap import Services
from tests.inbound.house import open_house


@pytest.fixture
def services(engine: sa.Engine, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """A house on each database, with the sandbox as carrier."""
    monkeypatch.chdir(tmp_path)
    return open_house(engine, clock, tmp_path)
