"""Slips of the finger in long words: one letter too many, too few, wrong or swapped."""

from collections.abc import Iterable, Mapping
from string import ascii_lowercase
from typing import Final

SHORTEST: Final = 6
"""Letters of the shortest word that is mended: shorter ones have too many neighbours that mean something else."""
MENDED: Final = frozenset(
    {"best", "good", "bad", "worst", "middling", "unsubscribe", "thanks", "resolved", "subject", "very", "label"}
)
_NONE: Final[frozenset[str]] = frozenset()


def by_shape(phrases: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    """Return the words worth mending by what is left of them without any one letter."""
    known: dict[str, list[str]] = {}
    for word, meanings in phrases.items():
        if len(word) >= SHORTEST and word.isascii() and word.isalpha() and meanings & MENDED:
            for shape in _shapes(word):
                known.setdefault(shape, []).append(word)
    return known


def mended(word: str, phrases: Mapping[str, frozenset[str]], shapes: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return the meanings of the known words that differ by one slip; nothing where there is none, or they differ."""
    single = _squeezed(word)
    if single != word and single in phrases:
        return phrases[single]
    if len(word) < SHORTEST - 1 or not word.isascii() or (word[-1:] == "s" and word[:-1] in phrases):
        return _NONE
    near = {
        found
        for shape in _shapes(word)
        for found in shapes.get(shape, ())
        if found[0] == word[0] and _is_one_slip(word, found)
    }
    meanings = {phrases[found] & MENDED for found in near}
    return meanings.pop() if len(meanings) == 1 else _NONE


def slips_of(word: str) -> set[str]:
    """Return what one slip behind its first letter makes of a word: two swapped, one wrong, missing or too many."""
    places = range(1, len(word))
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places if at + 1 < len(word)}
    missing = {word[:at] + word[at + 1 :] for at in places}
    wrong = {word[:at] + letter + word[at + 1 :] for at in places for letter in ascii_lowercase}
    added = {word[:at] + letter + word[at:] for at in (*places, len(word)) for letter in ascii_lowercase}
    return (swapped | missing | wrong | added) - {word}


def _squeezed(word: str) -> str:
    """Return "so" for "soo": letters held too long are two after normalising."""
    return "".join(letter for index, letter in enumerate(word) if index == 0 or letter != word[index - 1])


def _shapes(word: str) -> set[str]:
    return {word, *(word[:index] + word[index + 1 :] for index in range(len(word)))}


def _is_one_slip(a: str, b: str) -> bool:
    if len(a) != len(b):
        longer, shorter = (a, b) if len(a) > len(b) else (b, a)
        return len(longer) - len(shorter) == 1 and shorter in _shapes(longer)
    differ = [index for index in range(len(a)) if a[index] != b[index]]
    if len(differ) == 1:
        return True
    return len(differ) == 2 and a[differ[0]] == b[differ[1]] and a[differ[1]] == b[differ[0]]  # noqa: PLR2004 - a swap
