"""One import from start to end: look, scan, then check, compare and write by batches, each all or nothing."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
import structlog

from care.base.clock import Clock
from care.base.database import is_sqlite, plain_errors, read, write
from care.customers.importing.rejects import RejectsFile
from care.customers.importing.scan import Repeats, Scan, scan
from care.customers.importing.sheet import Layout, Refusal, Sheet, as_option, check_renames, lay_out, require
from care.customers.importing.source import Source, open_source
from care.customers.importing.titles import meant_by
from care.customers.keys import check_key, ensure_key

log = structlog.get_logger()
BATCH_ROWS = 2_000  # a batch holds SQLite's only write lock for well under 0.2 s
SHOWN_REFUSALS = 10
_TURN = 0x1E9057  # names the lock that imports share on PostgreSQL


@dataclass(slots=True)
class Settled:
    """What a batch comes to, compared with what is stored; `write` does it."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    write: Callable[[sa.Connection], None] = lambda _conn: None


class ImportKind(Protocol):
    """One kind of file: its columns and what becomes of its rows."""

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    key: str  # the column that names a row; empty where rows are words, not things

    def check(self, engine: sa.Engine, sheet: Sheet) -> None:
        """Turn cells into values and refuse bad rows; no writing transaction is open.

        Refused rows may stay, so that `settle` says what else is wrong with them.
        """
        ...

    def settle(self, conn: sa.Connection, sheet: Sheet) -> Settled:
        """Compare with what is stored; refuses more rows and drops them, writes nothing yet."""
        ...


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do."""

    kind: str
    file: str
    dry_run: bool
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0  # rows that a later row of the same id replaces
    replaced: list[tuple[int, int]] = field(default_factory=list)  # the first few, with the row that replaces each
    rejected: int = 0
    rejects_file: str | None = None
    seconds: float = 0.0
    warnings: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)  # the first few

    @property
    def rows_per_second(self) -> int:
        """Return the pace over the whole import, scan included."""
        return round(self.rows / self.seconds) if self.seconds else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the report for machines."""
        names = ("kind", "file", "dry_run", "rows", "added", "updated", "unchanged", "repeated", "rejected")
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        warned = [{"column": column, "warning": text, "rows": n} for (column, text), n in self.warnings.items()]
        shown = [{"row": one.number, "column": one.column, "reason": one.reason} for one in self.refusals]
        return plain | {
            "rejects_file": self.rejects_file,
            "warnings": warned,
            "first_rejected": shown,
            "first_repeated": [{"row": row, "replaced_by": by} for row, by in self.replaced],
            "seconds": round(self.seconds, 3),
            "rows_per_second": self.rows_per_second,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every batch of one import needs."""

    engine: sa.Engine
    kind: ImportKind
    suppression_key: bytes
    clock: Clock
    dry_run: bool = False
    on_progress: Callable[[int, int], None] = lambda _done, _total: None  # rows done, rows in all


def import_file(run: Run, path: Path, *, renames: Mapping[str, str] | None = None) -> ImportReport:
    """Import one file and return the report.

    Bad rows go to `<path>.rejects.csv`; every other row counts. A batch is one transaction, so a killed import is
    finished by running it again.

    Raises:
        InputError: if the file, its header or a rename cannot be used; nothing has been changed then.
        UnavailableError: if the database or the disk fails; batches before are kept.
    """
    started = run.clock.monotonic()
    report = ImportReport(run.kind.name, str(path), run.dry_run)
    source = open_source(path)
    names = dict(renames or {})
    with Repeats() as repeats:
        found = _first_pass(run, source, repeats, names, report)
        header = tuple(found.header)
        with RejectsFile(path, header, keep_off_disk=run.dry_run) as rejects, plain_errors(run.engine):
            _prepare_key(run)
            for batch in source.batches(BATCH_ROWS):
                layout = lay_out(path, batch.header, run.kind.columns, names)
                rejects.add(batch.header, _import_batch(run, Sheet.of(batch, layout), repeats, report))
                run.on_progress(report.rows, found.rows)
        report.rejects_file = str(rejects.path) if rejects.written else None
    report.seconds = run.clock.monotonic() - started
    log.info(
        "import.finished",
        kind=report.kind,
        rows=report.rows,
        added=report.added,
        updated=report.updated,
        rejected=report.rejected,
        dry_run=run.dry_run,
    )
    return report


def _first_pass(run: Run, source: Source, repeats: Repeats, renames: Mapping[str, str], report: ImportReport) -> Scan:
    """Read everything once. Whatever is wrong with the file as a whole shows here."""
    columns = run.kind.columns
    if not source.is_json:
        _check_header(run, source.path, source.header, renames)
    key = next((theirs for theirs, ours in renames.items() if ours == run.kind.key), None)
    found = scan(source, repeats, key or _own_name(source.header, run.kind.key))
    if source.is_json and found.rows:
        _check_header(run, source.path, tuple(found.header), renames)
    layout = lay_out(source.path, tuple(found.header), columns, renames)
    _tell_near_misses(run.kind, layout, report)
    return found


def _own_name(header: tuple[str, ...], key: str) -> str:
    return next((title for title in header if title.lower() == key), key)


def _check_header(run: Run, path: Path, header: tuple[str, ...], renames: Mapping[str, str]) -> None:
    check_renames(path, header, run.kind.columns, renames)
    layout = lay_out(path, header, run.kind.columns, renames)
    free = [name for name in run.kind.columns if name not in layout.known]
    require(path, header, layout, run.kind.required, meant_by(run.kind.name, list(layout.attributes), free))


def _tell_near_misses(kind: ImportKind, layout: Layout, report: ImportReport) -> None:
    free = [name for name in kind.columns if name not in layout.known]
    for title, name in meant_by(kind.name, list(layout.attributes), free).items():
        report.warnings[
            title, f"kept as an attribute. Did you mean '{name}'? Then add --map {as_option(title, name)}"
        ] += 1


def _prepare_key(run: Run) -> None:
    if run.dry_run:
        with read(run.engine) as conn:
            check_key(conn, run.suppression_key)
        return
    with write(run.engine) as conn:
        ensure_key(conn, run.suppression_key, run.clock.now())


def _import_batch(run: Run, sheet: Sheet, repeats: Repeats, report: ImportReport) -> list[Refusal]:
    """Import one batch in one transaction; return what was refused, in the order of the file."""
    report.rows += len(sheet) + len(sheet.refusals)
    replaced = _drop_repeated(sheet, repeats, run.kind.key)
    report.repeated += len(replaced)
    report.replaced += replaced[: SHOWN_REFUSALS - len(report.replaced)]
    run.kind.check(run.engine, sheet)
    with read(run.engine) if run.dry_run else write(run.engine) as conn:
        if not run.dry_run:
            _take_turn(conn)
        settled = run.kind.settle(conn, sheet)
        if not run.dry_run:
            settled.write(conn)
    report.added += settled.added
    report.updated += settled.updated
    report.unchanged += settled.unchanged
    report.rejected += len(sheet.refusals)
    report.warnings.update(sheet.warnings)
    refused = sorted(sheet.refusals, key=lambda one: one.number)
    report.refusals += refused[: SHOWN_REFUSALS - len(report.refusals)]
    return refused


def _take_turn(conn: sa.Connection) -> None:
    """Let imports that run at the same time write one after the other; SQLite has one writer anyway."""
    if not is_sqlite(conn):
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))


def _drop_repeated(sheet: Sheet, repeats: Repeats, key: str) -> list[tuple[int, int]]:
    """Leave only the last row of each id; return the others, each with the row that replaces it."""
    if not repeats.count or not key:
        return []
    ids = [cell.strip() for cell in sheet.cells(key)]
    last = repeats.last_rows(ids)
    wanted = [last.get(name, number) == number for name, number in zip(ids, sheet.numbers, strict=True)]
    if all(wanted):
        return []
    dropped = [
        (number, last[name])
        for name, number, is_wanted in zip(ids, sheet.numbers, wanted, strict=True)
        if not is_wanted
    ]
    sheet.keep(wanted)
    return dropped
