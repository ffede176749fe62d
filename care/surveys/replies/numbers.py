"""Which numbers of a reply can be scores: not the ones that count days, name an hour, or are part of a code."""

from collections.abc import Sequence
from typing import Final

from care.surveys.replies.ranges import (
    Number,
    counts_a_share,
    fraction,
    is_compound,
    is_latin,
    is_plural,
    out_of,
    past_compound,
    spread,
    token_at,
)
from care.surveys.replies.roles import role
from care.surveys.replies.tokens import Token, number_word

_LONGEST: Final = 3
_NUMERO: Final = ("no .", "#")
_GIVER: Final = ("from", "for")
_LEFT: Final = role("left_of_score")
_RIGHT: Final = _LEFT | role("right_of_score")
_TEXTESE: Final = ("2", "4")
_HALF_HOURS: Final = ("10", "20", "30", "40", "50")
_COUNTED: Final = frozenset({"颗", "粒"})
_GLUED: Final = _RIGHT - {"filler"}
_JUDGING: Final = role("judging")
_MANY: Final = frozenset({"text", "subject", "fault", "matter", "thing", "trouble"})
_JOINING: Final = ("is", "a", "was")
_MONEY: Final = frozenset("#£$€¥￥№@&")


def find_numbers(tokens: Sequence[Token]) -> list[Number]:
    """Return the numbers that may be scores, in order."""
    return [number for number in numbers_of(tokens) if not number.doubtful]


def numbers_of(tokens: Sequence[Token]) -> list[Number]:
    """Return the numbers that may be scores and those that hardly can be, marked as doubtful."""
    found: list[Number] = []
    index = 0
    while index < len(tokens):
        number = _number_at(tokens, index)
        if number is not None:
            found.append(number)
            index = number.last
        elif tokens[index].value is not None:
            index = past_compound(tokens, index)
        index += 1
    return found


def _number_at(tokens: Sequence[Token], index: int) -> Number | None:
    token = tokens[index]
    if token.value is None:
        return _spelled(tokens, index)
    if tenths := _with_tenths(tokens, index, token.value):
        return tenths
    whole, _, part = token.text.partition(".")
    if len(whole) > _LONGEST or len(part.rstrip("0")) > 1 or part in _HALF_HOURS or _is_part_of_code(tokens, index):
        return None
    if counts_a_share(tokens, index) or _stands_for_a_word(tokens, index):
        return None
    found = fraction(tokens, index) or spread(tokens, index)
    if found is not None:
        return found if found.marked or _stands_free(tokens, index, found.last) else None
    if not is_compound(tokens, index):
        found = _with_unit(tokens, index, token.value) or _bare(tokens, index, token.value)
    return found


