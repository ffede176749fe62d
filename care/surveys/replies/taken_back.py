"""Whether what looks like a score is taken back: almost given, called too much, asked in scorn, hung on an "if"."""

from collections.abc import Sequence
from typing import Final

from care.surveys.replies.ranges import Number, token_at
from care.surveys.replies.tokens import Token

_DROPS: Final = frozenset({"wanted", "neg"})
_BUT_NOT: Final = frozenset({"thanks", "correction", "not_resolved"})
_ENDS_DENIAL: Final = frozenset({"best", "good", "bad", "worst", "thanks", "not_resolved", "resolved", "subject"})
_STOPS: Final = frozenset({"but", "only", "correction"})
_WISHED: Final = frozenset({"hypo", "wanted", "regret"})
_SOBER: Final = frozenset({"thanks", "happy", "ack", "correction", "or_else", "closer"})
_OTHERWISE: Final = _WISHED | {"but"}
_REFUSED: Final = frozenset({"too_much", "neg", "want_no", "wanted"})
_NEAR: Final = 3
_SO: Final = ("so", "那 就", "所 以")


def is_taken_back(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it says which score is not given: "想给0分没有", "not 4", "nearly a 5", "4? you'd be lucky"."""
    return (
        _is_denied(tokens, number)
        or _is_almost(tokens, number)
        or _is_too_much(tokens, number)
        or _is_scorned(tokens, number)
    )


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
    """Tell whether it was only wanted, in its own clause: "差一点就能给5分", "was going to give you a 5"."""
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
    after = token_at(tokens, number.last + 1)
    if after is not None and after.text in ("就", "也", "都"):
        following = token_at(tokens, number.last + 2)
        return following is not None and bool(following.meanings & _REFUSED)
    return after is not None and "too_much" in after.meanings


def _is_scorned(tokens: Sequence[Token], number: Number) -> bool:
    """Tell whether it is asked, and words follow that give no other number."""
    after = token_at(tokens, number.last + 1)
    if after is None or after.text != "?":
        return False
    rest = [token for token in tokens[number.last + 1 :] if not token.is_end]
    return bool(rest) and not any(token.value is not None or token.meanings & _SOBER for token in rest[:2])


def hangs_on_an_if(tokens: Sequence[Token], place: tuple[int, int], met: frozenset[str]) -> bool:
    """Tell whether a condition stands beside a score; what was only wanted instead of it is none."""
    if _opens_alone(tokens, place) and met & _WISHED:
        return False
    ifs = [index for index, token in enumerate(tokens) if "conditional" in token.meanings]
    if not ifs:
        return True  # words in a row
    return any("hypo" not in tokens[index].meanings or _in_one_clause(tokens, index, place[0]) for index in ifs)


def _opens_alone(tokens: Sequence[Token], place: tuple[int, int]) -> bool:
    after = token_at(tokens, place[1] + 1)
    return place[0] == 0 and after is not None and (after.is_end or bool(after.meanings & _OTHERWISE))


def _in_one_clause(tokens: Sequence[Token], first: int, last: int) -> bool:
    between = tokens[min(first, last) : max(first, last)]
    return not any(token.is_end or token.meanings & _STOPS or token.text in _SO for token in between)
