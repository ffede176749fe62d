"""The plain text part of an e-mail, made once from its HTML."""

import re
from typing import Final

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

_ROW_MARK: Final = re.compile(r"(<!--jx\d+xj-->)(?=\s*(?:<!--jx\d+xj-->\s*)*(?:<tr\b|</tbody>|</table>))")
_COMMENT_MARK: Final = re.compile(r"<!--jx(\d+)xj-->")
_WORD_MARK: Final = re.compile(r"jxb(\d+)bxj")
_LONE_MARKS: Final = re.compile(r"^((?:<!--jx\d+xj--> *)+)\n+", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")
_BLANKS: Final = re.compile(r"\n{3,}")
_CONFIG: Final = ParserConfig(css=CSS_PROFILES["strict"].copy(), display_links=True)


def text_part(html: str) -> str:
    """Return the readable text of a page with its links as `label: address`, at most one blank line in a row.

    Marks of `{% %}` stay in their places; one that has a line to itself joins the line that follows, so that
    what is left out leaves no gap.
    """
    rows = _ROW_MARK.sub(r"<tr><td>\1</td></tr>", html)
    text = get_text(_COMMENT_MARK.sub(r"jxb\1bxj", rows), _CONFIG)
    lines = "\n".join(_one_space(line) for line in text.splitlines())
    marked = _WORD_MARK.sub(r"<!--jx\1xj-->", _LINK.sub(_plain_link, lines))
    return _BLANKS.sub("\n\n", _LONE_MARKS.sub(r"\1", _BLANKS.sub("\n\n", marked))).strip()


def _one_space(line: str) -> str:
    return re.sub(r" {2,}", "  ", line.strip())


def _plain_link(link: re.Match[str]) -> str:
    label, address = link.group(1).strip(), link.group(2).strip()
    bare = address.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == bare:
        return bare
    return label if address.startswith(("tel:", "mailto:")) else f"{label}: {address}"
