"""A letter written as a web page, as plain text: what is there is read, whatever should be there."""

import html
import re

_UNSEEN = re.compile(r"<(style|script|title)\b[^>]{0,200}>[^<]{0,20000}</\1>", re.IGNORECASE)
_WRITTEN_IN_LINES = re.compile(r"<pre\b", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z!][a-zA-Z0-9]{0,20})(?=[\s/>!\-\[])[^<>]{0,2000}>")
_NEW_LINE = frozenset(
    {
        *("address", "article", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "footer", "header"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)
_INSIDE_WORDS = frozenset({"a", "b", "em", "font", "i", "small", "span", "strong", "tt", "u", "wbr"})


def text_of(page: str) -> str:
    """Return what a reader sees, a line for each block; an address in angle brackets stays one."""
    seen = _UNSEEN.sub(" ", page)
    flat = seen if _WRITTEN_IN_LINES.search(seen) else " ".join(seen.split())
    return html.unescape(_TAG.sub(_between, flat)).replace("\xa0", " ")


def _between(tag: re.Match[str]) -> str:
    name = tag[2].lower()
    if name in _NEW_LINE:
        return "\n"
    return "" if name in _INSIDE_WORDS else " "
