"""What every row shares: its size, its dice, the figures it shows, and a folder with people who are to be greeted."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.chaos.figures import show_table
from tests.chaos.stage import Stage, set_stage, stock_of
from tests.seeds import seed_of_run
from tests.stories.operator import PATIENCE

T = TypeVar("T")
SetStage = Callable[..., AbstractContextManager[Stage]]


class Scale:
    """How much of a row is played: all of it with CHAOS=long, else what fits between two commits."""

    is_long = os.environ.get("CHAOS") == "long"

    def of(self, short: T, long: T) -> T:
        """Return the size that fits."""
        return long if self.is_long else short


class Figures:
    """What a row expects and what was seen, for the table at the end."""

    def __init__(self, note: Callable[[str, Any], None]) -> None:
        self._note = note

    def show(self, row: int, played: str, expected: str, seen: str) -> None:
        self._note("chaos", (row, played, expected, seen))


@pytest.fixture(scope="session")
def scale() -> Scale:
    return Scale()


@pytest.fixture
def dice(request: pytest.FixtureRequest, record_property: Callable[[str, Any], None]) -> random.Random:
    """Random numbers of one test; CHAOS_SEED repeats them."""
    seed = seed_of_run("CHAOS_SEED")
    record_property("chaos-seed", seed)
    return random.Random(f"{seed} {request.node.name}")


@pytest.fixture
def figures(record_property: Callable[[str, Any], None]) -> Figures:
    return Figures(record_property)


@pytest.fixture(scope="session")
def stocks(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    made: dict[tuple[int, bool], Path] = {}

    def stock(people: int, is_mixed: bool = False) -> Path:
        if (people, is_mixed) not in made:
            folder = tmp_path_factory.mktemp(f"stock-{people}")
            made[people, is_mixed] = stock_of(people, folder, is_mixed=is_mixed)
        return made[people, is_mixed]

    return stock


@pytest.fixture
def stage(tmp_path: Path, dice: random.Random, stocks: Callable[..., Path]) -> SetStage:
    """Set a stage: so many people planned on SQLite, and a provider that follows a script."""

    @contextmanager
    def at(
        people: int, script: dict[str, Any] | None = None, *, url: str = "", is_mixed: bool = False, **settings: str
    ) -> Iterator[Stage]:
        stock = None if url else stocks(people, is_mixed)
        place = {"stock": stock, "url": url, "is_mixed": is_mixed}
        with set_stage(tmp_path, people, script=script, dice=dice, **place, **settings) as made:
            yield made

    return at


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a long run's tests take as much longer as their waits may."""
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit is not None and item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(limit.args[0] * PATIENCE), append=False)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the table of rows."""
    show_table(terminalreporter)
