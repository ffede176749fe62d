"""The registry of points and the code say the same, and no point is left out under fire."""

import ast
from collections import Counter

from care.base.failpoints import POINTS
from tests.chaos import test_kills, test_planner, test_web_kills
from tests.crash import test_follow_up
from tests.guards.tree import files, is_test, tree_of


def _passed() -> Counter[str]:
    """Return every name that the product's code passes, and how often it stands there."""
    found: Counter[str] = Counter()
    for path in files(".py"):
        if is_test(path) or path.name == "failpoints.py":
            continue
        for call in (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in {"failpoint", "failpoint_soon"}:
                assert isinstance(call.args[0], ast.Constant)
                found[str(call.args[0].value)] += 1
    return found


class TestEveryPoint:
    def test_stands_in_the_code_once(self) -> None:
        """A name nobody passes, or passes in two places, proves nothing."""
        assert _passed() == Counter(dict.fromkeys(POINTS, 1))

    def test_says_where_it_is(self) -> None:
        """One sentence each."""
        assert [name for name, words in POINTS.items() if not words.endswith(".") or words.count(".") != 1] == []

    def test_is_killed_at(self) -> None:
        """Each belongs to a test that reaches every point of its own."""
        played = [*test_kills.SENDING, *test_web_kills.HEARING, *test_planner.PLANNING, *test_follow_up.FOLLOWING]
        assert sorted(played) == sorted(POINTS)
