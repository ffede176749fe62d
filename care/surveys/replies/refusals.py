"""Whether a reply refuses our messages: a keyword, or any other clear wording."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from care.policy.keywords import normalise as keyword_of
from care.policy.load import load_policies
from care.surveys.replies.lexicon import Lexicon, possible
from care.surveys.replies.mentions import is_meant
from care.surveys.replies.patterns import places
from care.surveys.replies.tokens import Token

OPT_OUT: Final = "opt_out"
_CODES: Final = frozenset(
    {"t", "td", "r", "n", "0000", "00000", "退", "回t", "回td", "回r", "回复t", "回复td", "回复r"}
)
_DIGIT: Final = re.compile("[1-9]")
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
        is_meant(pattern, tokens, place)
        for pattern in possible(lexicon.patterns[meaning], met)
        for place in places(pattern, tokens)
    )
