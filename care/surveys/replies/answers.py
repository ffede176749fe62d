"""Answers that are no single point: yes and no, four digits at once, the digits of a menu, words of an ease scale."""

from collections.abc import Sequence
from typing import Final

from care.surveys.replies.numbers import find_numbers
from care.surveys.replies.ranges import counts_a_share
from care.surveys.replies.roles import role
from care.surveys.replies.scales import Scale
from care.surveys.replies.tokens import Token

_SMALL: Final = role("beside_yes")
_MOST_UNKNOWN: Final = 6
_PLURALS: Final = {"fives": 5.0, "fours": 4.0, "threes": 3.0, "twos": 2.0, "ones": 1.0}


def yes_or_no(tokens: Sequence[Token], met: frozenset[str]) -> int | None:
    """Return 1 for yes, 0 for no, None where the words say neither or both."""
    if "partly" in met or "question" in met or "conditional" in met:
        return None
    if any(token.text == "?" for token in tokens) and all(token.value is None for token in tokens):
        return None
    if any(counts_a_share(tokens, index) for index, token in enumerate(tokens) if token.value is not None):
        return None
    found = find_numbers(tokens)
    digits = {number.value for number in found}
    if digits & {1.0, 2.0} and len(digits) == 1 and len(found) == 1:
        return _agreeing(1 if digits == {1.0} else 0, tokens)
    if digits and not met & {"resolved", "not_resolved"}:
        return None
    return _in_words(tokens)


def _agreeing(answer: int, tokens: Sequence[Token]) -> int | None:
    words = _in_words([token for token in tokens if token.value is None])
    return answer if words is None or words == answer or len(tokens) > _MOST_UNKNOWN else None


def _in_words(tokens: Sequence[Token]) -> int | None:
    denies, affirms, negated, unknown = False, False, False, 0
    for index, token in enumerate(tokens):
        meanings = token.meanings
        if "not_resolved" in meanings:
            denies, negated = True, "no" in meanings
        elif "resolved" in meanings:
            denies, affirms = denies or negated, affirms or not negated
            negated = False
        elif "no" in meanings and (index == 0 or tokens[index - 1].is_end or len(tokens) == 1):
            denies = denies or not _goes_on(tokens, index)
            negated = True
        elif "neg" in meanings:
            negated = True
        elif "yes" in meanings and (index == 0 or tokens[index - 1].is_end) and not negated:
            affirms = affirms or not _goes_on(tokens, index)
        elif token.is_unknown:
            unknown += 1
    if denies == affirms or unknown > _MOST_UNKNOWN:
        return None
    return int(affirms)


def _goes_on(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether an unknown word is joined to a yes or no: "有 photos" is no yes."""
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    return after is not None and not after.is_end and not after.meanings & _SMALL and not after.gap


def several(tokens: Sequence[Token], met: frozenset[str], scale: Scale) -> tuple[int, ...] | None:
    """Return the points of as many questions as the scale asks at once: "5454", "5 4 5 4", "都5分"; None for fewer."""
    plain = [token for index, token in enumerate(tokens) if token.value is not None and not _counts(tokens, index)]
    values = _enumerated(plain) or [token.value or 0.0 for token in plain]
    if len(values) == 1:
        digits = str(int(values[0])) if values[0] == int(values[0]) else ""
        if len(digits) == scale.digits:
            values = [float(digit) for digit in digits]
        elif "each" in met and len(digits) == 1:
            values *= scale.digits
    if not plain and "full_marks" in met:
        values = [float(scale.best)] * scale.digits
    named = {_PLURALS[token.text] for token in tokens if token.text in _PLURALS}
    if not plain and "each" in met and len(named) == 1:
        values = [*named] * scale.digits
    if len(values) == scale.digits and all(scale.holds(value) for value in values):
        return tuple(int(value) for value in values)
    return None


def _counts(tokens: Sequence[Token], index: int) -> bool:
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    return after is not None and "count" in after.meanings and "point" not in after.meanings


def _enumerated(plain: Sequence[Token]) -> list[float]:
    """Return the answers of "1:5 2:4 3:5 4:4" and "1.5 2.4 3.5 4.4"."""
    if len(plain) == 8 and [token.value for token in plain[::2]] == [1, 2, 3, 4]:  # noqa: PLR2004 - four pairs
        return [token.value or 0.0 for token in plain[1::2]]
    parts = [token.text.split(".") for token in plain]
    if all(len(part) == 2 for part in parts) and [part[0] for part in parts] == list("1234"):  # noqa: PLR2004 - a point
        return [float(part[1]) for part in parts]
    return []


def menu_digits(tokens: Sequence[Token], scale: Scale) -> tuple[int, ...] | None:
    """Return the digits chosen from a menu, in order; None where there are none, () where one is not on it."""
    if tokens and tokens[0].value is not None and len(tokens[0].text) > 1 and tokens[0].text.isdigit():
        if len(tokens) > 1 and not tokens[1].is_end:
            return None
        chosen = [float(digit) for digit in tokens[0].text]
    else:
        chosen = _listed(tokens)
    if not chosen:
        return None
    if not all(scale.holds(value) for value in chosen):
        return ()
    return tuple(dict.fromkeys(int(value) for value in chosen))


def _listed(tokens: Sequence[Token]) -> list[float]:
    """Return the numbers a text begins with, "1", "1,3", "1和3": words behind them explain."""
    chosen: list[float] = []
    for index, token in enumerate(tokens):
        if token.value is not None:
            if _counts(tokens, index):
                break
            chosen.append(token.value)
        elif not (token.is_end or token.meanings & {"filler", "range", "rate"} or token.text in "+&"):
            break
    return chosen


def ease_grade(tokens: Sequence[Token], met: frozenset[str], prefix: str) -> int | None:
    """Return the grade of words that only one kind of scale has ("very easy", "definitely"), if they agree."""
    names = {
        f"{prefix}_worst": -2,
        f"{prefix}_bad": -1,
        f"{prefix}_middling": 0,
        f"{prefix}_good": 1,
        f"{prefix}_best": 2,
    }
    grades = {grade for name, grade in names.items() if name in met}
    if len(grades) != 1 or met & {"question", "conditional", "but"}:
        return None
    grade = grades.pop()
    negated = any("neg" in token.meanings and not any(name in token.meanings for name in names) for token in tokens)
    unknown = sum(token.is_unknown for token in tokens)
    if negated or unknown > 1:
        return None
    very = any("very" in token.meanings and not any(name in token.meanings for name in names) for token in tokens)
    return grade * 2 if very and abs(grade) == 1 else grade
