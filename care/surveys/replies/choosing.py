"""One score out of the numbers of a reply: corrections, what was only wanted, two subjects, the ends of the scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.model import Flag
from care.surveys.replies.numbers import numbers_of
from care.surveys.replies.ranges import Number
from care.surveys.replies.scales import Scale
from care.surveys.replies.taken_back import is_taken_back
from care.surveys.replies.tokens import Token

_DROPS: Final = frozenset({"wanted", "neg", "hypo"})
_FULL_BASE: Final = (5.0, 7.0, 10.0, 100.0)
_CORRECTING: Final = frozenset({"correction", "should_be"})
_NEAR: Final = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """What the numbers come to: a score, or why there is none. `place`: its first and last token."""

    score: int | None = None
    derived: bool = False
    flags: tuple[Flag, ...] = ()
    alert: bool = False
    place: tuple[int, int] = (0, -1)


NO_NUMBER: Final = Choice()


def choose(tokens: Sequence[Token], met: frozenset[str], scale: Scale) -> Choice:
    """Return the one score that the numbers and stars of a text name, never a guess."""
    if "star" in met and (stars := _stars(tokens, scale)):
        return stars
    if "full_marks" in met and "question" not in met and (full := _named_end(tokens, scale)):
        return full
    return _of_numbers(tokens, met, scale)


def _of_numbers(tokens: Sequence[Token], met: frozenset[str], scale: Scale) -> Choice:
    scanned = numbers_of(tokens)
    found = [number for number in scanned if not number.doubtful]
    if not found:
        return NO_NUMBER
    is_corrected = _is_corrected(tokens, met)
    kept = _given(tokens, found, scale, is_corrected=is_corrected)
    if not kept:
        return Choice(flags=(Flag.NEGATIVE,), alert=True)
    if any(number.open for number in kept):
        return Choice(flags=(Flag.MULTIPLE_SCORES,))
    kept = _corrected(tokens, kept) if is_corrected else _pointed_at(tokens, met, kept)
    kept = [number for number in kept if number.marked] or kept
    is_doubted = not is_corrected and len(scanned) > len(found) and _is_doubted(scanned, kept, scale)
    choice = Choice(flags=(Flag.MULTIPLE_SCORES,)) if is_doubted else _one_of(tokens, kept, scale)
    if is_corrected and choice.score is not None:
        return Choice(choice.score, choice.derived, (Flag.CORRECTION,), place=choice.place)
    return choice


def _pointed_at(tokens: Sequence[Token], met: frozenset[str], kept: list[Number]) -> list[Number]:
    """Return the numbers behind "only" or "overall", where one of them has any; else all."""
    meaning = next((name for name in ("only", "overall") if name in met), "")
    return [number for number in kept if meaning and _follows(tokens, number, meaning)] or kept


def _is_doubted(scanned: Sequence[Number], kept: Sequence[Number], scale: Scale) -> bool:
    """Tell whether another number that may be a point of the scale stands beside those that nothing marks."""
    if any(number.point or number.base for number in kept):
        return False
    return any(
        number.doubtful and scale.holds(number.value) and number.value not in {one.value for one in kept}
        for number in scanned
    )


def _one_of(tokens: Sequence[Token], kept: Sequence[Number], scale: Scale) -> Choice:
    values = {_worth(number, scale) for number in kept}
    if len(values) > 1:
        return Choice(flags=(Flag.MULTIPLE_SCORES,))
    number, worth = kept[0], values.pop()
    if worth is None or _is_negative(tokens, number):
        is_nothing = number.value == 0 and (number.point or number.base > 0)
        return Choice(flags=(Flag.OUT_OF_RANGE,), alert=is_nothing or _is_negative(tokens, number))
    derived = number.spread or worth != number.value
    return Choice(int(worth), derived, place=(number.first, number.last))


def _worth(number: Number, scale: Scale) -> int | None:
    """Return the point of the scale that a number stands for; None if the scale has none."""
    value = number.value
    if number.base and number.base != scale.high:
        return scale.best if value == number.base and not scale.best_is_low else None
    if value == 100 and (number.point or number.base):  # noqa: PLR2004 - a hundred points are full marks
        return scale.best
    if scale.holds(value):
        return int(value)
    whole = int(value)
    if value != whole and scale.holds(whole) and value < scale.high:
        return whole
    return None


def _is_negative(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether a minus is glued to the number."""
    index = number.first
    if index == 0 or tokens[index].gap:
        return False
    sign = tokens[index - 1]
    return sign.text == "-" and (index == 1 or sign.gap)


