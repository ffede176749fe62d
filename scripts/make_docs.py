"""Write the pages of docs/ that come from the code, or with --check tell which are out of date.

Usage: python scripts/make_docs.py [--check]
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from care.base import settings_pages
from care.campaigns import template_page
from care.messages import diagram
from care.segments import page as segments_page
from care.surveys import diagram as follow_up_page
from care.surveys.conversation import diagram as conversation_page
from care.surveys.occasion import OCCASIONS
from care.surveys.wiring import rule_facts

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "conversation.md": conversation_page.markdown_page,
    "follow-up.md": follow_up_page.markdown_page,
    "segments.md": lambda: segments_page.markdown_page(rule_facts("UTC").values()),
    "settings.md": settings_pages.markdown_page,
    "state-machine.md": diagram.markdown_page,
    "templates.md": lambda: template_page.markdown_page(OCCASIONS),
}


def main(options: list[str]) -> None:
    """Write or compare every page."""
    stale = [name for name, page in PAGES.items() if _written(name) != page()]
    if "--check" in options:
        if stale:
            sys.exit(f"docs/: out of date: {', '.join(stale)}. Run: make docs")
        return
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"wrote docs/{name}\n")


def _written(name: str) -> str:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    main(sys.argv[1:])
