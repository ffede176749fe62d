"""What `make bites` takes away is still there, and so are the tests that it plays and the page that tells of them."""

import ast

import pytest

from tests.bites.removals import NotThereError, Removal, read_removals
from tests.guards.tree import ROOT, tree_of

REMOVALS = read_removals()
PAGE = ROOT / "docs" / "chaos.md"
NOT_PLAYED = {5}
"""Rows that take guarantees away themselves."""


def names_in(node: ast.Module | ast.ClassDef) -> dict[str, ast.stmt]:
    return {each.name: each for each in node.body if isinstance(each, (ast.ClassDef, ast.FunctionDef))}


def is_there(test: str) -> bool:
    """Tell whether a test of this name stands in its file; parameters are not looked at."""
    path, *names = test.partition("[")[0].split("::")
    node: ast.stmt | ast.Module = tree_of(ROOT / path)
    for name in names:
        if not isinstance(node, (ast.Module, ast.ClassDef)) or name not in names_in(node):
            return False
        node = names_in(node)[name]
    return isinstance(node, ast.FunctionDef)


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.guarantee)
class TestARemoval:
    def test_finds_its_text_once_and_leaves_python(self, removal: Removal) -> None:
        """Who rewrites a guarantee says here how it is taken away now."""
        text = (ROOT / removal.file).read_text(encoding="utf-8")
        changed = removal.applied_to(text)
        assert changed != text
        ast.parse(changed)
        with pytest.raises(NotThereError):
            removal.applied_to("")

    def test_names_tests_that_exist(self, removal: Removal) -> None:
        """At least one, each by file, class and name."""
        assert removal.tests
        assert [test for test in removal.tests if not is_there(test)] == []


class TestThePage:
    def test_has_the_table_of_all_of_them(self) -> None:
        """`make bites` prints it: guarantee by guarantee in this order."""
        page = PAGE.read_text(encoding="utf-8").partition("## What bites")[2].partition("\n## ")[0]
        told = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")][1:]
        assert told == [removal.guarantee for removal in REMOVALS]

    def test_has_no_row_that_nothing_is_taken_from(self) -> None:
        """Each row of the matrix stands on a guarantee that was seen to be missed."""
        page = PAGE.read_text(encoding="utf-8").partition("## The rows")[2].partition("\n## ")[0]
        rows = {int(line.split(" | ")[0].strip("| ")) for line in page.splitlines() if line[:3].strip("| ").isdigit()}
        assert len(rows) > 10
        assert rows - {row for removal in REMOVALS for row in removal.rows} == NOT_PLAYED
