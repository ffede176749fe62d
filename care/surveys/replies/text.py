"""A reply, taken apart once for all rules."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from care.surveys.replies.lexicon import Lexicon, Pattern
from care.surveys.replies.patterns import is_found
from care.surveys.replies.tokens import Token, tokenise

COMPOSED: Final = ("conditional", "not_resolved", "wrong_number", "data_request", "safety")
"""Meanings that words in a row may have together; refusals have rules of their own."""
_FEW: Final = 5


@dataclass
class Text:
    """The normalised text, its tokens, and every meaning that any of them has."""

    plain: str
    tokens: tuple[Token, ...]
    met: frozenset[str]

    @cached_property
    def has_digit(self) -> bool:
        """Tell whether a number stands in it."""
        return any(token.value is not None for token in self.tokens)

    @cached_property
    def unknown(self) -> int:
        """Return how many words no list holds."""
        return sum(token.is_unknown for token in self.tokens)


def read_text(plain: str, lexicon: Lexicon) -> Text:
    """Return a normalised text with its tokens."""
    tokens = tuple(tokenise(plain, lexicon))
    met = frozenset().union(*(token.meanings for token in tokens))
    for meaning in COMPOSED:
        if meaning not in met and any(_holds(pattern, tokens, met) for pattern in lexicon.patterns_for(meaning)):
            met |= {meaning}
    return Text(plain, tokens, met)


def _holds(pattern: Pattern, tokens: tuple[Token, ...], met: frozenset[str]) -> bool:
    """Tell whether a pattern holds; one that wants to be alone, only in a few words that are all known."""
    if pattern.alone and (len(tokens) > _FEW or any(token.is_unknown for token in tokens)):
        return False
    return is_found(pattern, tokens, met)
