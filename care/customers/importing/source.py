"""An import file as batches of rows: CSV of three separators or JSON Lines, read as a stream."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from care.base.errors import FileError
from care.customers.importing.encodings import detect_encoding

DELIMITERS = ",;\t"
_LONGEST_HEADER = 1 << 20
_JSON_SUFFIXES = {".jsonl", ".ndjson"}
_QUOTED = re.compile(r'"[^"]*"')
REJECT_COLUMNS = ("row", "column", "reason")
"""The first columns of a rejects file; when such a file is corrected and imported, they are passed over."""


@dataclass(slots=True)
class Batch:
    """Some rows of a file. `numbers` are row numbers as a spreadsheet shows them: the header is row 1."""

    header: tuple[str, ...]
    numbers: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    broken: list[tuple[int, str, list[str]]] = field(default_factory=list)  # row number, reason, the cells as read


@dataclass(frozen=True, slots=True)
class Source:
    """A file whose form is known and whose every byte can be read."""

    path: Path
    encoding: str
    delimiter: str  # empty for JSON Lines
    header: tuple[str, ...]  # empty for JSON Lines

    @property
    def is_json(self) -> bool:
        """Tell whether the file holds one JSON object a line."""
        return not self.delimiter

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield the rows in order, at most `size` at a time.

        Raises:
            FileError: with the line at which quotes or the encoding are broken.
        """
        with self._open() as file:
            yield from self._json_batches(file, size) if self.is_json else self._csv_batches(file, size)

    @contextmanager
    def _open(self) -> Iterator[IO[str]]:
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                yield file
        except OSError as error:
            raise FileError(self.path, f"cannot be read ({error.strerror})", "Check the disk") from None
        except UnicodeDecodeError:
            raise FileError(self.path, f"is not {self.encoding}", "Save the file as UTF-8") from None

    def _csv_batches(self, file: IO[str], size: int) -> Iterator[Batch]:
        reader = csv.reader(file, delimiter=self.delimiter, strict=True)
        width = len(self.header)
        number = 1
        try:
            next(reader)
            while rows := list(islice(reader, size)):
                batch = Batch(self.header)
                if all(len(row) == width for row in rows):
                    batch.rows, batch.numbers = rows, list(range(number + 1, number + 1 + len(rows)))
                else:
                    _sort_out(batch, rows, number + 1, width)
                number += len(rows)
                yield batch
        except csv.Error as error:
            raise self._broken(error) from None

    def _broken(self, error: csv.Error) -> FileError:
        """Return the error at the line on which the broken record begins: an open quote runs to the end of the file."""
        begin = self._begin_of_broken_record()
        if "field limit" in str(error):
            problem = f"a cell is longer than {csv.field_size_limit():,} characters"
            return FileError(self.path, problem, "Shorten it, or close the quote that opens there", line=begin)
        problem = f"the quotes are broken ({error})"
        return FileError(self.path, problem, "Close the quote; double it inside a quoted cell", line=begin)

    def _begin_of_broken_record(self) -> int:
        begin = 1
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            try:
                for _row in reader:
                    begin = reader.line_num + 1
            except csv.Error:
                return begin
        return 0

    def _json_batches(self, file: IO[str], size: int) -> Iterator[Batch]:
        number = 0
        while lines := list(islice(file, size)):
            yield _json_batch(lines, number + 1)
            number += len(lines)


def _sort_out(batch: Batch, rows: Sequence[list[str]], first: int, width: int) -> None:
    """Keep rows of the right width, pass over empty lines, set the others aside."""
    for number, row in enumerate(rows, first):
        if len(row) == width:
            batch.numbers.append(number)
            batch.rows.append(row)
        elif any(cell.strip() for cell in row):
            batch.broken.append((number, f"has {len(row)} cells, the header has {width}", row))


def _json_batch(lines: Sequence[str], first: int) -> Batch:
    """Read one object a line; all rows of the batch share the union of their keys as header."""
    objects: list[tuple[int, dict[str, str]]] = []
    broken: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            objects.append((number, _cells_of(line)))
        except (ValueError, RecursionError) as error:
            broken.append((number, str(error) or "is nested too deeply", [line.strip()]))
    header = tuple(dict.fromkeys(key for _number, cells in objects for key in cells))
    rows = [[cells.get(key, "") for key in header] for _number, cells in objects]
    return Batch(header, [number for number, _cells in objects], rows, broken)


def _cells_of(line: str) -> dict[str, str]:
    """Return one JSON object as cells; numbers keep their digits, null is an empty cell."""
    try:
        value = json.loads(line, parse_int=str, parse_float=str, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON ({error.msg} at column {error.colno})") from None
    if not isinstance(value, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - a fault of the file, not of a caller
    return {key.strip(): _text_of(key, item) for key, item in value.items()}


def _no_number(word: str) -> str:
    raise ValueError(f"{word} is no number")


def _text_of(key: str, item: Any) -> str:
    if item is None:
        return ""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return item
    raise ValueError(f"'{key}' holds a list or an object. Give text, a number or true/false")


def open_source(path: Path) -> Source:
    """Look at a file and return how to read it; nothing but the file is touched.

    Raises:
        FileError: if it is no readable CSV with a header nor JSON Lines, with the place.
    """
    encoding = detect_encoding(path)
    first = _first_line(path, encoding)
    if path.suffix.lower() in _JSON_SUFFIXES or first.lstrip().startswith("{"):
        return Source(path, encoding, "", ())
    if first.lstrip().startswith("["):
        raise FileError(path, "is a JSON list", "Write one JSON object a line (JSON Lines)", line=1)
    if "\0" in first:
        raise FileError(path, "is no text file", "Export the table as CSV")
    delimiter = max(DELIMITERS, key=_QUOTED.sub("", first).count)
    header = tuple(cell.strip() for cell in _split(path, first, delimiter))
    if header[:3] == REJECT_COLUMNS:
        header = ("", "", "", *header[3:])
    if not any(header):
        raise FileError(path, "has no header", "Name the columns in the first line", line=1)
    return Source(path, encoding, delimiter, header)


def _first_line(path: Path, encoding: str) -> str:
    """Return the first record's text; a quoted header cell may span lines."""
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(_LONGEST_HEADER)
        while len(line) < _LONGEST_HEADER and line.count('"') % 2 and (more := file.readline(_LONGEST_HEADER)):
            line += more
        return line


def _split(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(line.splitlines(keepends=True), delimiter=delimiter), [])
    except csv.Error as error:
        raise FileError(path, f"the header is broken ({error})", "Correct the first line", line=1) from None


ProgressHook = Callable[[int], None]
"""Told how many rows were worked on since the last call."""
