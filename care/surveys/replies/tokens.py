"""A normalised text as tokens: known phrases with their meanings, numbers with their values, signs, unknown words."""

from typing import Final, NamedTuple

from care.surveys.replies.lexicon import Lexicon
from care.surveys.replies.pieces import split_pieces
from care.surveys.replies.spelling import mended, slips_of

NOTHING: Final[frozenset[str]] = frozenset()
ENDS: Final = frozenset('.,!?;:\n~…()[]"|/、-')
NUMERALS: Final = {sign: value for value, sign in enumerate("零一二三四五六七八九十")}
_NUMBER_WORDS: Final = {
    word: value
    for value, word in enumerate("zero one two three four five six seven eight nine ten".split())  # noqa: SIM905 - reads as it is said
}
_TEN: Final = 10
_UNIT: Final = "分 "
_UNITS: Final = frozenset({"point", "count"})
_SLIPPED: Final = {
    slip: value
    for word, value in _NUMBER_WORDS.items()
    if len(word) > 3  # noqa: PLR2004 - "too", "tow" and "on" are words
    for slip in slips_of(word)
}
_VERDICTS: Final = frozenset({"good", "best", "bad", "worst", "middling", "neg", "rather", "ease_good", "ease_bad"})


class Token(NamedTuple):
    """A piece of a text. `value` is set for numbers; `gap`: blank, line or text begins before it."""

    text: str
    meanings: frozenset[str] = NOTHING
    gap: bool = False
    value: float | None = None
    new_line: bool = False

    @property
    def is_end(self) -> bool:
        """Tell whether it ends a clause."""
        return self.text in ENDS

    @property
    def is_chinese(self) -> bool:
        """Tell whether it begins with a Chinese letter."""
        return "㐀" <= self.text[:1] <= "鿿"

    @property
    def is_unknown(self) -> bool:
        """Tell whether it is a word that no list holds."""
        return not self.meanings and self.value is None and self.text[:1].isalnum()


def tokenise(text: str, lexicon: Lexicon) -> list[Token]:
    """Return the tokens of a normalised text; of the phrases that begin at a place, the longest is taken."""
    pieces = split_pieces(text)
    words = [piece for _, piece in pieces]
    tokens: list[Token] = []
    index, count = 0, len(words)
    while index < count:
        blank, word = pieces[index]
        taken, value, meanings = 0, None, NOTHING
        for length in lexicon.lengths.get(word, ()):
            if index + length > count:
                continue
            phrase = word if length == 1 else " ".join(words[index : index + length])
            if phrase in lexicon.phrases and not _cuts_a_unit(tokens, phrase, lexicon):
                word, meanings, taken = phrase, lexicon.phrases[phrase], length
                break
        if not taken:
            word, taken, value = _number_of(words, index)
            if value is None and len(word) > 1:
                meanings = mended(word, lexicon.phrases, lexicon.shapes)
        tokens.append(Token(word, meanings, bool(blank) or index == 0, value, "\n" in blank))
        index += taken
    return _with_ten_points(tokens)


def _cuts_a_unit(tokens: list[Token], phrase: str, lexicon: Lexicon) -> bool:
    """Tell whether a longer word would swallow the unit of the number before it: 分别 in 1分别的."""
    if not phrase.startswith(_UNIT) or not tokens or tokens[-1].value is None:
        return False
    return not lexicon.phrases[phrase] & _UNITS


def _number_of(words: list[str], index: int) -> tuple[str, int, float | None]:
    """Return (text, pieces it takes, value) of what no list holds; None is the value of what is no number."""
    word = words[index]
    if word[0].isdecimal():
        return word, 1, float(word.replace(",", ""))
    if word not in NUMERALS:
        return word, 1, None
    end = index + 1
    while end < len(words) and words[end] in NUMERALS:
        end += 1
    run = "".join(words[index:end])
    return run, end - index, _value_of(run)


def _value_of(run: str) -> float:
    """Return the number of a run of Chinese numerals; two neighbours ("四五") are the lower and a half."""
    if "十" in run:
        tens, _, units = run.partition("十")
        return NUMERALS.get(tens[-1:], 1) * _TEN + NUMERALS.get(units[:1], 0)
    if len(run) == 2 and NUMERALS[run[1]] - NUMERALS[run[0]] == 1:  # noqa: PLR2004 - a pair
        return NUMERALS[run[0]] + 0.5
    return float("".join(str(NUMERALS[sign]) for sign in run)[:9])


def number_word(token: Token) -> int | None:
    """Return the value of "five", also where a finger slipped; None for other words."""
    found = _NUMBER_WORDS.get(token.text)
    return _SLIPPED.get(token.text) if found is None and token.is_unknown else found


def _with_ten_points(tokens: list[Token]) -> list[Token]:
    """Read 十分 as ten points where no judgement follows; before one it means "very"."""
    for index, token in enumerate(tokens):
        if token.text != "十 分":
            continue
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        if after is None or after.is_end or (after.gap and not after.meanings & _VERDICTS):
            tokens[index : index + 1] = [
                Token("十", NOTHING, token.gap, 10.0, token.new_line),
                Token("分", frozenset({"point"})),
            ]
            break
    return tokens
