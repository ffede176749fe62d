"""How fast a customer file is imported, against writing the same rows without looking at them.

Ours is `care import customers` on a CSV file: detected, scanned, validated, hashed, compared, written in durable
batches. The reference writes the very rows that ours produced, taken from memory, into the same tables and indexes with
`executemany`, in durable batches of the same size. Both start on an empty database; rounds alternate.
"""

import argparse
import csv
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from care.base.clock import SystemClock
from care.base.database import metadata, open_engine, read, write
from care.base.settings import OperatorSettings
from care.customers.addresses import AddressHasher
from care.customers.importing.kinds import import_kind
from care.customers.importing.run import BATCH_ROWS, Run, import_file
from care.customers.tables import contact_point, customer

MUST, STRETCH = 0.3, 0.6
KEY = b"a key for measurements, nothing else"
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英"
_HEADER = (
    *("id", "name", "salutation", "phone", "email", "country", "birthday", "birthday_calendar", "joined_on"),
    *("customer_type", "tier", "area", "monthly_spend", "key_account"),
)
_TABLES = (customer, contact_point)


class Spent(NamedTuple):
    """Seconds on the wall, and seconds of this process's CPU."""

    wall: float
    cpu: float

    @classmethod
    def until_now(cls) -> "Spent":
        """Return both clocks."""
        return cls(time.perf_counter(), time.process_time())

    @classmethod
    def since(cls, then: "Spent") -> "Spent":
        """Return what went by."""
        now = cls.until_now()
        return cls(now.wall - then.wall, now.cpu - then.cpu)


def write_file(path: Path, rows: int, seed: int = 1) -> None:
    """Write a believable customer file of so many rows."""
    rng = random.Random(seed)
    first = date(2005, 1, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for n in range(rows):
            name = rng.choice(_SURNAMES) + rng.choice(_GIVEN) + rng.choice(("", rng.choice(_GIVEN)))
            born = date(1945, 1, 1) + timedelta(days=rng.randrange(22_000))
            mobile = f"1{rng.choice(('38', '39', '59', '86', '88'))}{rng.randrange(10**8):08d}"
            writer.writerow(
                (
                    f"C{n:08d}",
                    name,
                    f"{name[0]}{rng.choice(('先生', '女士'))}",
                    mobile
                    if n % 3
                    else f"+86 {mobile[:3]} {mobile[3:7]} {mobile[7:]}"
                    if n % 30 == 0
                    else f"+86{mobile}",
                    f"user{n}@{rng.choice(('example.com', 'mail.example.org', 'example.net'))}" if n % 2 else "",
                    "CN",
                    min(born, date(2005, 1, 28)).isoformat() if n % 10 else "",
                    "solar",
                    (first + timedelta(days=rng.randrange(7_500))).isoformat(),
                    rng.choice(("person", "person", "family", "business")),
                    rng.choice(("gold", "silver", "basic")),
                    f"区{rng.randrange(40)}",
                    f"{rng.randrange(20, 400)}.{rng.randrange(100):02d}",
                    "true" if n % 200 == 0 else "false",
                )
            )


def _empty_database(url: str) -> sa.Engine:
    engine = open_engine(url)
    with write(engine) as conn:
        metadata.drop_all(conn)
        metadata.create_all(conn)
    return engine


def _ours(url: str, file: Path) -> Spent:
    engine, clock = _empty_database(url), SystemClock()
    operator = OperatorSettings()
    kind = import_kind("customers", operator=operator, hasher=AddressHasher(KEY), currency_digits=2, now=clock.now)
    started = Spent.until_now()
    report = import_file(Run(engine=engine, kind=kind, suppression_key=KEY, clock=clock), file)
    spent = Spent.since(started)
    engine.dispose()
    assert report.added == report.rows, report
    return spent


def _stored_rows(url: str) -> dict[str, tuple[str, list[tuple[Any, ...]]]]:
    """Return what ours wrote, as the driver holds it, with the statement that writes it again."""
    engine = open_engine(url)
    found = {}
    for table in _TABLES:
        names = ", ".join(column.name for column in table.c)
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(table.c))})"  # noqa: S608
        with read(engine) as conn:
            rows = conn.exec_driver_sql(f"SELECT {names} FROM {table.name}")  # noqa: S608
            found[table.name] = (statement, [tuple(map(_as_given, row)) for row in rows])
    engine.dispose()
    return found


def _as_given(value: Any) -> Any:
    """Return a stored value as it is written: drivers give JSON back as an object."""
    return json.dumps(value) if isinstance(value, dict) else value


def _bare(url: str, rows: dict[str, tuple[str, list[tuple[Any, ...]]]]) -> Spent:
    """Write the rows batch by batch, a customer's contact points in the same transaction."""
    engine = _empty_database(url)
    (insert_customer, customers), (insert_contact, contacts) = rows.values()
    key = list(contact_point.c.keys()).index("customer_id")
    contacts = sorted(contacts, key=lambda row: row[key])
    batches = [customers[start : start + BATCH_ROWS] for start in range(0, len(customers), BATCH_ROWS)]
    beside = list(_beside(batches, contacts, key))
    started = Spent.until_now()
    for batch, points in zip(batches, beside, strict=True):
        with write(engine) as conn:
            cursor = conn.connection.cursor()
            cursor.executemany(insert_customer, batch)
            cursor.executemany(insert_contact, points)
    spent = Spent.since(started)
    engine.dispose()
    return spent


def _beside(
    batches: list[list[tuple[Any, ...]]], contacts: list[tuple[Any, ...]], key: int
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the contact points of each batch of customers."""
    place = 0
    for batch in batches:
        last = batch[-1][0]
        start = place
        while place < len(contacts) and contacts[place][key] <= last:
            place += 1
        yield contacts[start:place]


def measure(rows: int, *, rounds: int = 5, url: str = "") -> dict[str, Any]:
    """Return rates and their ratio, each the median of `rounds` alternating rounds.

    `url` names a database whose tables may be dropped; by default a SQLite file is made.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = url or f"sqlite:///{folder}/import.db"
        file = Path(folder) / "customers.csv"
        write_file(file, rows)
        _ours(target, file)
        stored = _stored_rows(target)
        pairs = [(_ours(target, file), _bare(target, stored)) for _ in range(rounds)]
    ratio = statistics.median(bare.wall / ours.wall for ours, bare in pairs)
    cpu_ratio = statistics.median(bare.cpu / ours.cpu for ours, bare in pairs)
    return {
        "row": "P8",
        "work": "import of customers with full validation",
        "database": "sqlite " + sqlite3.sqlite_version if not url else "postgresql",
        "rows": rows,
        "rounds": rounds,
        "rows_per_second": round(rows / statistics.median(ours.wall for ours, _ in pairs)),
        "bare_rows_per_second": round(rows / statistics.median(bare.wall for _, bare in pairs)),
        "ratio": round(ratio, 3),
        "cpu_ratio": round(cpu_ratio, 3),
        "must": MUST,
        "stretch": STRETCH,
        "passed": min(ratio, cpu_ratio) >= MUST,
    }


def main() -> None:
    """Measure and print one JSON object; exit 1 if the must is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--url", default="", help="a PostgreSQL database to use instead; its tables are dropped")
    arguments = parser.parse_args()
    result = measure(arguments.rows, rounds=arguments.rounds, url=arguments.url)
    print(json.dumps(result))
    raise SystemExit(0 if result["passed"] else 1)


if __name__ == "__main__":
    main()