def _given(tokens: Sequence[Token], found: list[Number], scale: Scale, *, is_corrected: bool) -> list[Number]:
    """Return the numbers that nothing takes back."""
    kept = _without_echoes(tokens, [number for number in found if not is_taken_back(tokens, number)], scale)
    return kept if is_corrected else [number for number in kept if not _is_what_should_be(tokens, number)]


def _without_echoes(tokens: Sequence[Token], kept: list[Number], scale: Scale) -> list[Number]:
    """Leave out what only says a count again: the last one of "1. 14 days offline, 14!"."""
    if len(kept) == 1:
        return kept
    places = {number.first for number in kept}
    counted = {token.value for index, token in enumerate(tokens) if index not in places}
    echoes = [number for number in kept if number.first > 0 and number.value in counted and not number.marked]
    return [number for number in kept if number not in echoes or not _opens_with_a_score(tokens, scale)]


def _opens_with_a_score(tokens: Sequence[Token], scale: Scale) -> bool:
    value = tokens[0].value
    return value is not None and scale.holds(value) and len(tokens) > 1 and tokens[1].is_end


def _is_corrected(tokens: Sequence[Token], met: frozenset[str]) -> bool:
    """Tell whether a slip is corrected; "should be 5" does so beside one, or where it is all that is said."""
    if len(tokens) == 1:
        return False
    return "correction" in met or ("should_be" in met and ("slip" in met or len(tokens) <= _NEAR))


def _is_what_should_be(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it only says what somebody expects: "service should be 5"."""
    return number.first > 0 and "should_be" in tokens[number.first - 1].meanings


def _corrected(tokens: Sequence[Token], numbers: list[Number]) -> list[Number]:
    """Return the numbers behind the last word of correction that has one behind it, else those before it."""
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index].meanings & _CORRECTING:
            behind = [number for number in numbers if number.first > index]
            if behind:
                return behind[-1:] if len(behind) > 1 else behind
    return numbers


def _follows(tokens: Sequence[Token], number: Number, meaning: str) -> bool:
    return any(meaning in token.meanings for token in tokens[max(0, number.first - _NEAR) : number.first])


def _stars(tokens: Sequence[Token], scale: Scale) -> Choice | None:
    """Return how many stars are drawn; None where a digit says it, or where they are only an ornament."""
    filled = [index for index, token in enumerate(tokens) if "star" in token.meanings and token.text != "星"]
    if not filled or any(token.value is not None for token in tokens):
        return None
    if filled[-1] - filled[0] >= len(filled):
        return Choice(flags=(Flag.MULTIPLE_SCORES,))
    place = (filled[0], filled[-1])
    if not scale.holds(len(filled)) or scale.best_is_low:
        return Choice(flags=(Flag.OUT_OF_RANGE,))
    if len(filled) == 1 and len(tokens) > 1 and not any("hollow_star" in token.meanings for token in tokens):
        return None
    return Choice(len(filled), derived=True, place=place)


def _named_end(tokens: Sequence[Token], scale: Scale) -> Choice | None:
    """Return the best point for "满分", unless a word before it takes that back or a number stands beside it."""
    for index, token in enumerate(tokens):
        if "full_marks" in token.meanings:
            before = tokens[max(0, index - _NEAR) : index]
            if any(one.meanings & _DROPS for one in before):
                return Choice(flags=(Flag.NEGATIVE,), alert=True)
            if any(one.value is not None for one in tokens):
                return None
            clear = all(one.is_end or one.meanings or one.is_chinese for one in tokens)
            return Choice(scale.best, derived=True, place=(index, index)) if clear else None
    return None
