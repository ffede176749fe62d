"""A report as sections of sentences, tables and charts, before it takes a form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from care.base.statistics import Limits


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph. `is_warning`: it says that something is wrong or must be read with care."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Points of a list."""

    points: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings; every cell is a text or a number."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int]]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One share with its interval, in percent; None where there is not enough data."""

    label: str
    n: int
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Shares side by side."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One point of a line: a share in percent."""

    first: date
    n: int
    value: float
    limits: Limits | None
    is_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Shares over time, with control limits."""

    title: str
    steps: Sequence[Step]


Block = Paragraph | Listing | Table | Bars | Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One chapter."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str, str]]  # (what, figure, words below it), for the top of the first page
    sections: Sequence[Section]
