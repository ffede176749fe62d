"""Words in a row, as `patterns.tsv` lists them, found among tokens."""

from collections.abc import Sequence

from care.surveys.replies.lexicon import Pattern
from care.surveys.replies.tokens import Token


def find(pattern: Pattern, tokens: Sequence[Token]) -> tuple[int, int] | None:
    """Return where the pattern holds, as (first, one past the last) token; None if nowhere."""
    first = pattern.steps[0].meaning
    for start, token in enumerate(tokens):
        if first in token.meanings:
            end = _match(pattern, 1, tokens, start + 1)
            if end:
                return start, end
    return None


def _match(pattern: Pattern, step_index: int, tokens: Sequence[Token], index: int) -> int:
    """Return one past the last token of the rest of a pattern that begins at `index`; 0 if it does not hold."""
    if step_index == len(pattern.steps):
        return index
    step = pattern.steps[step_index]
    for place in range(index, min(index + step.gap + 1, len(tokens))):
        if step.meaning in tokens[place].meanings:
            end = _match(pattern, step_index + 1, tokens, place + 1)
            if end:
                return end
        if tokens[place].text in ".!?;\n":
            break
    return _match(pattern, step_index + 1, tokens, index) if step.optional else 0
