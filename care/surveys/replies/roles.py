"""Which lists of words may stand beside a score, a refusal, a yes: `roles.tsv`."""

from functools import cache
from importlib import resources


def role(name: str) -> frozenset[str]:
    """Return the meanings that play a role."""
    return _roles()[name]


@cache
def _roles() -> dict[str, frozenset[str]]:
    text = resources.files("care.surveys.replies").joinpath("words", "roles.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: frozenset(meanings.split()) for name, meanings in rows}
