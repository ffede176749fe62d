"""Sentences that speak of an address: "wang wasn't found at example.com", "wang@example.com does not exist"."""

import re

from care.inbound.bounces.wordings import MARK, WHOLE_MARK

_SHORTEST = 2
_BETWEEN = r"[^;!?\n@]{1,60}?"


def marked(text: str, address: str) -> str:
    """Return a text with a mark for an address, and another for its name where the domain stands in the same line."""
    name, _, domain = address.rpartition("@")
    if len(name) < _SHORTEST or domain.lower() not in text.lower():
        return text
    here, there = _alone(name), _alone(domain)
    seen = re.compile(f"{here}(?={_BETWEEN}{there})|(?P<before>{there}{_BETWEEN}){here}", re.IGNORECASE)
    whole = re.compile(_alone(address), re.IGNORECASE)
    return whole.sub(WHOLE_MARK, seen.sub(lambda found: f"{found['before'] or ''}{MARK}", text))


def _alone(words: str) -> str:
    return rf"(?<![A-Za-z0-9._%+@-]){re.escape(words)}(?![A-Za-z0-9_%+@-])"