def _stands_for_a_word(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether 2 or 4 is typed for "to" or "for": "thanks 4 the help"."""
    before, after = token_at(tokens, index - 1), token_at(tokens, index + 1)
    if tokens[index].text not in _TEXTESE or before is None or after is None or not is_latin(before):
        return False
    return "rate" not in before.meanings and after.gap and "textese" in after.meanings


def _with_unit(tokens: Sequence[Token], index: int, value: float) -> Number | None:
    """Return "5分", "4 stars", "四分半"."""
    unit, half = token_at(tokens, index + 1), token_at(tokens, index + 2)
    if unit is None or "point" not in unit.meanings or unit.text == "*":
        return None
    before = token_at(tokens, index - 1)
    if _is_minutes(tokens, index) or (unit.text == "' s" and _names_a_place(tokens, index, index + 1)):
        return None
    is_gap = before is not None and "before_point" in before.meanings
    if is_gap or (unit.text in _COUNTED and not _closes(tokens, index + 1)):
        return None
    if half is not None and half.text == "半":
        return Number(value + 0.5, index, index + 2, marked=True, point=True)
    return Number(value, index, index + 1, marked=True, point=True)


def _with_tenths(tokens: Sequence[Token], index: int, value: float) -> Number | None:
    """Return "四点五分" where nothing else stands in its clause; elsewhere that is an hour."""
    if len(tokens) < index + 4 or tokens[index + 1].text != "点":
        return None
    before, part, unit, after = (token_at(tokens, index + ahead) for ahead in (-1, 2, 3, 4))
    if part is None or part.value is None or unit is None or unit.text != "分":
        return None
    opens = before is None or before.is_end or bool(before.meanings & {"rate", "only"})
    if part.value >= 10 or not opens or not (after is None or after.is_end):  # noqa: PLR2004 - one digit of a fraction
        return None
    return Number(value + part.value / 10, index, index + 3, marked=True, point=True)


def _is_minutes(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether an hour stands before it: 四点五分."""
    return index > 1 and tokens[index - 1].text == "点" and tokens[index - 2].value is not None


def _names_a_place(tokens: Sequence[Token], index: int, last: int) -> bool:
    """Tell whether "number" before it names a house or a thing, and no choice: "number 3's fence"."""
    if index == 0 or tokens[index - 1].text not in ("number", "option"):
        return False
    before, after = token_at(tokens, index - 2), token_at(tokens, last + 1)
    opens = before is None or before.is_end or bool(before.meanings & {"rate", "correction", "only"})
    closes = after is None or after.is_end or bool(after.meanings & {"thanks", "happy", "closer", "because"})
    return not (opens and closes)


def _bare(tokens: Sequence[Token], index: int, value: float) -> Number | None:
    """Return a number that counts nothing and stands by itself, or behind a verb of rating."""
    after = token_at(tokens, index + 1)
    if after is not None and after.text in _COUNTED and not _closes(tokens, index + 1):
        return None
    if _is_quantity(tokens, index) or (tokens[index].is_chinese and not _is_apart(tokens, index)):
        return None
    before = token_at(tokens, index - 1)
    rated = before is not None and "rate" in before.meanings
    if rated and before is not None and before.text in _JOINING and _tells_something_else(tokens, index):
        return Number(value, index, index, marked=False, doubtful=True)
    if (rated and _right_is_free(tokens, index)) or _stands_free(tokens, index, index):
        return Number(value, index, index, marked=before is not None and rated and len(before.text) > 1)
    return None if tokens[index].is_chinese else Number(value, index, index, marked=False, doubtful=True)


def _closes(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether nothing hangs on behind: 一 in 一些 and 之一 is no score."""
    after = token_at(tokens, index + 1)
    return after is None or after.is_end or after.gap or bool(after.meanings & {"thanks", "happy", "closer"})


def _is_apart(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a Chinese numeral stands by itself, or right behind a verb of rating."""
    before = token_at(tokens, index - 1)
    opens = (
        before is None or before.is_end or tokens[index].gap or bool(before.meanings & {"rate", "only", "correction"})
    )
    return opens and _closes(tokens, index)


def _spelled(tokens: Sequence[Token], index: int) -> Number | None:
    """Return "five" where nothing else stands in its clause but a unit or a verb of rating."""
    value = number_word(tokens[index])
    if value is None:
        return None
    after, before = token_at(tokens, index + 1), token_at(tokens, index - 1)
    if after is not None and "point" in after.meanings and after.text not in ("*", "' s"):
        return Number(value, index, index + 1, marked=True, point=True)
    if after is not None and after.text == "*" and all(token.text == "*" for token in tokens[index + 1 :]):
        return Number(value, index, len(tokens) - 1, marked=True)
    if share := out_of(tokens, index, value):
        return share
    is_joined = before is not None and before.text == "-" and not tokens[index].gap
    opens = (
        before is None or (before.is_end and not is_joined) or bool(before.meanings & {"rate", "correction", "only"})
    )
    closes = after is None or after.is_end or bool(after.meanings & {"thanks", "happy", "because", "closer"})
    if after is not None and after.text in _GIVER and before is not None and "rate" in before.meanings:
        closes = True
    if after is not None and index == 0 and after.text == "from":
        giver = token_at(tokens, index + 2)
        closes = giver is not None and giver.text in ("me", "us", "my", "our", "the wife")
    if opens and closes:
        return Number(value, index, index, marked=before is not None and "rate" in before.meanings)
    return None


def _is_part_of_code(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether letters are glued to the number, or a sign of money or of a list stands before it."""
    return _is_glued_to_left(tokens, index) or _is_glued_to_right(tokens, index)


def _is_glued_to_left(tokens: Sequence[Token], index: int) -> bool:
    before = token_at(tokens, index - 1)
    if before is None:
        return False
    if before.text in _MONEY:
        return not (before.text == "#" and index == 1)
    is_word = len(before.text) > 1 and before.meanings & _LEFT
    return not tokens[index].gap and is_latin(before) and not is_word


def _is_glued_to_right(tokens: Sequence[Token], index: int) -> bool:
    after, joined = token_at(tokens, index + 1), token_at(tokens, index + 2)
    if after is None or after.gap:
        return False
    if "count" in after.meanings and "point" not in after.meanings:
        return True
    if after.text == "-" and joined is not None and not joined.gap and is_latin(joined):
        return True
    return (is_latin(after) and not after.meanings & _GLUED) or after.text == "%"


def _is_quantity(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether it counts something or tells an hour, a number of a house, a bus."""
    before, after = token_at(tokens, index - 1), token_at(tokens, index + 1)
    if after is not None and "count" in after.meanings and not after.new_line:
        return not _is_of_one_engineer(tokens, index)
    if _is_of_a_house(tokens, index) or _names_a_place(tokens, index, index):
        return True
    if before is None or before.is_end or "rate" in before.meanings or tokens[index].new_line:
        return False
    if before.text == "no" and index > 1 and tokens[index - 2].value is not None:
        return False
    if before.text in _NUMERO and len(tokens) == index + 1 == 2:  # noqa: PLR2004 - "No. 4" is all that is said
        return False
    return "before_count" in before.meanings or _is_numbered(tokens, index)


def _is_of_one_engineer(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a sentence about one person follows an opening score: "5 engineer was lovely", not "1 engineer"."""
    person, after = tokens[index + 1], token_at(tokens, index + 2)
    is_one = "doer" in person.meanings and person.gap and is_latin(person) and not is_plural(person.text)
    return index == 0 and is_one and tokens[0].value != 1 and after is not None and "count" not in after.meanings


def _is_of_a_house(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether the name of a street follows."""
    for token in tokens[index + 1 : index + 4]:
        if "street" in token.meanings:
            return True
        if not token.is_unknown or token.is_chinese:
            return False
    return False


def _is_numbered(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a thing stands before its number: "floor 5", "May 2"; "10 minutes 5" is a score."""
    before = tokens[index - 1]
    if "count" not in before.meanings or before.is_chinese or before.meanings & _LEFT:
        return False
    return index == 1 or (tokens[index - 2].value is None and number_word(tokens[index - 2]) is None)


def _stands_free(tokens: Sequence[Token], first: int, last: int) -> bool:
    return _left_is_free(tokens, first) and _right_is_free(tokens, last) and not _tells_something_else(tokens, first)


def _left_is_free(tokens: Sequence[Token], index: int) -> bool:
    before, token = token_at(tokens, index - 1), tokens[index]
    if before is None or before.is_end or token.new_line or before.meanings & _LEFT or before.value is not None:
        return True
    if not before.is_unknown:
        return not before.meanings or token.gap or (before.text in _NUMERO and index == 1)
    return token.gap and before.is_chinese


def _tells_something_else(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether the English words before a digit name other things and judge nothing: "my son is 5"."""
    strange = False
    for token in reversed(tokens[:index]):
        if token.is_end or token.new_line or token.is_chinese:
            break
        if token.meanings & _JUDGING and token.text not in _JOINING:
            return False
        strange = strange or token.is_unknown or "matter" in token.meanings
    return strange


def _right_is_free(tokens: Sequence[Token], index: int) -> bool:
    after = token_at(tokens, index + 1)
    if after is None or after.is_end or after.new_line or after.value is not None:
        return True
    is_many = bool(after.meanings & _MANY) and after.gap and is_plural(after.text) and after.text != "guys"
    if after.meanings & _RIGHT and not (is_many and index == 0 and "subject" in after.meanings):
        return True
    if not after.is_unknown:
        return (after.gap or not after.meanings) and not is_many
    if after.is_chinese:
        return after.gap
    return after.gap and index == 0 and not is_plural(after.text)
