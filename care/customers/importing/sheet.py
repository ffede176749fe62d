"""The rows of one batch, turned into columns: values beside the cells they came from, and what was refused."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

from care.base.errors import FileError, InputError
from care.base.yamlfile import did_you_mean
from care.customers.importing.cells import CellError, Converter
from care.customers.importing.source import Batch


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column of a header stands: known ones by our name, the others are attributes."""

    known: Mapping[str, int]
    attributes: Mapping[str, int]


_TITLES_SHOWN = 12  # a line's worth
_SHELL = re.compile(r"""[\s'"$`\\&|;<>(){}*?!#~\[\]]""")
_DATA = re.compile(r"\d{5}|@")
"""No title has so many digits or an @: such a line is a customer."""


def lay_out(path: Path, header: Sequence[str], columns: Iterable[str], renames: Mapping[str, str]) -> Layout:
    """Find our columns in a header; `renames` gives our names for the file's.

    Raises:
        FileError: if two columns of the file mean the same.
    """
    names = set(columns)
    known: dict[str, int] = {}
    attributes: dict[str, int] = {}
    for position, title in enumerate(header):
        if not title:
            continue
        name = renames.get(title, title.lower() if title.lower() in names else title)
        target = known if name in names else attributes
        if name in target:
            raise FileError(path, f"two columns mean '{name}'", "Rename or remove one of them", line=1)
        target[name] = position
    return Layout(known, attributes)


def check_renames(path: Path, header: Sequence[str], columns: Sequence[str], renames: Mapping[str, str]) -> None:
    """Refuse a `--map` that names no column of the file or none of ours.

    Raises:
        InputError: with the nearest name.
    """
    for theirs, ours in renames.items():
        if theirs not in header:
            raise InputError(f"--map {theirs}={ours}: {path} has no column '{theirs}'.{_near(theirs, header)}")
        if ours not in columns:
            raise InputError(f"--map {theirs}={ours}: there is no column '{ours}'.{_near(ours, columns)}")


def require(
    path: Path, header: Sequence[str], layout: Layout, required: Iterable[str], meant: Mapping[str, str]
) -> None:
    """Refuse a file that lacks a column it cannot do without; `meant` tells what its other columns may be.

    Raises:
        FileError: naming the column and how to map another one to it.
    """
    for name in required:
        if name not in layout.known:
            if any(map(_DATA.search, header)):  # nobody's number is shown
                raise FileError(path, "begins with data", "Put a line above it that names the columns", line=1)
            there = ", ".join(title for title in header[:_TITLES_SHOWN] if title)
            fix = f"Name it in the header, or map one: --map THEIRS={name}"
            if name in meant.values():
                fix = "If this fits, add: " + " ".join(f"--map {as_option(*pair)}" for pair in meant.items())
            raise FileError(path, f"has no column '{name}' among: {there}", fix, line=1)


def as_option(theirs: str, ours: str) -> str:
    """Return what stands after `--map`, as a shell takes it."""
    pair = f"{theirs}={ours}"
    return shlex.quote(pair) if _SHELL.search(pair) else pair


def _near(word: str, names: Iterable[str]) -> str:
    return f" {hint}" if (hint := did_you_mean(word, [name for name in names if name])) else ""


@dataclass(slots=True)
class Refusal:
    """Why one row is not imported: its wrong columns and as many reasons, each joined by `; `."""

    number: int
    column: str
    reason: str
    cells: Sequence[str]


@dataclass(slots=True)
class Sheet:
    """A batch by column; all lists are as long as there are rows left."""

    numbers: list[int]
    rows: list[list[str]]
    layout: Layout
    values: dict[str, list[Any]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    warnings: dict[tuple[str, str], int] = field(default_factory=dict)
    _bad: dict[int, dict[str, str]] = field(default_factory=dict)  # reasons by column, by row

    @classmethod
    def of(cls, batch: Batch, layout: Layout) -> "Sheet":
        """Return the sheet of a batch; rows of a wrong width are refused already."""
        refusals = [Refusal(number, "", reason, cells) for number, reason, cells in batch.broken]
        return cls(batch.numbers, batch.rows, layout, refusals=refusals)

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self, name: str) -> list[str]:
        """Return the cells of a known column as read; empty ones where the file has no such column."""
        place = self.layout.known.get(name)
        return [""] * len(self.rows) if place is None else [row[place] for row in self.rows]

    def attribute_cells(self, name: str) -> list[str]:
        """Return the cells of an attribute as read."""
        place = self.layout.attributes[name]
        return [row[place] for row in self.rows]

    def convert(self, name: str, converter: Converter) -> None:
        """Turn a column into values; a cell that cannot be used refuses its row."""
        if name in self.layout.known:
            self.values[name] = self.converted(name, self.cells(name), converter)

    def converted(
        self, name: str, cells: Sequence[str], converter: Callable[..., Any], *more: Sequence[Any]
    ) -> list[Any]:
        """Return what the converter makes of each cell (and of its neighbour in `more`), None where it refuses."""
        try:
            return list(map(converter, cells, *more))
        except CellError:
            rows = enumerate(zip(cells, *more, strict=True))
            return [self._one(name, index, given, converter) for index, given in rows]

    def _one(self, name: str, index: int, given: tuple[Any, ...], converter: Callable[..., Any]) -> Any:
        try:
            return converter(*given)
        except CellError as error:
            self.refuse(index, name, str(error))
            return None

    def refuse(self, index: int, column: str, reason: str) -> None:
        """Note why a row cannot be imported; of each column the first reason stays."""
        self._bad.setdefault(index, {}).setdefault(column, reason)

    def refused(self) -> Iterator[int]:
        """Iterate over the rows that have been refused and are still here: some of their values are missing."""
        return iter(self._bad)

    def is_refused(self, index: int, *columns: str) -> bool:
        """Tell whether a row has been refused, with columns for one of these."""
        reasons = self._bad.get(index, {})
        return any(column in reasons for column in columns) if columns else bool(reasons)

    def warn(self, column: str, text: str, rows: int) -> None:
        """Count rows with something worth telling that refuses nothing."""
        self.warnings[column, text] = self.warnings.get((column, text), 0) + rows

    def drop_refused(self) -> None:
        """Leave only the rows that are good so far."""
        if not self._bad:
            return
        for index, faults in sorted(self._bad.items()):
            columns, reasons = "; ".join(faults), "; ".join(faults.values())
            self.refusals.append(Refusal(self.numbers[index], columns, reasons, self.rows[index]))
        self.keep([index not in self._bad for index in range(len(self.rows))])
        self._bad = {}

    def keep(self, wanted: Sequence[bool]) -> None:
        """Leave only the wanted rows."""
        self.numbers = list(compress(self.numbers, wanted))
        self.rows = list(compress(self.rows, wanted))
        self.values = {name: list(compress(column, wanted)) for name, column in self.values.items()}
