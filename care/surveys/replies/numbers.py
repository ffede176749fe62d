"""Which numbers of a reply can be scores: not the ones that count days, name an hour, or are part of a code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from care.surveys.replies.roles import role
from care.surveys.replies.tokens import Token, number_word

_LONGEST: Final = 3
_GIVER: Final = ("from", "for")
_LEFT: Final = role("left_of_score")
_RIGHT: Final = _LEFT | role("right_of_score")
_PLURAL_BUT: Final = ("ss", "us", "is", "'s")
_COUNTED: Final = frozenset({"颗", "粒"})
_JUDGING: Final = role("judging")
_JOINING: Final = ("is", "a", "was")
_MONEY: Final = frozenset("#£$€¥￥№@&")


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


def find_numbers(tokens: Sequence[Token]) -> list[Number]:
    """Return the numbers that may be scores, in order."""
    found: list[Number] = []
    index = 0
    while index < len(tokens):
        number = _number_at(tokens, index)
        if number is not None:
            found.append(number)
            index = number.last
        elif tokens[index].value is not None:
            index = _past_compound(tokens, index)
        index += 1
    return found


def _number_at(tokens: Sequence[Token], index: int) -> Number | None:
    token = tokens[index]
    if token.value is None:
        return _spelled(tokens, index)
    if len(token.text.split(".")[0]) > _LONGEST or _is_part_of_code(tokens, index):
        return None
    found = _fraction(tokens, index) or _spread(tokens, index)
    if found is None and not _is_compound(tokens, index):
        found = _with_unit(tokens, index, token.value) or _bare(tokens, index, token.value)
    return found


def _with_unit(tokens: Sequence[Token], index: int, value: float) -> Number | None:
    """Return "5分", "4 stars", "四分半"."""
    unit, half = _at(tokens, index + 1), _at(tokens, index + 2)
    if unit is None or "point" not in unit.meanings or unit.text == "*":
        return None
    before = _at(tokens, index - 1)
    if (before is not None and before.text == "第") or (unit.text in _COUNTED and not _closes(tokens, index + 1)):
        return None
    if half is not None and half.text == "半":
        return Number(value + 0.5, index, index + 2, marked=True, point=True)
    return Number(value, index, index + 1, marked=True, point=True)


def _bare(tokens: Sequence[Token], index: int, value: float) -> Number | None:
    """Return a number that counts nothing and stands by itself, or behind a verb of rating."""
    if _is_quantity(tokens, index) or (tokens[index].is_chinese and not _is_apart(tokens, index)):
        return None
    before = _at(tokens, index - 1)
    rated = before is not None and "rate" in before.meanings
    if (rated and _right_is_free(tokens, index)) or _stands_free(tokens, index):
        return Number(value, index, index, marked=before is not None and rated and len(before.text) > 1)
    return None


def _closes(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether nothing hangs on behind: 一 in 一些 and 之一 is no score."""
    after = _at(tokens, index + 1)
    return after is None or after.is_end or after.gap or bool(after.meanings & {"thanks", "happy"})


