"""Whether a reply refuses our messages: a keyword, or any other clear wording, and not only a mention of one."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from care.policy.keywords import normalise as keyword_of
from care.policy.load import load_policies
from care.surveys.replies.lexicon import ALONE, ANYWHERE, LAST, Lexicon, Pattern, possible
from care.surveys.replies.patterns import places
from care.surveys.replies.roles import role
from care.surveys.replies.tokens import Token

OPT_OUT: Final = "opt_out"
_BESIDE: Final = role("beside_refusal")
_RIGHT: Final = role("right_of_refusal")
_NEGATIONS: Final = frozenset({"dont", "neg", "no"})
_DENIALS: Final = frozenset({"dont", "never"})
_CODES: Final = frozenset(
    {"t", "td", "r", "n", "0000", "00000", "退", "回t", "回td", "回r", "回复t", "回复td", "回复r"}
)
_AND: Final = ("and", "&", "so", "then")
_OF_OTHERS: Final = frozenset({"harmless", "matter"})
"""What is cancelled or ended there is none of our messages: "cancel the dinner"."""
_DIGIT: Final = re.compile("[1-9]")
_MOST_UNKNOWN: Final = 1
_LONGEST_KEYWORD: Final = 40


@cache
def _words_of_all_countries() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the words that refuse, take back and ask for help in any country; the codes of one country apart."""
    policies = load_policies()
    rules = [policy.opt_out for policy in (*policies.countries.values(), policies.elsewhere)]
    return (
        frozenset().union(*(rule.words for rule in rules)) - _CODES,
        frozenset().union(*(rule.start_words for rule in rules)),
        frozenset().union(*(rule.help_words for rule in rules)),
    )


def keyword(text: str, lang: str, own: frozenset[str] = frozenset()) -> str:
    """Return opt_out, opt_in or help if the whole text is such a word of any country's policy, else nothing.

    `own` are further words of refusal, of the operator. Codes such as T or R, which carriers made words in China only,
    count for Chinese customers and where the language is not known.
    """
    if len(text) > _LONGEST_KEYWORD or (_DIGIT.search(text) and text not in _CODES and not own):
        return ""
    word = keyword_of(text)
    refusals, returns, helps = _words_of_all_countries()
    if word in refusals or word in own or (word in _CODES and not lang.startswith("en")):
        return OPT_OUT
    if word in returns:
        return "opt_in"
    return "help" if word in helps else ""


def refuses(tokens: Sequence[Token], met: frozenset[str], lexicon: Lexicon) -> bool:
    """Tell whether the text refuses our messages; `met` are the meanings of all tokens together."""
    return _holds(OPT_OUT, tokens, met, lexicon)


def takes_back(tokens: Sequence[Token], met: frozenset[str], lexicon: Lexicon) -> bool:
    """Tell whether the text asks for our messages again."""
    return ("opt_in" in met and "neg" not in met) or _holds("opt_in", tokens, met, lexicon)


def _holds(meaning: str, tokens: Sequence[Token], met: frozenset[str], lexicon: Lexicon) -> bool:
    return any(
        _is_meant(pattern, tokens, place)
        for pattern in possible(lexicon.patterns[meaning], met)
        for place in places(pattern, tokens)
    )


def _is_meant(pattern: Pattern, tokens: Sequence[Token], place: tuple[int, int]) -> bool:
    """Tell whether the words at a place refuse, and are not only a mention of a refusal, or of something else."""
    if _is_denied(tokens, place[0]) or _is_told(tokens, place[0]):
        return False
    if _is_about_service(tokens, place) or _asks_who_did(tokens, place[0]):
        return False
    if any("matter" in token.meanings for token in tokens[place[0] : place[1]]):
        return False
    if pattern.where == ANYWHERE:
        return True
    first, end = (0, len(tokens)) if pattern.where == ALONE else _clause_around(tokens, place)
    is_joined = first > 0 and tokens[first - 1].text in _AND
    if pattern.where == LAST and (first == 0 or is_joined or any(not token.is_end for token in tokens[end:])):
        return False
    is_bare = pattern.where == LAST or (pattern.where == ALONE and tokens[place[0]].is_chinese)
    most = 0 if is_bare else _MOST_UNKNOWN
    others = (*tokens[first : place[0]], *tokens[place[1] : end])
    return _says_nothing_else(others, most) and _has_no_object(tokens, place[1])


def _clause_around(tokens: Sequence[Token], place: tuple[int, int]) -> tuple[int, int]:
    """Return the first and one past the last token of the clause."""
    first, end = place
    while first > 0 and not _ends_clause(tokens[first - 1]) and not _begins_clause(tokens, first):
        first -= 1
    while end < len(tokens) and not tokens[end].is_end and not _begins_clause(tokens, end):
        end += 1
    return first, end


def _ends_clause(token: Token) -> bool:
    return token.is_end or token.text in _AND


def _begins_clause(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    is_apart = token.gap and token.is_chinese and tokens[index - 1].is_chinese
    return token.new_line or is_apart or "but" in token.meanings


def _is_denied(tokens: Sequence[Token], start: int) -> bool:
    """Tell whether a negation stands right before, in the same clause: "don't unsubscribe me"."""
    first = max(start - 2, _clause_around(tokens, (start, start))[0])
    return any(token.meanings & _NEGATIONS and "stop" not in token.meanings for token in tokens[first:start])


def _is_told(tokens: Sequence[Token], start: int) -> bool:
    """Tell whether somebody says what they or others do or do not do: "you never text me"."""
    return start > 0 and bool(tokens[start].meanings & _DENIALS) and "pronoun" in tokens[start - 1].meanings


def _is_about_service(tokens: Sequence[Token], place: tuple[int, int]) -> bool:
    """Tell whether what is refused is the service and not its messages: 退订宽带."""
    near = tokens[place[0] : place[1] + 3]
    return any("service" in token.meanings and "text" not in token.meanings for token in near) and not any(
        "text" in token.meanings for token in near
    )


def _asks_who_did(tokens: Sequence[Token], start: int) -> bool:
    """Tell whether it only asks or tells about a refusal: "did I unsubscribe?"."""
    before = {token.text for token in tokens[max(0, start - 3) : start]}
    return bool(before & {"did", "why", "have", "为 什 么", "谁", "if", "如 果", "没 有 人"}) and "have" not in before


def _says_nothing_else(others: Sequence[Token], most: int) -> bool:
    """Tell whether the words beside a refusal are small, but for a few; unknown Chinese letters in a row are one."""
    unknown, in_word = 0, False
    for token in others:
        if token.is_end or token.value is not None:
            continue
        if token.meanings & _OF_OTHERS or ("question" in token.meanings and "ask_how" not in token.meanings):
            return False
        is_strange = token.is_unknown or bool(token.meanings and not token.meanings & _BESIDE)
        unknown += is_strange and not (in_word and token.is_unknown and not token.gap)
        in_word = is_strange and token.is_chinese
    return unknown <= most


def _has_no_object(tokens: Sequence[Token], end: int) -> bool:
    """Tell whether nothing else is stopped: right of the refusal, up to the next sign, stand only small words."""
    if tokens[end - 1].text.endswith("."):
        return True
    for token in tokens[end:]:
        if token.is_end or token.new_line or (token.gap and token.is_chinese) or not token.text[:1].isalnum():
            return True
        if "third" in token.meanings or (token.value is None and not token.meanings & _RIGHT):
            return False
    return True
