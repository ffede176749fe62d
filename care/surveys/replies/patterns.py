"""Words in a row, as `patterns.tsv` lists them, found among tokens."""

from collections.abc import Iterator, Sequence
from typing import Final

from care.surveys.replies.lexicon import Pattern
from care.surveys.replies.roles import role
from care.surveys.replies.tokens import Token

_PASSED_OVER: Final = role("passed_over")
"""Small words, which no gap counts."""


def find(pattern: Pattern, tokens: Sequence[Token]) -> tuple[int, int] | None:
    """Return where the pattern holds first, as (first, one past the last) token; None if nowhere."""
    return next(places(pattern, tokens), None)


def places(pattern: Pattern, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield each place where the pattern holds, as (first, one past the last) token."""
    first = pattern.steps[0].meaning
    for start, token in enumerate(tokens):
        if first in token.meanings:
            end = _match(pattern, 1, tokens, start + 1)
            if end:
                yield start, end


def _match(pattern: Pattern, step_index: int, tokens: Sequence[Token], index: int) -> int:
    """Return one past the last token of the rest of a pattern that begins at `index`; 0 if it does not hold."""
    if step_index == len(pattern.steps):
        return index
    step = pattern.steps[step_index]
    others = step.gap
    for place in range(index, len(tokens)):
        meanings = tokens[place].meanings
        if step.meaning in meanings:
            end = _match(pattern, step_index + 1, tokens, place + 1)
            if end:
                return end
        others -= not (step.gap and meanings & _PASSED_OVER)
        if others < 0 or tokens[place].text in ".!?;\n":
            break
    return _match(pattern, step_index + 1, tokens, index) if step.optional else 0
