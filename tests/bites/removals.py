"""Each guarantee, what makes it in the code, and the tests that must fail without that; kept in `guarantees.toml`."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).with_name("guarantees.toml")


class NotThereError(ValueError):
    """What is to be taken away does not stand in its file exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One guarantee taken away: `old` becomes `new` in a file of the product, and each of the tests must fail."""

    guarantee: str
    rows: Sequence[int]  # of the table in docs/chaos.md; none where it is played by no row
    file: str
    old: str
    new: str
    tests: Sequence[str]

    def applied_to(self, text: str) -> str:
        """Return the file without the guarantee.

        Raises:
            NotThereError: the text is not there any more, or more than once.
        """
        if (count := text.count(self.old)) != 1:
            raise NotThereError(f"{self.guarantee}: its text stands {count} times in {self.file}, not once")
        return text.replace(self.old, self.new)


def read_removals() -> list[Removal]:
    """Return all of them in their order."""
    found = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return [Removal(**each) for each in found["removal"]]
