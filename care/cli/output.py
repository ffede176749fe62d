"""How commands answer: tables for people, JSON for programs, one line for errors."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import typer


def as_json(value: Any) -> str:
    """Return one line of JSON; instants as ISO 8601 with offset, letters of every script as they are."""
    return json.dumps(value, ensure_ascii=False, default=_plain, separators=(", ", ": "))


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def say(text: str = "") -> None:
    """Print one line for people."""
    typer.echo(text)


def counted(number: int, thing: str) -> str:
    """Return a number with its word: 1 row, 2,000 rows."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def complain(text: str) -> None:
    """Print to stderr."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print one object on one line."""
    typer.echo(as_json(value))


def print_rows(rows: Iterable[Mapping[str, Any]], *, as_json_lines: bool, columns: Sequence[str] = ()) -> int:
    """Print rows as a table, or as JSON Lines; return how many there were."""
    if as_json_lines:
        count = 0
        for row in rows:
            print_json(row)
            count += 1
        return count
    listed = list(rows)
    if listed:
        _print_table(listed, columns or list(listed[0]))
    return len(listed)


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(isinstance(row.get(column), (int, float)) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M %Z")
    text = str(value.value if isinstance(value, Enum) else value)
    return text if text.isprintable() else _printable(text)


def _printable(text: str) -> str:
    """Return a text that cannot move the cursor or turn letters around: customers' words stand in tables too."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
