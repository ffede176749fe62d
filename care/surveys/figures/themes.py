"""Comments grouped by what they speak of, with words kept as data; personal details are taken out of what is quoted."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from care.base.masking import HIDDEN, mask_text
from care.base.yamlfile import parse_yaml
from care.surveys.replies.normalise import normalise

MOST_QUOTED: Final = 3
LONGEST_QUOTE: Final = 120  # characters
_DIGITS = re.compile(r"(?<![\d*])\d[\d -]{4,}\d[xX]?(?!\d)")
_NEGATION = re.compile(r"(?:[不没未非][^，。,.!！? ]{0,2}|\b(?:not|never|no|isn't|wasn't|aren't)\s+(?:\w+\s+)?)$")
_LATIN = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What a customer wrote. `is_good` tells how the service was rated beside it, None: not."""

    text: str
    is_good: bool | None = None
    names: tuple[str, ...] = ()  # that must not be quoted
    theme: str = ""  # chosen from a menu instead of written


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Comments that speak of the same."""

    name: str
    title: str
    n: int
    bad: int  # beside a rating that was not satisfied
    good: int
    quotes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Themes:
    """All comments by theme, the most frequent first. A comment may belong to several themes."""

    total: int
    themes: Sequence[Theme]
    others: int  # that no theme holds
    method: str  # one sentence: how they were grouped
    telling: Sequence[str] = field(default_factory=tuple)  # words that go with low scores


def group_comments(comments: Sequence[Comment]) -> tuple[list[Theme], list[Comment]]:
    """Return the themes that the word lists find, the most frequent first, and the comments that none holds."""
    lists = _lists()
    held: dict[str, list[Comment]] = {name: [] for name in lists}
    rest = []
    for comment in comments:
        names = [comment.theme] if comment.theme in lists else list(themes_of(comment.text))
        for name in names:
            held[name].append(comment)
        if not names:
            rest.append(comment)
    found = [make_theme(name, lists[name].title, inside) for name, inside in held.items() if inside]
    return sorted(found, key=lambda theme: (-theme.n, theme.name)), rest


def themes_of(text: str) -> Iterable[str]:
    """Return the names of the themes that a text speaks of."""
    plain = key_of_text(text)
    return [name for name, words in _lists().items() if words.are_in(plain)]


def make_theme(name: str, title: str, comments: Sequence[Comment]) -> Theme:
    """Return a theme with a few of its comments quoted, those beside low scores first."""
    written = sorted((c for c in comments if c.text.strip()), key=lambda c: (c.is_good is not False, len(c.text)))
    quotes = dict.fromkeys(quote(comment) for comment in written)
    return Theme(
        name=name,
        title=title,
        n=len(comments),
        bad=sum(comment.is_good is False for comment in comments),
        good=sum(comment.is_good is True for comment in comments),
        quotes=list(quotes)[:MOST_QUOTED],
    )


def quote(comment: Comment) -> str:
    """Return a comment as a report may print it: no number, address or name of a person, on one short line."""
    text = comment.text
    for name in comment.names:
        if name:
            text = text.replace(name, HIDDEN)
    text = mask_text(_DIGITS.sub(HIDDEN, " ".join(text.split())))
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def key_of_text(text: str) -> str:
    """Return a text as words are looked for in it: one script, small letters, plain spaces."""
    return " ".join(normalise(text).lower().split())


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    pattern: re.Pattern[str]

    def are_in(self, text: str) -> bool:
        """Tell whether one of them stands in the text without a "not" before it."""
        return any(not _NEGATION.search(text, 0, found.start()) for found in self.pattern.finditer(text))


@cache
def _lists() -> Mapping[str, _Words]:
    file = resources.files("care.surveys.figures").joinpath("themes.yaml")
    document = parse_yaml(file.read_text(encoding="utf-8"), Path(str(file)))
    return {
        str(name): _Words(str(entry["title"]), _pattern([str(word) for word in (*entry["zh"], *entry["en"])]))
        for name, entry in document.items()
    }


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    parts = []
    for word in sorted(words, key=len, reverse=True):
        stem = re.escape(key_of_text(word.removesuffix("*")))
        parts.append(rf"\b{stem}{'[a-z]*' if word.endswith('*') else ''}\b" if _LATIN.search(stem) else stem)
    return re.compile("|".join(parts))
