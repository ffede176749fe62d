"""A reply, taken apart once for all rules."""

import re
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.lexicon import ALONE, Lexicon, Pattern, possible
from care.surveys.replies.patterns import find
from care.surveys.replies.tokens import Token, tokenise

_FEW: Final = 5
_SHORT: Final = 60
_REPEATED: Final = re.compile(r"([^\W\d][^\d,.!]{2,}?)(?:[\s,.!]*\1)+[\s.!]*")
"""The same words two times or more; digits said twice may be two answers."""
_SIGNS: Final = " \n.!~。…"


@dataclass
class Text:
    """The normalised text, its tokens, and every meaning that any of them has."""

    plain: str
    tokens: tuple[Token, ...]
    met: frozenset[str]
    has_digit: bool  # whether a number stands in it

    @property
    def asks(self) -> bool:
        """Tell whether it ends in a question mark, whatever other signs follow."""
        return self.plain.rstrip(_SIGNS).endswith("?")

    @property
    def unknown(self) -> int:
        """Return how many words no list holds."""
        return sum(token.is_unknown for token in self.tokens)


def read_text(plain: str, lexicon: Lexicon) -> Text:
    """Return a normalised text with its tokens."""
    plain = _said_once(plain)
    tokens = tuple(tokenise(plain, lexicon))
    met = frozenset().union(*(token.meanings for token in tokens))
    found = {pattern.meaning for pattern in possible(lexicon.composed, met) if _holds(pattern, tokens)}
    has_digit = any(token.value is not None for token in tokens)
    return Text(plain, tokens, met | found if found else met, has_digit)


def _said_once(plain: str) -> str:
    """Return what is said over and over, once: 别发了别发了."""
    if len(plain) > _SHORT or not (repeated := _REPEATED.fullmatch(plain)):
        return plain
    return repeated[1]


def _holds(pattern: Pattern, tokens: tuple[Token, ...]) -> bool:
    """Tell whether a pattern holds; one that wants to be alone, only in a few words that are all known."""
    if pattern.where == ALONE and (len(tokens) > _FEW or any(token.is_unknown for token in tokens)):
        return False
    return find(pattern, tokens) is not None
