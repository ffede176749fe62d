"""Every measured row in one run, as one table.

    python -m benchmarks [--only P1,P7] [--quick] [--json FILE]

Ours and its reference take turns within each row, so that both suffer the same neighbours; only ratios count.
PostgreSQL is started for the run, with full durability. Exit 1: a row missed its must, or its sink was too slow.
"""

import argparse
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
import structlog

from benchmarks import (
    bench_dispatch,
    bench_email,
    bench_idle,
    bench_import,
    bench_latency,
    bench_memory,
    bench_planning,
    bench_replies,
    bench_segments,
    bench_start,
    bench_write_ahead,
    big,
)
from benchmarks.measure import Growth, Row, growth_table, say, slope, table
from tests.postgres_server import postgres_server

DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB", "max_wal_size": "2GB"}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    customers: int = 1_000_000
    middle: int = 100_000
    small: int = 10_000
    rounds: int = 3
    postgres_rounds: int = 2
    sms: int = 5_000
    emails: int = 6_000
    peer_emails: int = 2_000
    imported: int = 100_000
    replies: int = 40_000
    dispatched: tuple[int, ...] = (1_000, 4_000, 16_000)
    latency_seconds: int = 60
    paces: tuple[int, ...] = (100, 300)


QUICK = Sizes(
    customers=50_000,
    middle=10_000,
    small=3_000,
    rounds=2,
    postgres_rounds=1,
    sms=1_500,
    emails=1_500,
    peer_emails=500,
    imported=20_000,
    replies=5_000,
    dispatched=(500, 2_000),
    latency_seconds=15,
    paces=(100,),
)
"""Enough to see that everything runs; its figures say little."""


@dataclass
class Bench:
    """One run: what is measured, and the databases and worlds that rows share."""

    sizes: Sizes
    wanted: frozenset[str]
    stack: ExitStack
    growth: list[Growth] = field(default_factory=list)

    @cached_property
    def postgres(self) -> str:
        """URL of a server of this run's own."""
        say("starting PostgreSQL")
        return self.stack.enter_context(postgres_server(**DURABLE))

    def database(self, name: str) -> str:
        """Return the URL of a fresh PostgreSQL database."""
        engine = sa.create_engine(self.postgres, isolation_level="AUTOCOMMIT", hide_parameters=True)
        with engine.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self.postgres.rpartition("/")[0] + f"/{name}"

    def wants(self, *rows: str) -> bool:
        """Tell whether any of these rows is to be measured."""
        return not self.wanted or not self.wanted.isdisjoint(rows)

    def sms(self) -> Iterator[Row]:
        """P1, P2."""
        yield from bench_dispatch.measure(self.sizes.sms, self.sizes.rounds)
        self.growth.append(Growth("SMS dispatch", bench_dispatch.growth(self.sizes.dispatched), 1.0))

    def email(self) -> Iterator[Row]:
        """P4, P5: the product runs two dispatchers on PostgreSQL; SQLite is shown beside it."""
        size = self.sizes
        peer = size.peer_emails if self.wants("P5") else 0
        url, peer_url = self.database("mail"), self.database("peer") if peer else ""
        yield from bench_email.measure(size.emails, size.rounds, url=url, peer_url=peer_url, peer_count=peer)
        yield from bench_email.measure(size.emails, size.rounds, peer_count=peer)

    def write_ahead(self) -> Iterator[Row]:
        """P6."""
        size = self.sizes
        yield bench_write_ahead.measure(size.sms, size.rounds + 2)
        yield bench_write_ahead.measure(size.sms, size.postgres_rounds + 1, url=self.database("ahead"))

    def latency(self) -> Iterator[Row]:
        """L1."""
        for pace in self.sizes.paces:
            yield bench_latency.measure(pace, self.sizes.latency_seconds)

    def big_worlds(self) -> Iterator[Row]:
        """P7, P9, P12: on worlds of three sizes that are made once."""
        yield from self._big_sqlite()
        if self.wants("P7", "P9"):
            yield from self._big_postgres()

    def _big_sqlite(self) -> Iterator[Row]:
        size = self.sizes
        folders = {n: self._big(n) for n in (size.small, size.middle, size.customers)}
        if self.wants("P7"):
            row, cost = bench_planning.measure_in(folders[size.customers], size.rounds)
            yield row
            costs = {n: bench_planning.cost_of(folders[n]) for n in (size.small, size.middle)}
            self.growth.append(Growth("planning, SQLite", slope({**costs, size.customers: cost}), 1.0))
        if self.wants("P12"):
            yield bench_memory.measure_in({n: folders[n] for n in (size.small, size.customers)})
        if self.wants("P9"):
            yield self._idle(folders, "SQLite")
        for folder in folders.values():
            shutil.rmtree(folder)

    def _big_postgres(self) -> Iterator[Row]:
        size = self.sizes
        folders = {n: self._big(n, url=self.database(f"big_{n}")) for n in (size.small, size.customers)}
        if self.wants("P7"):
            row, cost = bench_planning.measure_in(folders[size.customers], size.postgres_rounds)
            yield row
            costs = {size.small: bench_planning.cost_of(folders[size.small]), size.customers: cost}
            self.growth.append(Growth("planning, PostgreSQL", slope(costs), 1.0))
        if self.wants("P9"):
            yield self._idle(folders, "PostgreSQL")

    def _idle(self, folders: dict[int, Path], name: str) -> Row:
        row, grown = bench_idle.measure_in(folders)
        self.growth.append(Growth(f"idle tick, {name}", grown, 0.0))
        return row

    def _big(self, count: int, *, url: str = "") -> Path:
        say(f"making {count:,} customers on {'PostgreSQL' if url else 'SQLite'}")
        folder = big.make_big(count, url=url)
        self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def imports(self) -> Iterator[Row]:
        """P8."""
        say(f"P8: importing {self.sizes.imported:,} customers")
        found = bench_import.measure(self.sizes.imported, rounds=self.sizes.rounds)
        yield Row(
            row="P8",
            work=f"{found['work']}, SQLite",
            ours=f"{found['rows_per_second']:,}/s",
            reference=f"the same rows, not looked at: {found['bare_rows_per_second']:,}/s",
            ratio=found["ratio"],
            cpu_ratio=found["cpu_ratio"],
            must=found["must"],
            stretch=found["stretch"],
        )

    def segments(self) -> Iterator[Row]:
        """P10."""
        for name in ("SQLite", "PostgreSQL"):
            say(f"P10 on {name}: counting a segment of {self.sizes.customers:,} customers")
            url = self.database("segments") if name == "PostgreSQL" else ""
            found = bench_segments.measure(self.sizes.customers, rounds=self.sizes.rounds * 3, url=url)
            yield Row(
                row="P10",
                work=f"count of a high-value segment, {self.sizes.customers:,} customers, {name}",
                ours=f"{found['ours_ms']:,} ms",
                reference=f"SQL by hand, {found['by_hand']}: {found['by_hand_ms']:,} ms",
                ratio=found["ratio"],
                must=found["must"],
                stretch=found["stretch"],
            )

    def replies(self) -> Iterator[Row]:
        """P13."""
        yield bench_replies.measure(self.sizes.replies, self.sizes.rounds)

    def start(self) -> Iterator[Row]:
        """P15."""
        yield from bench_start.measure(self.sizes.rounds + 2)


