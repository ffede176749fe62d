"""Asks SQLite how it would answer: a question that reads or sorts a whole table does not stay fast."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from care.base.database import read

BIG = ("message", "attempt", "receipt", "move", "customer ", "customer_change")


def steps_of(engine: sa.Engine, ask: Callable[[sa.Connection], Any]) -> list[str]:
    """Return every step of the query plans of what `ask` executes."""
    return [str(row[3]) for rows in _explained(engine, ask, "EXPLAIN QUERY PLAN") for row in rows]


def plans_of(engine: sa.Engine, ask: Callable[[sa.Connection], Any]) -> list[str]:
    """Return the lines of PostgreSQL's plans, of tables too big to be read from end to end or sorted."""
    rules = ("SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off", "SET LOCAL enable_sort = off")
    return [str(row[0]) for rows in _explained(engine, ask, "EXPLAIN", *rules) for row in rows]


def _explained(engine: sa.Engine, ask: Callable[[sa.Connection], Any], how: str, *rules: str) -> list[Any]:
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    with read(engine) as conn:
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            ask(conn)
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        for rule in rules:
            conn.exec_driver_sql(rule)
        return [conn.exec_driver_sql(f"{how} {sql}", values).all() for sql, values in asked]


def whole_tables(steps: list[str]) -> list[str]:
    """Return the steps that walk a big table from end to end, without an index to stop them."""
    scans = [step for step in steps if step.startswith("SCAN ") and "COVERING INDEX" not in step]
    return [step for step in scans if f"{step.removeprefix('SCAN ').split()[0]} ".startswith(BIG)]


def sorts(steps: list[str]) -> list[str]:
    """Return the steps that sort what they found."""
    return [step for step in steps if "TEMP B-TREE" in step]
