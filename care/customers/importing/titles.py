"""What a column of another system probably holds; only a hint, the user says so with `--map`."""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Final

_TABLE: Final = "titles.tsv"
_NO_WORD: Final = re.compile(r"[\W_]+")


def meant_by(kind: str, header: Sequence[str], free: Collection[str]) -> dict[str, str]:
    """Return, by their title, which of our columns some columns hold; `free` are those the file does not name itself.

    Each of ours is meant by one of theirs at most: the first.
    """
    known, found = _known(kind), dict[str, str]()
    for title in header:
        left = [name for name in free if name not in found.values()]
        ours = known.get(_plain(title), ())
        near = [name for name in ours if name in left] or get_close_matches(title.lower(), left, 1, cutoff=0.8)
        if near:
            found[title] = near[0]
    return found


@cache
def _known(kind: str) -> Mapping[str, Sequence[str]]:
    """Return our columns by their plain title; one title may stand for several."""
    text = resources.files(__package__).joinpath(_TABLE).read_text(encoding="utf-8")
    known: dict[str, list[str]] = {}
    for line in text.splitlines()[2:]:
        of, column, titles = line.split("\t")
        if of == kind:
            for title in titles.split("|"):
                known.setdefault(_plain(title), []).append(column)
    return known


def _plain(title: str) -> str:
    return _NO_WORD.sub("", title).casefold()
