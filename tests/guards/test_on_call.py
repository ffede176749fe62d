"""Whoever is woken finds the incident on the page, with everything the page promises."""

import re

import pytest

from care.watch.rules import RULES
from tests.guards.tree import ROOT

PAGE = (ROOT / "docs" / "on-call.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


class TestOnCall:
    @pytest.mark.parametrize("title", [rule.title for rule in RULES])
    def test_has_every_kind_of_incident(self, title: str) -> None:
        """What it means, where to see more, what to do, when it is over; in that order."""
        points = re.findall(r"^- \*\*(\w[\w ]*)\*\*: ", SECTIONS[title], re.MULTILINE)
        assert points == ["Means", "See", "Do", "Over when"]

    def test_has_no_other(self) -> None:
        """A heading for an incident that is none any more would mislead; where nothing can be written, none can open."""
        others = set(SECTIONS) - {rule.title for rule in RULES}
        assert others == {"The database is away, or may only be read", "Who is told, and how"}
