"""Opt-out, opt-in and help words: the whole message or nothing."""

import unicodedata
from enum import StrEnum

from care.policy.model import CountryPolicy

_LONGEST = 60
_ACCENTS = range(0x0300, 0x0370)
_INSIDE = frozenset("-_'’‘`´")


class Keyword(StrEnum):
    """What a message that consists of one keyword asks for."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"


def normalise(text: str) -> str:
    """Return the form in which messages and keywords are compared.

    Full-width and styled letters become plain, case and accents go, and so does everything around the
    first and last letter or digit: quotes, punctuation, emoji. Inside, spaces, hyphens and apostrophes
    are dropped ("Opt-out" is "optout"); other marks stay, so that "R&D" is not a keyword.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(char for char in plain if ord(char) not in _ACCENTS and unicodedata.category(char) != "Cf")
    kept = unicodedata.normalize("NFKC", plain)
    inner = [index for index, char in enumerate(kept) if char.isalnum()]
    if not inner:
        return ""
    whole = kept[inner[0] : inner[-1] + 1]
    return "".join(char for char in whole if not char.isspace() and char not in _INSIDE)


def classify(text: str, policy: CountryPolicy) -> Keyword | None:
    """Return the keyword that the whole message is in this country, or None for anything else.

    A keyword inside a sentence never counts. "Yes" is no opt-in: it answers questions.
    """
    if len(text) > _LONGEST:
        return None
    word = normalise(text)
    rule = policy.opt_out
    if word in rule.words:
        return Keyword.OPT_OUT
    if word in rule.start_words:
        return Keyword.OPT_IN
    return Keyword.HELP if word in rule.help_words else None
