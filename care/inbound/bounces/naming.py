"""Sentences that name the two halves of an address apart: "wang wasn't found at example.com"."""

import re

from care.inbound.bounces.wordings import MARK

_SHORTEST = 2
_BETWEEN = r"[^;!?\n@]{1,60}?"


def marked(text: str, address: str) -> str:
    """Return a text in which the name before the @ is a mark where the domain stands beside it in one line."""
    name, _, domain = address.rpartition("@")
    if len(name) < _SHORTEST or domain.lower() not in text.lower():
        return text
    here, there = _alone(name), _alone(domain)
    seen = re.compile(f"{here}(?={_BETWEEN}{there})|(?P<before>{there}{_BETWEEN}){here}", re.IGNORECASE)
    return seen.sub(lambda found: f"{found['before'] or ''}{MARK}", text)


def _alone(words: str) -> str:
    return rf"(?<![A-Za-z0-9._%+@-]){re.escape(words)}(?![A-Za-z0-9_%+@-])"
