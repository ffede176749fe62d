"""Whether what looks like a score is taken back: almost given, called too much, asked in scorn, hung on an "if"."""

from collections.abc import Sequence
from typing import Final

from care.surveys.replies.numbers import find_numbers
from care.surveys.replies.ranges import Number, token_at
from care.surveys.replies.tokens import Token

_DROPS: Final = frozenset({"wanted", "neg"})
_BUT_NOT: Final = frozenset({"thanks", "correction", "not_resolved"})
_ENDS_DENIAL: Final = frozenset({"best", "good", "bad", "worst", "thanks", "not_resolved", "resolved", "subject"})
_STOPS: Final = frozenset({"but", "only", "correction"})
_WISHED: Final = frozenset({"hypo", "wanted", "regret"})
_SOBER: Final = frozenset({"thanks", "happy", "ack", "correction", "or_else", "closer"})
_OTHERWISE: Final = _WISHED | {"but"}
_SPEAKER: Final = frozenset({"pronoun", "filler"})
_OPENING: Final = 2
"""Tokens of a score that opens a text: 1 分."""
_TOO_MUCH: Final = frozenset({"too_much"})
_EVEN: Final = frozenset({"也", "都"})
_THEN: Final = frozenset({"就", "是", "系", "那 就", "已 经"})
_STILL: Final = ("还", "仲")
_ASKS: Final = ("呢", "咧")
_REFUSED: Final = frozenset({"too_much", "neg", "want_no", "wanted"})
_NEAR: Final = 3
_SO: Final = ("so", "那 就", "所 以")


def is_taken_back(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it says which score is not given: "想给0分没有", "not 4", "nearly a 5", "4? you'd be lucky"."""
    if len(tokens) == 1 or _is_plain_wish(tokens, number):
        return False
    return (
        _is_denied(tokens, number)
        or _is_almost(tokens, number)
        or _is_too_much(tokens, number)
        or _is_scorned(tokens, number)
        or _is_otherwise(tokens, number)
    )


def _is_plain_wish(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether somebody wants to give it and says no more: 我想给5分."""
    if number.first == 0 or "wish_give" not in tokens[number.first - 1].meanings:
        return False
    opens = number.first == 1 or tokens[number.first - 2].meanings & _SPEAKER
    return bool(opens) and all(token.is_end or token.meanings & _SOBER for token in tokens[number.last + 1 :])


def _is_otherwise(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it hangs on a condition beside the score that opens the text: "1分，如果有0分我給0分"."""
    opening = next((index for index, token in enumerate(tokens) if token.is_end), len(tokens))
    if tokens[0].value is None or opening >= number.first or opening > _OPENING:
        return False
    return any("conditional" in token.meanings for token in tokens[opening : number.first])


def _is_denied(tokens: Sequence[Token], number: Number) -> bool:
    for index in range(number.first - 1, max(-1, number.first - 1 - _NEAR), -1):
        token = tokens[index]
        if token.is_end or token.value is not None or "only" in token.meanings:
            return False
        if token.text == "no" and index > 0 and tokens[index - 1].value is not None:
            return False
        if token.meanings & _DROPS and not token.meanings & _BUT_NOT:
            return True
        if token.meanings & _ENDS_DENIAL:
            return False
    return False


def _is_almost(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it was only wanted, or once, or by others, in its own clause: 差一点就能给5分, "normally a 5"."""
    if number.first == 0 or (tokens[number.first].gap and tokens[number.first - 1].is_chinese):
        return False
    for index in range(number.first - 1, -1, -1):
        token = tokens[index]
        if token.is_end or token.new_line or token.value is not None:
            return False
        if "hypo" in token.meanings:
            return True
        if token.meanings & _STOPS or token.text in _SO:
            return False
    return False


def _is_too_much(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it is called more than they earn: 1分都嫌多, 一分我都不想给, "5 would be too much"."""
    index = number.last + 1
    if (speaker := token_at(tokens, index)) is not None and speaker.text in ("我", "我 们"):
        index += 1
    after = token_at(tokens, index)
    if after is None or "too_much" in after.meanings:
        return after is not None
    following = token_at(tokens, index + 1)
    if following is None or after.text not in _EVEN | _THEN:
        return False
    return bool(following.meanings & (_REFUSED if after.text in _EVEN else _TOO_MUCH))


def _is_scorned(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it is asked, and words follow that answer with no other number; 还5分呢 asks without a sign."""
    before, after = token_at(tokens, number.first - 1), token_at(tokens, number.last + 1)
    if after is None or after.text != "?":
        return after is not None and after.text in _ASKS and before is not None and before.text in _STILL
    rest = [index for index in range(number.last + 1, len(tokens)) if not tokens[index].is_end]
    return bool(rest) and not any(_answers(tokens, index) for index in rest[:2])


def _answers(tokens: Sequence[Token], index: int) -> bool:
    token, after = tokens[index], token_at(tokens, index + 1)
    if token.value is None:
        return bool(token.meanings & _SOBER)
    return after is None or not (after.text == "?" or "count" in after.meanings)


def hangs_on_an_if(tokens: Sequence[Token], place: tuple[int, int], met: frozenset[str]) -> bool:
    """Tell whether a condition stands beside a score; what was only wanted instead of it is none."""
    if _opens_alone(tokens, place) and _is_settled(tokens, place[1] + 1, met):
        return False
    ifs = [index for index, token in enumerate(tokens) if "conditional" in token.meanings]
    if not ifs:
        return True  # words in a row
    return any("hypo" not in tokens[index].meanings or _in_one_clause(tokens, index, place[0]) for index in ifs)


def _opens_alone(tokens: Sequence[Token], place: tuple[int, int]) -> bool:
    after = token_at(tokens, place[1] + 1)
    return place[0] == 0 and after is not None and (after.is_end or bool(after.meanings & _OTHERWISE))


def _is_settled(tokens: Sequence[Token], end: int, met: frozenset[str]) -> bool:
    """Tell whether what follows an opening score only says what else might have been, or is another sentence."""
    if met & _WISHED or any(number.marked and number.first > end for number in find_numbers(tokens)):
        return True
    begins = token_at(tokens, end + 1)
    return tokens[end].text in ".!" and (begins is None or "conditional" not in begins.meanings)


def _in_one_clause(tokens: Sequence[Token], first: int, last: int) -> bool:
    between = tokens[min(first, last) : max(first, last)]
    return not any(token.is_end or token.meanings & _STOPS or token.text in _SO for token in between)
