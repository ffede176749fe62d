"""The ticket system's own list of what it resolved: ids one a line, or a table with `id` and perhaps `resolved_at`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from care.base.errors import FileError
from care.customers.importing.cells import CellError, Converter, cell
from care.customers.importing.encodings import detect_encoding
from care.customers.importing.sheet import lay_out
from care.customers.importing.source import open_source
from care.customers.importing.tickets import moment_in, ticket_id

_BATCH = 2_000
_COLUMNS = ("id", "resolved_at")
_MARKS = (",", ";", "\t", "{")


def read_ticket_list(path: Path, zone: ZoneInfo) -> dict[str, datetime | None]:
    """Return when each ticket of a list was resolved, None where the list does not say; the latest where it says twice.

    Raises:
        FileError: with the line that cannot be used.
    """
    found: dict[str, datetime | None] = {}
    moment = cell(moment_in(zone))
    rows = _table(path) if _is_table(path) else _plain(path)
    for line, name, at in rows:
        external_id: str = _read(path, line, "id", name, ticket_id)
        resolved_at = _read(path, line, "resolved_at", at, moment) if at.strip() else None
        before = found.get(external_id)
        is_later = isinstance(resolved_at, datetime) and (before is None or resolved_at > before)
        found[external_id] = resolved_at if is_later else before
    if not found:
        raise FileError(path, "lists no ticket", "Write one id a line, or a table with the column id")
    return found


def _read(path: Path, line: int, column: str, text: str, convert: Converter) -> Any:
    try:
        return convert(text)
    except CellError as error:
        raise FileError(path, f"{column} {error}", "Correct the line", line=line) from None


def _is_table(path: Path) -> bool:
    try:
        with path.open(encoding=detect_encoding(path), newline="") as file:
            first = file.readline(4_096)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Name the ticket system's list") from None
    return first.strip().lower() == "id" or any(mark in first for mark in _MARKS)


def _plain(path: Path) -> Iterator[tuple[int, str, str]]:
    with path.open(encoding=detect_encoding(path)) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.strip(), ""


def _table(path: Path) -> Iterator[tuple[int, str, str]]:
    for batch in open_source(path).batches(_BATCH):
        layout = lay_out(path, batch.header, _COLUMNS, {})
        if "id" not in layout.known:
            raise FileError(path, "has no column 'id'", "Name it in the header", line=1)
        for number, reason, _cells in batch.broken:
            raise FileError(path, reason, "Correct the line", line=number)
        place, at = layout.known["id"], layout.known.get("resolved_at")
        for number, row in zip(batch.numbers, batch.rows, strict=True):
            yield number, row[place], "" if at is None else row[at]
