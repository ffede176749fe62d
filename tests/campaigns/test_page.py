import ast
from pathlib import Path

import pytest

from care.campaigns.schema import CampaignFile
from care.surveys.occasion import OCCASIONS as KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/campaigns.md").read_text(encoding="utf-8")


def rules_in_code() -> set[str]:
    """Return every word that a finding's `rule=` is given."""
    found = set()
    for path in [*(ROOT / "care/campaigns/checks").glob("*.py"), ROOT / "care/campaigns/check.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "rule" and isinstance(node.value, ast.Constant):
                found.add(node.value.value)
    return found


class TestPageOfCampaigns:
    @pytest.mark.parametrize("key", CampaignFile.model_fields)
    def test_explains_every_key(self, key: str) -> None:
        """A key that no page names is a key that nobody uses."""
        assert f"| `{key}` |" in PAGE

    @pytest.mark.parametrize("kind", KINDS)
    def test_explains_every_option_of_every_occasion(self, kind: str) -> None:
        """Each kind has a line, and the line names each of its options."""
        (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |")]

        assert [name for name in KINDS[kind].model_fields if name != "kind" and f"`{name}" not in line] == []

    def test_lists_the_rules_of_the_check(self) -> None:
        """Whoever reads a rule's name finds out what it is about."""
        listed = {
            line.split("`")[1] for line in PAGE.partition("## What the check finds")[2].splitlines() if "| `" in line
        }

        assert listed == rules_in_code()
