"""The first pass over a file: everything is readable, and which rows repeat an id."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from care.customers.importing.source import Source

_BATCH = 5_000


class Repeats:
    """Which row is the last of each id. Kept in a temporary file of its own, so memory does not grow with the rows."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._scratch.execute("PRAGMA synchronous=OFF")
        self._scratch.execute("PRAGMA journal_mode=OFF")
        self._scratch.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, last INTEGER, times INTEGER) WITHOUT ROWID")
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def add(self, ids: Sequence[str], numbers: Sequence[int]) -> None:
        """Note the ids of some rows, in the order of the file."""
        self._scratch.execute("BEGIN")
        self._scratch.executemany(
            "INSERT INTO seen VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET last = excluded.last, times = times + 1",
            [pair for pair in zip(ids, numbers, strict=True) if pair[0]],
        )
        self._scratch.execute("COMMIT")

    def finish(self) -> None:
        """Count the rows that a later row of the same id replaces."""
        self.count = self._scratch.execute("SELECT coalesce(sum(times - 1), 0) FROM seen WHERE times > 1").fetchone()[0]

    def last_rows(self, ids: Sequence[str]) -> Mapping[str, int]:
        """Return the last row number of those ids that occur more than once."""
        if not self.count:
            return {}
        found = self._scratch.execute(
            "SELECT id, last FROM seen WHERE times > 1 AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return dict(found.fetchall())


@dataclass(slots=True)
class Scan:
    """What the first pass found."""

    rows: int = 0
    header: dict[str, None] = field(default_factory=dict)  # in order, without doubles


def scan(source: Source, repeats: Repeats, key: str) -> Scan:
    """Read the whole file once and note where its ids repeat; `key` is the file's own name of the id column.

    Raises:
        FileError: with the line at which the file is broken, so nothing was imported from it.
    """
    found = Scan(header=dict.fromkeys(source.header))
    for batch in source.batches(_BATCH):
        found.rows += len(batch.rows) + len(batch.broken)
        found.header.update(dict.fromkeys(batch.header))
        if key in batch.header:
            place = batch.header.index(key)
            repeats.add([row[place].strip() for row in batch.rows], batch.numbers)
    repeats.finish()
    return found
