"""The word lists: what ships with the product, and what an operator lays over it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from care.base.errors import FileError
from care.surveys.replies.normalise import normalise
from care.surveys.replies.pieces import split_pieces
from care.surveys.replies.spelling import by_shape

LISTS: Final = ("verdicts", "grammar", "requests", "refusals", "numbers", "emoji", "quotes")
LANGUAGES: Final = frozenset({"en", "zh", "any"})
_REFUSALS: Final = ("opt_out", "opt_in")
_SEPARATOR: Final = " | "
ALONE: Final = "alone"
ANYWHERE: Final = "anywhere"
LAST: Final = "last"
ONLY: Final = "only"
BARE: Final = "bare"
_NO_MEANING: Final[frozenset[str]] = frozenset()


class Entry(NamedTuple):
    """One line of a list: words of one language with one meaning."""

    meaning: str
    language: str
    words: tuple[str, ...]


class Step(NamedTuple):
    """One part of a pattern: a list of words, how many others may stand before it, whether it may be missing."""

    meaning: str
    gap: int
    optional: bool


class Pattern(NamedTuple):
    """Words in a row that mean something together; `where`: anywhere, in a clause or a text that says nothing else."""

    meaning: str
    where: str
    steps: tuple[Step, ...]
    needs: frozenset[str]  # the lists without which it cannot hold


ByOpener = Mapping[str, tuple[Pattern, ...]]
"""Patterns by the list that they begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Every phrase by its pieces, and by its first piece how long phrases get."""

    phrases: Mapping[str, frozenset[str]]
    lengths: Mapping[str, tuple[int, ...]]
    patterns: Mapping[str, ByOpener]  # by what they mean
    shapes: Mapping[str, list[str]]  # long words by what a slip of the finger leaves of them
    composed: ByOpener = field(default_factory=dict)  # what words in a row mean; refusals have rules of their own
    refusals: frozenset[str] = _NO_MEANING  # whole messages that refuse by the operator's own policy, as keywords

    def meanings(self, phrase: str) -> frozenset[str]:
        """Return the lists that hold a phrase; nothing for an unknown one."""
        return self.phrases.get(key_of(phrase), _NO_MEANING)


def key_of(phrase: str) -> str:
    """Return how a phrase is kept: its pieces, one blank between them."""
    return " ".join(piece for _, piece in split_pieces(normalise(phrase)))


@cache
def shipped_entries() -> tuple[Entry, ...]:
    """Return the lists of the product."""
    return tuple(entry for name in LISTS for entry in _entries_of(name))


@cache
def shipped_patterns() -> tuple[Pattern, ...]:
    """Return the patterns of the product."""
    return tuple(_pattern(*fields) for _, fields in _rows("patterns"))


@cache
def shipped_lexicon() -> Lexicon:
    """Return the product's own lists, ready for use."""
    return build_lexicon(shipped_entries(), shipped_patterns())


def build_lexicon(entries: Iterable[Entry], patterns: Sequence[Pattern]) -> Lexicon:
    """Return a lexicon of these lists."""
    phrases: dict[str, set[str]] = {}
    for entry in entries:
        for word in entry.words:
            phrases.setdefault(key_of(word), set()).add(entry.meaning)
    phrases.pop("", None)
    lengths: dict[str, set[int]] = {}
    for phrase in phrases:
        pieces = phrase.split(" ")
        lengths.setdefault(pieces[0], set()).add(len(pieces))
    shared: dict[frozenset[str], frozenset[str]] = {}
    known = {phrase: shared.setdefault(frozenset(found), frozenset(found)) for phrase, found in phrases.items()}
    return Lexicon(
        phrases=known,
        shapes=by_shape(known),
        lengths={first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()},
        composed=by_opener(one for one in patterns if one.meaning not in _REFUSALS),
        patterns={meaning: by_opener(one for one in patterns if one.meaning == meaning) for meaning in _REFUSALS},
    )


def by_opener(patterns: Iterable[Pattern]) -> ByOpener:
    """Return patterns by the list that they begin with, so that few have to be tried."""
    found: dict[str, tuple[Pattern, ...]] = {}
    for pattern in patterns:
        opener = pattern.steps[0].meaning
        found[opener] = (*found.get(opener, ()), pattern)
    return found


def possible(patterns: ByOpener, met: frozenset[str]) -> Iterator[Pattern]:
    """Yield the patterns for which a text that has met these lists holds all that they need."""
    for opener in patterns.keys() & met:
        for pattern in patterns[opener]:
            if pattern.needs <= met:
                yield pattern


def extend_lexicon(lexicon: Lexicon, entries: Iterable[Entry]) -> Lexicon:
    """Return a lexicon with further words."""
    phrases = dict(lexicon.phrases)
    lengths = dict(lexicon.lengths)
    for entry in entries:
        for key in filter(None, map(key_of, entry.words)):
            phrases[key] = phrases.get(key, _NO_MEANING) | {entry.meaning}
            pieces = key.split(" ")
            known = {*lengths.get(pieces[0], ()), len(pieces)}
            lengths[pieces[0]] = tuple(sorted(known, reverse=True))
    return replace(lexicon, phrases=phrases, lengths=lengths)


def _rows(name: str) -> Iterator[tuple[int, list[str]]]:
    file = resources.files("care.surveys.replies").joinpath("words", f"{name}.tsv")
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line and not line.startswith("#"):
            yield number, line.split("\t")


def _entries_of(name: str) -> Iterator[Entry]:
    for number, fields in _rows(name):
        if len(fields) != len(Entry._fields) or fields[1] not in LANGUAGES:
            raise FileError(
                Path(f"{name}.tsv"), "is no line of words", "Write: meaning, language, words; tabs between", line=number
            )
        meaning, language, words = fields
        yield Entry(meaning, language, tuple(words.split(_SEPARATOR)))


def _pattern(meaning: str, where: str, text: str) -> Pattern:
    """Return `{stop} ~2 {send} {me}?` as steps."""
    steps: list[Step] = []
    gap = 0
    for part in text.split():
        if part.startswith("~"):
            gap = int(part[1:])
            continue
        steps.append(Step(part.strip("{}?"), gap, part.endswith("?")))
        gap = 0
    needs = frozenset(step.meaning for step in steps if not step.optional)
    return Pattern(meaning, where, tuple(steps), needs)