PARTS: Mapping[tuple[str, ...], Callable[[Bench], Iterator[Row]]] = {
    ("P1", "P2"): Bench.sms,
    ("P4", "P5"): Bench.email,
    ("P6",): Bench.write_ahead,
    ("L1",): Bench.latency,
    ("P7", "P9", "P12"): Bench.big_worlds,
    ("P8",): Bench.imports,
    ("P10",): Bench.segments,
    ("P13",): Bench.replies,
    ("P15",): Bench.start,
}


def run(bench: Bench) -> list[Row]:
    """Measure what is wanted; a part that breaks is told as a missed row and does not stop the others."""
    rows: list[Row] = []
    for names, part in PARTS.items():
        if not bench.wants(*names):
            continue
        started = time.perf_counter()
        try:
            rows += [row for row in part(bench) if bench.wants(row.row)]
        except Exception as error:  # noqa: BLE001 - the other rows still count
            say(f"{', '.join(names)}: {type(error).__name__}: {error}")
            rows.append(broken(names, error))
        say(f"{', '.join(names)}: {time.perf_counter() - started:.0f} s")
    return sorted(rows, key=lambda row: (row.row[0] != "P", int(row.row.split(",")[0][1:])))


def broken(names: tuple[str, ...], error: Exception) -> Row:
    """Return the row of a part that could not be measured."""
    what = f"could not be measured: {type(error).__name__}"
    return Row(row=",".join(names), work="–", ours="–", reference="–", ratio=0.0, must=1, stretch=1, also=what)


def report(rows: list[Row], growth: list[Growth], *, seconds: float) -> dict[str, Any]:
    """Return the run for machines."""
    return {
        "seconds": round(seconds),
        "rows": [row.as_json() for row in rows],
        "growth": [{**each._asdict(), "passed": each.passed} for each in growth],
        "passed": all(row.passed for row in rows) and all(each.passed for each in growth),
    }


def main() -> None:
    """Measure, print the tables, and exit 1 if something missed."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--only", default="", help="rows to measure, such as P1,P7")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, its figures say little")
    parser.add_argument("--json", default="", metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    known = {name for names in PARTS for name in names}
    wanted = frozenset(word.strip().upper() for word in given.only.split(",") if word.strip())
    if wanted - known:
        parser.error(f"--only {', '.join(sorted(wanted - known))}: not known. Known: {', '.join(sorted(known))}")
    started = time.perf_counter()
    with ExitStack() as stack:
        bench = Bench(sizes=QUICK if given.quick else Sizes(), wanted=wanted, stack=stack)
        rows = run(bench)
    found = report(rows, bench.growth, seconds=time.perf_counter() - started)
    print(table(rows))
    if bench.growth:
        print(f"\n{growth_table(bench.growth)}")
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2), encoding="utf-8")
    raise SystemExit(0 if found["passed"] else 1)


if __name__ == "__main__":
    main()