def _is_apart(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a Chinese numeral stands by itself, or right behind a verb of rating."""
    before = _at(tokens, index - 1)
    opens = (
        before is None or before.is_end or tokens[index].gap or bool(before.meanings & {"rate", "only", "correction"})
    )
    return opens and _closes(tokens, index)


def _is_compound(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a date, an hour or a range goes on behind the number."""
    sign = _at(tokens, index + 1)
    return sign is not None and sign.text in ":/-~" and not sign.gap and _value(tokens, index + 2) is not None


def _spelled(tokens: Sequence[Token], index: int) -> Number | None:
    """Return "five" where nothing else stands in its clause but a unit or a verb of rating."""
    value = number_word(tokens[index])
    if value is None:
        return None
    after, before = _at(tokens, index + 1), _at(tokens, index - 1)
    if after is not None and "point" in after.meanings and after.text not in ("*", "'s"):
        return Number(value, index, index + 1, marked=True, point=True)
    if after is not None and after.text == "out" and (base := _base_after_out_of(tokens, index + 1)):
        return Number(value, index, index + 3, marked=True, base=base)
    is_joined = before is not None and before.text == "-" and not tokens[index].gap
    opens = (
        before is None or (before.is_end and not is_joined) or bool(before.meanings & {"rate", "correction", "only"})
    )
    closes = after is None or after.is_end or bool(after.meanings & {"thanks", "happy", "because"})
    if after is not None and after.text in _GIVER and before is not None and "rate" in before.meanings:
        closes = True
    if after is not None and index == 0 and after.text == "from":
        giver = _at(tokens, index + 2)
        closes = giver is not None and giver.text in ("me", "us", "my", "our", "the wife")
    if opens and closes:
        return Number(value, index, index, marked=before is not None and "rate" in before.meanings)
    return None


def _fraction(tokens: Sequence[Token], index: int) -> Number | None:
    """Return 4/5 and "4 out of 5" as 4; a date such as 6/18 is none."""
    after = _at(tokens, index + 1)
    value = tokens[index].value
    if after is None or value is None:
        return None
    if after.text == "/":
        base = _value(tokens, index + 2)
        ends = _at(tokens, index + 3)
        if base in (5, 7, 10, 100) and (ends is None or ends.text != "/") and value <= base:
            last = index + 3 if ends is not None and "point" in ends.meanings else index + 2
            return Number(value, index, last, marked=True, base=base or 0)
        return None
    if after.text == "out" and (base := _base_after_out_of(tokens, index + 1)):
        return Number(value, index, index + 3, marked=True, base=base)
    return None


def _base_after_out_of(tokens: Sequence[Token], index: int) -> float:
    of, base = _at(tokens, index + 1), _at(tokens, index + 2)
    if of is None or base is None or of.text != "of":
        return 0
    return base.value or number_word(base) or 0


def _spread(tokens: Sequence[Token], index: int) -> Number | None:
    """Return "4-5", "4 or 5" as the lower one; only neighbours are a spread."""
    between = _at(tokens, index + 1)
    low, high = tokens[index].value, _value(tokens, index + 2)
    if (
        between is None
        or low is None
        or high is None
        or ("range" not in between.meanings and between.text not in "-~,")
    ):
        return None
    if between.text == "," and "point" not in (_at(tokens, index + 3) or Token("")).meanings:
        return None
    if abs(high - low) != 1:
        return None
    after = _at(tokens, index + 3)
    if after is not None and "count" in after.meanings and "point" not in after.meanings:
        return None
    last = index + 3 if after is not None and "point" in after.meanings else index + 2
    if last == index + 2 and not _stands_free_between(tokens, index, last):
        return None
    return Number(min(low, high), index, last, marked=last > index + 2, spread=True)


def _past_compound(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the last part of a date, an hour or a range that begins here."""
    while _is_compound(tokens, index):
        index += 2
    return index


def _is_part_of_code(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether letters are glued to the number, or a sign of money or of a list stands before it."""
    return _is_glued_to_left(tokens, index) or _is_glued_to_right(tokens, index)


def _is_glued_to_left(tokens: Sequence[Token], index: int) -> bool:
    before = _at(tokens, index - 1)
    if before is None:
        return False
    if before.text in _MONEY:
        return not (before.text == "#" and index == 1)
    return not tokens[index].gap and _is_latin(before) and not before.meanings & _LEFT


def _is_glued_to_right(tokens: Sequence[Token], index: int) -> bool:
    after, joined = _at(tokens, index + 1), _at(tokens, index + 2)
    if after is None or after.gap:
        return False
    if "count" in after.meanings and "point" not in after.meanings:
        return True
    if after.text == "-" and joined is not None and not joined.gap and _is_latin(joined):
        return True
    return (_is_latin(after) and not after.meanings & _RIGHT) or after.text == "%"


def _is_quantity(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether it counts something or tells an hour, a number of a house, a bus."""
    before, after = _at(tokens, index - 1), _at(tokens, index + 1)
    if after is not None and "count" in after.meanings and not after.new_line:
        return True
    if before is None or before.is_end or "rate" in before.meanings or tokens[index].new_line:
        return False
    return "before_count" in before.meanings


def _stands_free(tokens: Sequence[Token], index: int) -> bool:
    return _stands_free_between(tokens, index, index)


def _stands_free_between(tokens: Sequence[Token], first: int, last: int) -> bool:
    return _left_is_free(tokens, first) and _right_is_free(tokens, last) and not _tells_something_else(tokens, first)


def _left_is_free(tokens: Sequence[Token], index: int) -> bool:
    before, token = _at(tokens, index - 1), tokens[index]
    if before is None or before.is_end or token.new_line or before.meanings & _LEFT or before.value is not None:
        return True
    if not before.is_unknown:
        return not before.meanings or token.gap
    return token.gap and before.is_chinese


def _tells_something_else(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether the English words before a digit name other things and judge nothing: "my son is 5"."""
    strange = False
    for token in reversed(tokens[:index]):
        if token.is_end or token.new_line or token.is_chinese:
            break
        if token.meanings & _JUDGING and token.text not in _JOINING:
            return False
        strange = strange or token.is_unknown
    return strange


def _right_is_free(tokens: Sequence[Token], index: int) -> bool:
    after = _at(tokens, index + 1)
    if after is None or after.is_end or after.new_line or after.meanings & _RIGHT or after.value is not None:
        return True
    if not after.is_unknown:
        return after.gap or not after.meanings
    if after.is_chinese:
        return after.gap
    return after.gap and index == 0 and not _is_plural(after.text)


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(_PLURAL_BUT)


def _is_latin(token: Token) -> bool:
    return token.text[:1].isalpha() and not token.is_chinese


def _at(tokens: Sequence[Token], index: int) -> Token | None:
    return tokens[index] if 0 <= index < len(tokens) else None


def _value(tokens: Sequence[Token], index: int) -> float | None:
    token = _at(tokens, index)
    return token.value if token is not None else None
