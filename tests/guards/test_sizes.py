"""Small parts: files, functions, and the shape of the whole."""

import ast
import statistics
from pathlib import Path

from tests.guards.tree import files, functions, is_test, short

LONGEST_FILE = 300
LONGEST_TEST_FILE = 400
LONGEST_FUNCTION = 60


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _code() -> list[Path]:
    return list(files(".py"))


class TestFiles:
    def test_are_short(self) -> None:
        """No module needs scrolling for long: 300 lines, tests 400."""
        too_long = {
            short(path): count
            for path in _code()
            if (count := len(path.read_text(encoding="utf-8").splitlines()))
            > (LONGEST_TEST_FILE if is_test(path) else LONGEST_FILE)
        }

        assert too_long == {}

    def test_have_no_cupboard_for_everything(self) -> None:
        """No module is named after nothing."""
        vague = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py", "manager.py", "core.py"}

        assert [short(path) for path in _code() if path.name in vague] == []


class TestFunctions:
    def test_are_short(self) -> None:
        """Sixty lines at most, tests included."""
        too_long = {
            f"{short(path)}:{node.lineno} {node.name}": _lines(node)
            for path in _code()
            for node in functions(path)
            if _lines(node) > LONGEST_FUNCTION
        }

        assert too_long == {}

    def test_are_mostly_very_short(self) -> None:
        """Half of them have at most twelve lines, nineteen of twenty at most forty."""
        lengths = [_lines(node) for path in _code() if not is_test(path) for node in functions(path)]

        assert statistics.median(lengths) <= 12
        assert statistics.quantiles(lengths, n=20)[-1] <= 40


class TestTests:
    def test_say_what_they_prove(self) -> None:
        """Every test has a docstring."""
        silent = [
            f"{short(path)}:{node.lineno} {node.name}"
            for path in _code()
            if is_test(path)
            for node in functions(path)
            if node.name.startswith("test_") and not ast.get_docstring(node)
        ]

        assert silent == []
