"""The files of the project, as the guards look at them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_BINARY = {".png", ".ico", ".woff2", ".db", ".gz"}


@cache
def files(*endings: str) -> tuple[Path, ...]:
    """Return the files under version control that end so; all text files without an ending given."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = (ROOT / name for name in done.stdout.split("\0") if name)
    return tuple(
        path
        for path in named
        if path.is_file() and path.suffix not in _BINARY and (not endings or path.suffix in endings)
    )


def short(path: Path) -> str:
    """Return a path as people write it."""
    return str(path.relative_to(ROOT))


def is_test(path: Path) -> bool:
    """Tell whether a file belongs to the tests."""
    return short(path).startswith("tests/")


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function and method of a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
