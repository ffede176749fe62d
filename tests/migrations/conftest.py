"""Databases that nobody has set up yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import open_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database without a single table, once of each kind."""
    is_sqlite = request.param == "sqlite"
    engine = open_engine(
        f"sqlite:///{tmp_path / 'empty.db'}" if is_sqlite else request.getfixturevalue("empty_postgres")
    )
    yield engine
    engine.dispose()
