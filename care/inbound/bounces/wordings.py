"""How mail systems say things, in many languages: one data table, `wordings.tsv`, of plain words without patterns.

Columns of the table:

- `list`: what the words say: a reason of `reasons.tsv`, or a sign of what kind of mail this is
- `language`: of the words, for whoever reads the table
- `words`: in lower case, as they stand in the mail; `…` stands for up to 40 characters
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

TABLE: Final = "wordings.tsv"
GAP: Final = "…"
_GAP_PATTERN = r"[\s\S]{0,40}?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One way to say something."""

    list: str
    language: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """A list of them, made for a quick look."""

    whole: Sequence[str]
    gapped: Sequence[tuple[Sequence[str], re.Pattern[str]]]

    def are_in(self, plain: str) -> bool:
        """Tell whether a text made by `plain_text` says any of them."""
        if any(map(plain.__contains__, self.whole)):
            return True
        return any(all(map(plain.__contains__, pieces)) and seen.search(plain) for pieces, seen in self.gapped)

    def begin(self, plain: str) -> bool:
        """Tell whether a line made by `plain_text` begins with any of them."""
        return plain.startswith(tuple(self.whole)) or any(seen.match(plain) for _, seen in self.gapped)


@cache
def all_wordings() -> Sequence[Wording]:
    """Return the whole table in its order."""
    text = resources.files("care.inbound.bounces").joinpath(TABLE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [Wording(list=row["list"], language=row["language"], words=row["words"]) for row in rows]


@cache
def wordings(name: str) -> Wordings:
    """Return a list of the table; KeyError if there is none of that name."""
    listed = [each.words for each in all_wordings() if each.list == name]
    if not listed:
        raise KeyError(name)
    return Wordings(
        whole=[words for words in listed if GAP not in words],
        gapped=[(words.split(GAP), _pattern(words)) for words in listed if GAP in words],
    )


def says(name: str, text: str) -> bool:
    """Tell whether a text has any words of a list."""
    return wordings(name).are_in(plain_text(text))


def plain_text(text: str) -> str:
    """Return a text in lower case, with single blanks and straight apostrophes."""
    return " ".join(text.split()).lower().replace("\u2019", "'").replace("\u2018", "'")


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(_GAP_PATTERN.join(re.escape(piece) for piece in words.split(GAP)))
