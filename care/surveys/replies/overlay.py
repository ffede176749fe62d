"""`replies.yaml` beside the campaigns: an operator's own words, laid over the product's lists."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from care.base.errors import CareError, FileError, ManyErrors
from care.base.yamlfile import did_you_mean, load_yaml, place_along
from care.policy.load import load_policies
from care.policy.model import Policies
from care.surveys.replies.lexicon import (
    LANGUAGES,
    Entry,
    Lexicon,
    build_lexicon,
    key_of,
    shipped_entries,
    shipped_lexicon,
    shipped_patterns,
)

FILE: Final = "replies.yaml"
_PARTS: Final = ("add", "remove")


def load_lexicon(override: Path | None = None, policies: Policies | None = None) -> Lexicon:
    """Return the word lists, with the operator's file laid over them where it exists.

    The words by which `policies` let customers refuse count as well. The file has `add` and `remove`; below each stand
    meanings, below them languages with a list of words.

    Raises:
        FileError: one mistake in the file, with line and column.
        ManyErrors: several.
    """
    if override is None or not override.exists():
        return _with_refusals(shipped_lexicon(), policies)
    document = load_yaml(override)
    errors = list(_errors(document, override))
    if errors:
        raise errors[0] if len(errors) == 1 else ManyErrors(errors)
    removed = {(entry.meaning, key_of(word)) for entry in _entries(document, "remove") for word in entry.words}
    kept = [_without(entry, removed) for entry in shipped_entries()]
    return _with_refusals(build_lexicon([*kept, *_entries(document, "add")], shipped_patterns()), policies)


def _with_refusals(lexicon: Lexicon, policies: Policies | None) -> Lexicon:
    """Let an operator's own words of refusal count, without those that ship: the codes of one country are no words."""
    if policies is None:
        return lexicon
    shipped = load_policies()
    known = frozenset[str]().union(
        *(policy.opt_out.words for policy in (*shipped.countries.values(), shipped.elsewhere))
    )
    own = frozenset[str]().union(
        *(policy.opt_out.words for policy in (*policies.countries.values(), policies.elsewhere))
    )
    return replace(lexicon, refusals=own - known)


def add_words(path: Path, words: Iterable[tuple[str, str, str]]) -> None:
    """Write (meaning, language, word) into the file, below what stands there; it is made where there is none.

    Raises:
        FileError: the file cannot be read.
    """
    document: Any = load_yaml(path) if path.exists() else {}
    added = document.setdefault("add", {})
    for meaning, language, word in words:
        listed = added.setdefault(meaning, {}).setdefault(language, [])
        if word not in listed:
            listed.append(word)
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 120
    yaml.dump(document, text)
    beside = path.with_suffix(".new")
    beside.write_text(text.getvalue(), encoding="utf-8")
    beside.replace(path)  # whoever reads it meanwhile sees the old or the new words, never half of them


def _entries(document: Mapping[str, Any], part: str) -> Iterator[Entry]:
    for meaning, languages in (document.get(part) or {}).items():
        for language, words in languages.items():
            yield Entry(meaning, language, tuple(str(word) for word in words))


def _without(entry: Entry, removed: set[tuple[str, str]]) -> Entry:
    kept = tuple(word for word in entry.words if (entry.meaning, key_of(word)) not in removed)
    return entry._replace(words=kept)


def _errors(document: Mapping[str, Any], path: Path) -> Iterator[CareError]:
    known = {entry.meaning for entry in shipped_entries()}
    for part, meanings in document.items():
        if part not in _PARTS:
            yield _wrong(document, path, [part], f"'{part}' is not known", did_you_mean(str(part), _PARTS))
        elif not isinstance(meanings, Mapping):
            yield _wrong(document, path, [part], f"'{part}' has no meanings", "Write 'good: {en: [splendid]}' below it")
        else:
            for meaning, languages in meanings.items():
                yield from _errors_below(document, path, [part, meaning], languages, known)


def _errors_below(
    document: Mapping[str, Any], path: Path, where: list[Any], languages: Any, known: Iterable[str]
) -> Iterator[CareError]:
    meaning = where[-1]
    if meaning not in known:
        yield _wrong(document, path, where, f"'{meaning}' is not a meaning", did_you_mean(str(meaning), known))
        return
    if not isinstance(languages, Mapping):
        yield _wrong(document, path, where, f"'{meaning}' has no languages", "Write 'en: [splendid]' below it")
        return
    for language, words in languages.items():
        place = [*where, language]
        if language not in LANGUAGES:
            problem = f"'{language}' is not a language of the lists"
            yield _wrong(document, path, place, problem, did_you_mean(str(language), LANGUAGES))
        elif not isinstance(words, Sequence) or isinstance(words, str):
            yield _wrong(document, path, place, "is not a list of words", "Write [one, two]")
        else:
            for index, word in enumerate(words):
                if not isinstance(word, str) or not key_of(word):
                    problem = "is not a word" if not isinstance(word, str) else "has no letter or sign"
                    yield _wrong(document, path, [*place, index], problem, "Put it in quotation marks")


def _wrong(document: Mapping[str, Any], path: Path, where: list[Any], problem: str, fix: str) -> FileError:
    line, column = place_along(document, where)
    return FileError(path, problem, fix, line=line, column=column)
