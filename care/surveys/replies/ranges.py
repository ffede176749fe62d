"""Numbers of two parts: 4/5, "4 out of 5", "4-5", and what only looks like one: dates, hours, ranges, matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.tokens import Token, number_word

_THROUGH: Final = frozenset({"to", "到", "至", "thru", "through", "对", "比", "选", "送", "+", "and", "和"})
"""What stands between the numbers of a range, a match, an offer."""
_UPWARDS: Final = ("-", "to", "到", "至")
_BETWEEN: Final = frozenset({"between", "介 于", "在"})
_SOMEWHERE: Final = frozenset({"somewhere", "maybe", "probably", "about"})
_COUNTING: Final = frozenset({"before_count", "count"})
_BASES: Final = (5, 7, 10, 100)
_OF: Final = ("of", "outta")
_PLURAL_BUT: Final = ("ss", "us", "is", "'s")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that may be a score. `marked`: it has a unit, a base or a verb of rating beside it."""

    value: float
    first: int  # index of its first token
    last: int  # index of its last token
    marked: bool
    base: float = 0.0  # what it is out of, where that is said
    point: bool = False  # 分, stars
    spread: bool = False  # "4-5"
    open: bool = False  # "4 or 5": nobody has chosen
    doubtful: bool = False  # the words beside it may make it something else


def fraction(tokens: Sequence[Token], index: int) -> Number | None:
    """Return 4/5 and "4 out of 5" as 4; a date such as 6/18 is none."""
    after = token_at(tokens, index + 1)
    value = tokens[index].value
    if after is None or value is None:
        return None
    if after.text == "/":
        base = _value(tokens, index + 2)
        ends = token_at(tokens, index + 3)
        if base in _BASES and (ends is None or ends.text != "/") and value <= base:
            last = index + 3 if ends is not None and "point" in ends.meanings else index + 2
            return Number(value, index, last, marked=True, base=base or 0)
        return None
    return out_of(tokens, index, value)


def out_of(tokens: Sequence[Token], index: int, value: float) -> Number | None:
    """Return "4 out of 5", of a value that was read already."""
    first = token_at(tokens, index + 1)
    last = index + (3 if first is not None and first.text == "out" else 2)
    of, base, after = (token_at(tokens, last + ahead) for ahead in (-1, 0, 1))
    if (
        of is None
        or base is None
        or of.text not in _OF
        or (last == index + 2 and after is not None and not (after.is_end or "closer" in after.meanings))
    ):
        return None
    whole = base.value or number_word(base)
    return Number(value, index, last, marked=True, base=whole) if whole else None


def counts_a_share(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether it says how many of some things: "2 out of 5 sockets", "1 of 2 fixed"."""
    following = tokens[index + 1 : index + 3]
    if not any(token.text == "of" for token in following):
        return False
    whole = _value(tokens, index + 2)
    if whole is not None and whole not in _BASES:
        return True
    places = (token_at(tokens, index + ahead) for ahead in (3, 4))
    return any(
        thing is not None and thing.gap and is_latin(thing) and is_plural(thing.text) and "point" not in thing.meanings
        for thing in places
    )


def spread(tokens: Sequence[Token], index: int) -> Number | None:
    """Return "4-5", "4 or 5" as the lower one; only neighbours are a spread, the lower one first where a dash joins."""
    between = token_at(tokens, index + 1)
    low, high = tokens[index].value, _value(tokens, index + 2)
    if between is None or low is None or high is None or abs(high - low) != 1:
        return None
    if not _joins(tokens, index, between) or (between.text in _UPWARDS and high < low):
        return None
    after = token_at(tokens, index + 3)
    has_unit = after is not None and "point" in after.meanings
    if (between.text == "," and not has_unit) or (after is not None and "count" in after.meanings and not has_unit):
        return None
    last = index + 3 if has_unit else index + 2
    is_between = _follows_between(tokens, index)
    if is_between and not (has_unit or after is None or after.is_end):
        return None
    is_open = not is_between and "or_else" in between.meanings
    return Number(min(low, high), index, last, marked=has_unit or is_between, spread=True, open=is_open)


def _joins(tokens: Sequence[Token], index: int, between: Token) -> bool:
    if _follows_between(tokens, index):
        return True
    before = token_at(tokens, index - 1)
    if before is not None and before.meanings & _COUNTING and "rate" not in before.meanings:
        return False
    return bool(between.meanings & {"range", "or_else"}) or between.text in "-~,"


def _follows_between(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a rating opens it: "between 4 and 5", "I'd say between 4 and 5", not "he comes between 4 and 5"."""
    if index == 0 or tokens[index - 1].text not in _BETWEEN:
        return False
    before = token_at(tokens, index - 2)
    return before is None or before.is_end or "rate" in before.meanings or before.text in _SOMEWHERE


def past_compound(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the last part of a date, an hour or a range that begins here."""
    while is_compound(tokens, index):
        index += 2
    return index


def is_compound(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a date, an hour, a range or the like goes on behind the number."""
    sign, after = token_at(tokens, index + 1), token_at(tokens, index + 2)
    if sign is None or after is None or after.value is None:
        return False
    return sign.text in _THROUGH or (sign.text in ":/-~" and not sign.gap and not (after.gap and sign.text == ":"))


def is_latin(token: Token) -> bool:
    """Tell whether it is a word of Latin letters."""
    return token.text[:1].isalpha() and not token.is_chinese


def is_plural(word: str) -> bool:
    """Tell whether a word looks like several things."""
    return word.endswith("s") and not word.endswith(_PLURAL_BUT)


def token_at(tokens: Sequence[Token], index: int) -> Token | None:
    """Return the token at a place, None where there is none."""
    return tokens[index] if 0 <= index < len(tokens) else None


def _value(tokens: Sequence[Token], index: int) -> float | None:
    token = token_at(tokens, index)
    return token.value if token is not None else None
