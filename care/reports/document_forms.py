"""A document as a page for browsers and printers, as Markdown, and as an object."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from care.reports.charts import draw_bars, draw_line
from care.reports.document import Bars, Block, Document, Line, Listing, Paragraph, Table
from care.reports.wording import ENGLISH, wording_of


@cache
def _pages() -> jinja2.Environment:
    folder = Path(__file__).with_name("templates")
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    pages.globals.update(draw_bars=draw_bars, draw_line=draw_line, kind_of=lambda block: type(block).__name__)
    return pages


def as_html(document: Document, locale: str = ENGLISH) -> str:
    """Return one page that needs nothing else: no script, no picture, no font from elsewhere."""
    wording = wording_of(locale)
    page = _pages().get_template("quarter.html")
    return page.render(document=wording.document(document), say=wording.say, locale=locale).lstrip()


def as_markdown(document: Document, locale: str = ENGLISH) -> str:
    """Return the document as Markdown; charts become tables."""
    wording = wording_of(locale)
    document = wording.document(_without_charts(document))
    lines = [f"# {document.title}", "", document.subtitle, ""]
    lines += [f"- {what}: **{figure}** {words}" for what, figure, words in document.facts]
    for section in document.sections:
        lines += ["", f"## {section.title}"]
        for block in section.blocks:
            lines += ["", *_in_markdown(block)]
    return "\n".join(lines) + "\n"


def _in_markdown(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"**{_plain(block.text)}**" if block.is_warning else _plain(block.text)
    elif isinstance(block, Listing):
        yield from (f"- {_plain(point)}" for point in block.points)
    elif isinstance(block, Table):
        yield f"### {block.title}"
        yield ""
        yield f"| {' | '.join(block.columns)} |"
        yield f"|{'---|' * len(block.columns)}"
        for row in block.rows:
            yield f"| {' | '.join(_cell(cell) for cell in row)} |"
        if block.note:
            yield ""
            yield block.note


def _without_charts(document: Document) -> Document:
    sections = [
        replace(one, blocks=[_as_table(block) if isinstance(block, Bars | Line) else block for block in one.blocks])
        for one in document.sections
    ]
    return replace(document, sections=sections)


def _as_table(chart: Bars | Line) -> Table:
    if isinstance(chart, Bars):
        rows: list[tuple[str | int, ...]] = [
            (bar.label, bar.n, *(_percent(x) for x in (bar.value, bar.low, bar.high)), bar.note) for bar in chart.bars
        ]
        return Table(title=chart.title, columns=("group", "answers", "satisfied", "low", "high", "note"), rows=rows)
    steps: list[tuple[str | int, ...]] = [
        (
            *(step.first.isoformat(), step.n, _percent(step.value)),
            *(_percent(100 * x) for x in ((step.limits.low, step.limits.high) if step.limits else ())),
            "beyond" if step.is_out else "",
        )
        for step in chart.steps
    ]
    return Table(
        title=chart.title, columns=("from", "answers", "satisfied", "low limit", "high limit", "note"), rows=steps
    )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}%"


def _cell(cell: str | int) -> str:
    return f"{cell:,}" if isinstance(cell, int) else _plain(cell)


def _plain(text: str) -> str:
    """Return a text that stays one cell, and means in Markdown what it says."""
    text = " ".join(text.split())
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, f"\\{sign}" if sign != "<" else "&lt;")
    return text


def as_plain(document: Document) -> dict[str, Any]:
    """Return the document as an object, every block with its kind."""
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "facts": [{"what": what, "figure": figure, "words": words} for what, figure, words in document.facts],
        "sections": [
            {
                "title": section.title,
                "blocks": [{"kind": type(block).__name__.lower(), **asdict(block)} for block in section.blocks],
            }
            for section in document.sections
        ],
    }
