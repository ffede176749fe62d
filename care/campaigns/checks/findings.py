"""What a check says: how bad, where, what is wrong, what to do."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from care.base.errors import CareError, FileError
from care.base.yamlfile import load_yaml, place_along
from care.campaigns.model import Campaign


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
