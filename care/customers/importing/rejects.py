"""Rows that could not be imported, in a file that a spreadsheet opens and `care import` takes back."""

import csv
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from care.base.errors import UnavailableError
from care.customers.importing.sheet import Refusal
from care.customers.importing.source import REJECT_COLUMNS

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d\s().-]*\Z)")
"""What a spreadsheet would run; a phone number with + or a lone - is none."""


class RejectsFile:
    """`<file>.rejects.csv`: row, column, reason, then the row as read. Made with the first refusal only.

    A leftover of an earlier run is removed, so the file always tells of the last import.
    """

    def __init__(self, source: Path, header: Sequence[str], *, keep_off_disk: bool) -> None:
        self.path = source.with_name(f"{source.name}.rejects.csv")
        self.written = 0
        self._header = tuple(header)
        self._off = keep_off_disk
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        elif kind is None and not self._off:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def add(self, header: Sequence[str], refusals: Sequence[Refusal]) -> None:
        """Append refused rows; `header` names their cells.

        Raises:
            UnavailableError: if the file cannot be written.
        """
        if not refusals or self._off:
            return
        try:
            if self._file is None:
                self._open()
            for one in refusals:
                self._writer.writerow([one.number, one.column, one.reason, *map(guard, self._placed(header, one))])
            self.written += len(refusals)
        except OSError as problem:
            raise UnavailableError(
                f"{self.path}: cannot be written ({problem.strerror}). Make room there, then import again"
            ) from None

    def _open(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        shown = [title for title in self._header if title]
        self._writer.writerow([*REJECT_COLUMNS, *map(guard, shown)])

    def _placed(self, header: Sequence[str], one: Refusal) -> Sequence[str]:
        """Return the cells in the order of the file's header; cells of a broken row stay as they stood."""
        if len(one.cells) != len(header):
            return one.cells
        cells = dict(zip(header, one.cells, strict=True))
        return [cells.get(title, "") for title in self._header if title]


def guard(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
