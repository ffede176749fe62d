"""What a check says: how bad, where, what is wrong, what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from care.base.errors import CareError, FileError
from care.base.yamlfile import load_yaml, place_along
from care.campaigns.model import Campaign
from care.campaigns.template_files import read_source

_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_LETTER = re.compile(r"[^\n]")


class Severity(StrEnum):
    """Whether a campaign may run."""

    ERROR = "error"  #: it would do harm or nothing at all
    WARNING = "warning"  #: worth a look


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. `line` and `column` start at 1, 0 is the whole file."""

    severity: Severity
    rule: str  # the check that found it: parts, keyword …
    campaign: str  # id, empty where a file does not get that far
    path: Path
    problem: str
    fix: str
    line: int = 0
    column: int = 0

    @property
    def place(self) -> str:
        """Return file:line:column."""
        return f"{self.path}" + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.problem}. {self.fix}"


@lru_cache(maxsize=512)
def _document(path: Path, _version: int) -> Any:
    return load_yaml(path)


def at_key(campaign: Campaign, *keys: str, rule: str, severity: Severity, problem: str, fix: str) -> Finding:
    """Return a finding at the place of a key of the campaign's file."""
    path = campaign.path or Path(campaign.name)
    line = column = 0
    if campaign.path is not None:
        try:
            line, column = place_along(_document(path, path.stat().st_mtime_ns), keys)
        except (CareError, OSError):
            line = column = 0  # the file changed under us: the finding stands without its line
    return Finding(
        severity=severity,
        rule=rule,
        campaign=campaign.id,
        path=path,
        problem=problem,
        fix=fix,
        line=line,
        column=column,
    )


def in_file(error: FileError, *, rule: str, campaign: str = "", severity: Severity = Severity.ERROR) -> Finding:
    """Return a loader's error as a finding."""
    return Finding(
        severity=severity,
        rule=rule,
        campaign=campaign,
        path=error.path,
        problem=error.problem,
        fix=error.fix,
        line=error.line,
        column=error.column,
    )


def in_template(error: FileError, *, campaign: str = "") -> Finding:
    """Return what is wrong with a template; of a line or a file as a whole it stands at its beginning."""
    found = in_file(error, rule="template", campaign=campaign)
    return replace(found, line=found.line or 1, column=found.column or 1) if found.path.is_file() else found


def at_words(
    campaign: Campaign,
    path: Path,
    words: str,
    *,
    rule: str,
    severity: Severity,
    problem: str,
    fix: str,
    patterns: Sequence[re.Pattern[str]] = (),
) -> Finding:
    """Return a finding at words of a template, at its beginning where it does not hold them as they stand.

    They may come from a shared piece or a value. `patterns` are what found them: the first group, or all, is the words.
    """
    text = _CODE.sub(lambda code: _LETTER.sub(" ", code.group()), read_source(path))
    as_they_stand = re.compile(r"\s+".join(map(re.escape, words.split())))
    found = (match for pattern in (*patterns, as_they_stand) for match in pattern.finditer(text))
    places = (match.start(match.re.groups and 1) for match in found if _words_of(match) == words.split())
    line, column = position(text, next(places, 0))
    return Finding(
        severity=severity,
        rule=rule,
        campaign=campaign.id,
        path=path,
        problem=problem,
        fix=fix,
        line=line,
        column=column,
    )


def _words_of(match: re.Match[str]) -> list[str]:
    return match.group(match.re.groups and 1).split()


def position(text: str, index: int) -> tuple[int, int]:
    """Return line and column of a place in a text, both from 1."""
    before = text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
