"""One form for what phones type: width, case, circled and keycap digits, scripts, invisible signs."""

import re
import sys
import unicodedata
from functools import cache
from importlib import resources
from typing import Final

_GONE = (
    *range(0x200B, 0x2010),  # zero width and direction
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0xFE00, 0xFE10),  # variation selectors
    *range(0x1F3FB, 0x1F400),  # tones of skin
    0x20E3,  # keycap
    0xFEFF,
    0x00AD,
)
_SIGNS: Final = {
    "。": ".",
    "．": ".",
    "｡": ".",
    "，": ",",
    "、": ",",
    "！": "!",
    "？": "?",
    "；": ";",
    "：": ":",
    "～": "~",
    "〜": "~",
    "∼": "~",
    "…": ".",
    "‘": "'",
    "’": "'",
    "`": "'",
    "´": "'",
    "“": '"',
    "”": '"',
    "「": '"',
    "」": '"',
    "『": '"',
    "』": '"',
    "«": '"',
    "»": '"',
    "【": "[",
    "】": "]",
    "–": "-",
    "—": "-",
    "−": "-",
    "‐": "-",
    "‑": "-",
    "½": ".5",
    "🔟": "10",
    "\r": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
    "\x0b": "\n",
    "\x0c": "\n",
    "\x85": "\n",
}
_MULTIPLE = re.compile(r"([^\W\d_])\1{2,}")
_BLANK = re.compile(r"[^\S\n]+")
_LONGEST = 2000
"""Characters that are looked at: longer texts say nothing more about a score."""


def normalise(text: str) -> str:
    """Return the text in the form that word lists are kept in; doing it twice changes nothing."""
    text = text[:_LONGEST]
    if not text.isascii():
        text = _folded(text)
    plain = text.casefold().replace("\r\n", "\n").replace("\r", "\n")
    plain = _BLANK.sub(" ", plain).strip()
    return _MULTIPLE.sub(r"\1\1", plain)


def _folded(text: str) -> str:
    table = _table()
    while True:
        folded = unicodedata.normalize("NFKC", text.translate(table).casefold()).translate(table)
        if folded == text:
            return folded
        text = folded


@cache
def _table() -> dict[int, str | None]:
    """Return what each odd sign is written as."""
    table: dict[int, str | None] = dict.fromkeys(_GONE)
    table.update(_odd_digits())
    table.update({ord(sign): plain for sign, plain in _SIGNS.items()})
    for traditional, simplified in _variants():
        if traditional != simplified:
            table.setdefault(ord(traditional), simplified)
    return table


def _odd_digits() -> dict[int, str]:
    """Return every sign of Unicode that is a digit, circled or of another script, as the plain one."""
    found = {}
    for code in range(0x80, sys.maxunicode + 1):
        sign = chr(code)
        if unicodedata.category(sign) in ("Nd", "No") and (number := unicodedata.digit(sign, None)) is not None:
            found[code] = str(number)
    return found


def _variants() -> list[tuple[str, str]]:
    text = resources.files("care.surveys.replies").joinpath("variants.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return [pair for traditional, simplified in rows for pair in zip(traditional, simplified, strict=True)]
