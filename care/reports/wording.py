"""The quarterly report in another language: its sentences are looked up, whole or with gaps, in files of messages.

They are looked up in the finished report, so that whoever writes it has to know one language only; a test tells which
sentence has no message yet.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from care.base.errors import InputError
from care.base.yamlfile import did_you_mean, parse_yaml
from care.reports.document import Document

ENGLISH: Final = "en"
_FILES: Final = ("words.yaml", "words_analysis.yaml")
_GAP: Final = re.compile(r"\{([a-z]+)(\d*)\}")
_NUMBER: Final = r"[-+]?\d[\d,]*(?:\.\d+)?%?|–"
_LIST: Final = "list"
_COMMA: Final = ", "


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The messages of one language by the English ones; those with gaps with how they are recognised."""

    locale: str
    whole: Mapping[str, str]
    gapped: Sequence[tuple[re.Pattern[str], str]]

    def say(self, text: str) -> str:
        """Return a text in the language; what no message stands for stays as it is."""
        found = self.whole.get(text)
        if found is not None or not any(sign.isalpha() or sign.isdigit() for sign in text):
            return text if found is None else found
        for pattern, message in self.gapped:
            match = pattern.fullmatch(text)
            if match:
                return message.format(**{name: self._fill(name, words) for name, words in match.groupdict().items()})
        return text

    def _fill(self, name: str, words: str) -> str:
        return self.say(_COMMA).join(map(self.say, words.split(_COMMA))) if name == _LIST else self.say(words)

    def document(self, document: Document) -> Document:
        """Return a report in the language, its numbers and names as they are."""
        return document if self.locale == ENGLISH else self._said(document)

    def _said(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.say(value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: self._said(getattr(value, each.name)) for each in fields(value)})
        return type(value)(map(self._said, value)) if isinstance(value, list | tuple) else value


@cache
def wording_of(locale: str) -> Wording:
    """Return the messages of a language.

    Raises:
        InputError: the report has no messages in it.
    """
    messages = _messages()
    known = [ENGLISH, *dict.fromkeys(name for each in messages.values() for name in each)]
    if locale not in known:
        raise InputError(f"--locale {locale}: not known. {did_you_mean(locale, known)}")
    said = {english: each[locale] for english, each in messages.items()} if locale != ENGLISH else {}
    gapped = sorted((english for english in said if _GAP.search(english)), key=_weight, reverse=True)
    return Wording(
        locale=locale,
        whole={english: text for english, text in said.items() if not _GAP.search(english)},
        gapped=[(_pattern(english), said[english]) for english in gapped],
    )


def _messages() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for name in _FILES:
        text = resources.files("care.reports").joinpath(name).read_text(encoding="utf-8")
        found |= parse_yaml(text, Path(name))["messages"]
    return found


def _weight(english: str) -> int:
    """Return how much a message says beside its gaps: the one that says most is meant."""
    return len(_GAP.sub("", english))


def _pattern(english: str) -> re.Pattern[str]:
    """Return what recognises a message; a gap with a number in its name holds a number, any other holds words."""
    parts, at = [], 0
    for gap in _GAP.finditer(english):
        holds = _NUMBER if gap[2] else ".+?"
        parts += [re.escape(english[at : gap.start()]), f"(?P<{gap[1]}{gap[2]}>{holds})"]
        at = gap.end()
    return re.compile("".join([*parts, re.escape(english[at:])]))
