"""A step that lets older programs go on at work only adds."""

import ast
from pathlib import Path

import pytest

from tests.guards.tree import ROOT, tree_of

STEPS = sorted((ROOT / "care" / "migrations" / "versions").glob("0*.py"))
_ADDING = {"create_table", "create_index", "add_column", "batch_alter_table", "f"}


def _flag(step: Path) -> bool:
    """Return what the step says of itself; the first is the ground all stand on."""
    for node in tree_of(step).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "expands":
            return bool(ast.literal_eval(node.value))
    return False


def _takes_away(step: Path) -> list[str]:
    """Return every deed of an upgrade that an older program would notice."""
    found = []
    for call in (node for part in _upgrade(step) for node in ast.walk(part) if isinstance(node, ast.Call)):
        deed = call.func
        if not (isinstance(deed, ast.Attribute) and isinstance(deed.value, ast.Name)):
            continue
        if deed.value.id not in ("op", "batch_op"):
            continue
        if deed.attr not in _ADDING and not _is_plain_index(call):
            found.append(f"{call.lineno}: {deed.attr}")
        if deed.attr == "add_column" and not _may_be_left_out(call):
            found.append(f"{call.lineno}: a column that must be filled")
        if deed.attr == "create_index" and "unique=True" in ast.unparse(call):
            found.append(f"{call.lineno}: a new unique index")
    return found


def _upgrade(step: Path) -> list[ast.FunctionDef]:
    """Return what an upgrade does, in the step's own file and in those of the tables it lays."""
    laid = sorted((step.parent.parent / f"tables_{step.name[:4]}").glob("*.py"))
    functions = [node for path in (step, *laid) for node in tree_of(path).body if isinstance(node, ast.FunctionDef)]
    return [node for node in functions if node.name == "upgrade" or node.name.startswith("lay_")]


def _is_plain_index(call: ast.Call) -> bool:
    """Tell whether an index goes that nobody's word depends on: by its name it keeps nothing unique."""
    return ast.unparse(call).startswith(("op.drop_index('ix_", "batch_op.drop_index('ix_"))


def _may_be_left_out(call: ast.Call) -> bool:
    text = ast.unparse(call)
    return "nullable=True" in text or "server_default=" in text


class TestSteps:
    @pytest.mark.parametrize("step", [step for step in STEPS if _flag(step)], ids=lambda step: step.name)
    def test_that_expand_only_add(self, step: Path) -> None:
        """New tables, and columns that an older program may leave out; nothing renamed, narrowed or dropped."""
        assert _takes_away(step) == []

    @pytest.mark.parametrize("step", STEPS[1:], ids=lambda step: step.name)
    def test_say_whether_they_do(self, step: Path) -> None:
        """Every step but the first answers the question."""
        assert "\nexpands = " in step.read_text(encoding="utf-8")

    def test_a_step_that_takes_away_is_seen(self, tmp_path: Path) -> None:
        """The look at a step finds a dropped table and uniqueness, a column that must be filled, and a unique index."""
        bad = tmp_path / "0099_bad.py"
        bad.write_text(
            "def upgrade():\n    op.drop_table('x')\n    op.drop_index('uq_x')\n    op.drop_index('ix_x')\n    batch_op.add_column(sa.Column('a', nullable=False))\n"
            "    batch_op.create_index('i', ['a'], unique=True)\n",
            encoding="utf-8",
        )
        assert [line.split(": ")[1] for line in _takes_away(bad)] == [
            "drop_table", "drop_index", "a column that must be filled", "a new unique index",
        ]  # fmt: skip
