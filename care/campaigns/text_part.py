"""The plain text part of an e-mail, made once from its HTML."""

import re
from typing import Final

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

_COMMENT_MARK: Final = re.compile(r"<!--(jx\d+xj)-->")
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")
_BLANKS: Final = re.compile(r"\n{3,}")
_CONFIG: Final = ParserConfig(css=CSS_PROFILES["strict"].copy(), display_links=True)


def text_part(html: str) -> str:
    """Return the readable text of a mail with its links, `label: address`, at most one blank line in a row."""
    text = get_text(_COMMENT_MARK.sub(r"\1", html), _CONFIG)
    lines = [_one_space(line) for line in text.splitlines()]
    return _BLANKS.sub("\n\n", _LINK.sub(_plain_link, "\n".join(lines))).strip() + "\n"


def _one_space(line: str) -> str:
    return re.sub(r" {2,}", "  ", line.strip())


def _plain_link(link: re.Match[str]) -> str:
    label, address = link.group(1).strip(), link.group(2).strip()
    bare = address.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == bare:
        return bare
    return label if address.startswith(("tel:", "mailto:")) else f"{label}: {address}"
