"""How mail systems say things, in many languages: one data table, `wordings.tsv`, of plain words without patterns.

Columns of the table:

- `list`: what the words say: a reason of `reasons.tsv`, a sign of what kind of mail this is, or one half of a pair
- `language`: of the words; the two halves of a pair must be of the same
- `words`: in lower case, as they stand in the mail; `…` stands for up to 40 characters

A pair is somebody or something (`a-mailbox`) and what is said of it (`is-gone`), in either order within one clause: so
a sentence nobody wrote down is understood, too, unless `another-thing` stands between them. English says who first.
Three make a chain: somebody, that he `is-closed`, and that this is `for-good`.
Accents make no difference, nor does where a line was broken.
"""

import csv
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

TABLE: Final = "wordings.tsv"
GAP: Final = "…"
MARK: Final = "✉"
"""Stands for the name of a mailbox, whatever the language."""

WHOLE_MARK: Final = "✆"
"""Stands for a whole address; it counts where the rest of the sentence follows at once."""

_SHORTEST: Final = 4
_STATES: Final = ("is-gone", "is-closed")
_NEAR: Final = 24
_GAP_PATTERN = r"[\s\S]{0,40}?"
_LETTER = r"[^.;!?。、]|\.(?=\S)"
_WHOLE_WORDS: Final = ("en", "es", "fr", "it", "pt")  # the others put words together, or decline them
_SUBJECT = "".join(  # a message "to" somebody may be gone, and he may live
    rf"(?<!\b{word} )(?<!\b{word} <)"
    for word in ("to", "for", "an", "fur", "a", "para", "per", "do", "till", "til", "aan", "для")
)
_CLAUSE = re.compile(r"(?:[^.,:;!?。、]|\.(?=\S)){1,1500}")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_WITHOUT_BLANKS = r"[\u3000-\u30ff\u3400-\u9fff]"  # scripts that put none between words
_BROKEN = re.compile(rf"(?<={_WITHOUT_BLANKS})\s+(?={_WITHOUT_BLANKS})")
_COMMA = {"\uff0c": "、"}  # or it would look like the Latin one, which also stands within sentences
_LETTERS = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u0131": "i", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", **_COMMA}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One way to say something."""

    list: str
    language: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """A list of them, made for a quick look."""

    whole: Sequence[str]
    gapped: Sequence[tuple[Sequence[str], re.Pattern[str]]]

    def are_in(self, plain: str) -> bool:
        """Tell whether a text made by `plain_text` says any of them."""
        if any(map(plain.__contains__, self.whole)):
            return True
        return any(all(map(plain.__contains__, pieces)) and seen.search(plain) for pieces, seen in self.gapped)

    def begin(self, plain: str) -> bool:
        """Tell whether a line made by `plain_text` begins with any of them."""
        return plain.startswith(tuple(self.whole)) or any(seen.match(plain) for _, seen in self.gapped)


@cache
def all_wordings() -> Sequence[Wording]:
    """Return the whole table in its order."""
    text = resources.files("care.inbound.bounces").joinpath(TABLE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [Wording(list=row["list"], language=row["language"], words=row["words"]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both halves in one language: how what is said begins, the two as a pattern, and what spoils it just before."""

    said: Sequence[str]
    seen: re.Pattern[str]
    spoilt: re.Pattern[str] | None

    def is_in(self, plain: str) -> bool:
        """Tell whether a text made by `plain_text` says both halves in one clause."""
        if not any(map(plain.__contains__, self.said)):
            return False
        texts = {plain, _places().sub("", plain)}  # a server named as the place is not spoken of
        return any(not self._is_spoilt(text, found.start()) for text in texts for found in self.seen.finditer(text))

    def _is_spoilt(self, plain: str, at: int) -> bool:
        return self.spoilt is not None and self.spoilt.search(plain[max(0, at - _NEAR) : at]) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A pair in each language, made for a quick look."""

    languages: Sequence[Pair]

    def are_in(self, plain: str) -> bool:
        """Tell whether a text made by `plain_text` says both halves of any language in one clause."""
        return any(pair.is_in(plain) for pair in self.languages)


@cache
def wordings(name: str) -> Wordings:
    """Return a list of the table; KeyError if there is none of that name."""
    listed = [each.words for each in all_wordings() if each.list == name]
    if not listed:
        raise KeyError(name)
    return Wordings(
        whole=[plain_text(words) for words in listed if GAP not in words],
        gapped=[(_pieces(words), _pattern(words)) for words in listed if GAP in words],
    )


@cache
def pairs(named: str, said: str) -> Pairs:
    """Return two lists of the table as pairs; KeyError if they share no language."""
    languages = sorted(_languages(named) & _languages(said))
    if not languages:
        raise KeyError(named, said)
    return Pairs(languages=[_pair(named, said, language) for language in languages])


def says(name: str, text: str) -> bool:
    """Tell whether a text has any words of a list."""
    return wordings(name).are_in(plain_text(text))


def without_doubts(plain: str) -> str:
    """Return a text made by `plain_text` without the clauses that only suppose something, or ask for a look."""
    if not any(map(plain.__contains__, _of_all("in-doubt"))):
        return plain
    return _CLAUSE.sub(lambda clause: " " if _doubts().search(clause[0]) else clause[0], plain)


def without_salutation(lowered: str) -> str:
    """Return a text in lower case without its salutations, such as "dear sender": they say nothing of the sender."""
    return _salutations().sub(" ", lowered)


def without_words(name: str, plain: str) -> str:
    """Return a text made by `plain_text` without the words of a list."""
    return _words_of(name).sub(" ", plain)


@cache
def _words_of(name: str) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(_of_all(name), key=len, reverse=True))))


@cache
def _places() -> re.Pattern[str]:
    words = sorted({plain_text(words) for words in _of_all("at-our-place")}, key=len, reverse=True)
    return re.compile(rf"(?: |(?<!\w))(?:{'|'.join(map(re.escape, words))})(?![a-z])")


@cache
def _salutations() -> re.Pattern[str]:
    words = [re.escape(each.words) for each in all_wordings() if each.list == "salutation"]
    return re.compile(rf"(?:{'|'.join(words)})(?!\w)")


@cache
def _of_all(name: str) -> Sequence[str]:
    return [plain_text(each.words) for each in all_wordings() if each.list == name]


@cache
def _doubts() -> re.Pattern[str]:
    """Return the pattern of any doubt; where a script has blanks, only whole words count."""
    words = sorted(_of_all("in-doubt"), key=len, reverse=True)
    spaced = "|".join(re.escape(each) for each in words if not _UNSPACED.match(each))
    unspaced = "|".join(re.escape(each) for each in words if _UNSPACED.match(each))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)|{unspaced}")


def has_foreign_words(text: str) -> bool:
    """Tell whether a text has words of the table that are no plain Latin, and too long to come by chance."""
    return any(map(plain_text(text).__contains__, _foreign_words()))


@cache
def _foreign_words() -> Sequence[str]:
    pieces = (_pieces(each.words) for each in all_wordings())
    return sorted({piece for each in pieces for piece in each if len(piece) >= _SHORTEST and not piece.isascii()})


def plain_text(text: str) -> str:
    """Return a text in lower case without accents, with single blanks and straight apostrophes."""
    apart = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    joined = unicodedata.normalize("NFC", _ACCENTS.sub("", apart))
    return _BROKEN.sub("", " ".join(joined.split()))


def _languages(name: str) -> set[str]:
    return {each.language for each in all_wordings() if each.list == name}


def _of(name: str, language: str) -> list[str]:
    return [each.words for each in all_wordings() if (each.list, each.language) == (name, language)]


def _pair(named: str, said: str, language: str) -> Pair:
    what, how = _any_of(_of(named, language)), _any_of(_of(said, language))
    if said in _STATES and language in _WHOLE_WORDS:
        what = rf"(?<!\w)(?:{what})(?:e?s)?(?!\w|'s)"
    if said == "is-closed" and language in _WHOLE_WORDS:
        how = rf"(?<!\w)(?:{how})"
    others = _others(language)
    letter = r"[^.,;!?。、]" if named == "a-sender" else _LETTER
    between = rf"(?:(?!{others})(?:{letter})){{0,40}}?" if others else f"(?:{letter}){{0,40}}?"
    ways = [f"(?:{what}){between}(?:{how})"]
    if said not in _STATES or language != "en":
        ways.append(f"(?:{how}){between}(?:{what})")
    if named == "a-mailbox":
        ways += [
            f"{MARK}{between}(?:{how})",
            f"(?:{how}){between}{MARK}",
            rf"{_SUBJECT}{WHOLE_MARK}[\s>\"')]{{0,3}}(?:\w{{1,6}} ){{0,2}}(?:{how})",
        ]
    spoilt = None
    if others and named != "is-closed":  # of whom that is said, is looked at by itself
        spoilt = re.compile(rf"(?:{others})\w{{0,6}} (?:(?!said|says)\w{{1,4}} ){{0,2}}$")
    begins = [_pieces(words)[0] for words in _of(said, language)]
    return Pair(said=begins, seen=re.compile("|".join(ways)), spoilt=spoilt)


def _others(language: str) -> str:
    """Return the pattern of another thing that is spoken of, '' if the table has none in a language."""
    words = _any_of(_of("another-thing", language))
    whole = r"(?:e?s)?(?!\w)" if language == "en" else ""
    return rf"(?<!\w)(?:{words}){whole}" if words else ""


def _any_of(words: Sequence[str]) -> str:
    return "|".join(_pattern(each).pattern for each in words)


def _pieces(words: str) -> list[str]:
    return [plain_text(piece) for piece in words.split(GAP)]


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(_GAP_PATTERN.join(re.escape(piece) for piece in _pieces(words)))
