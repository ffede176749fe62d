"""What must not stand anywhere in the project."""

import re
from collections.abc import Iterator

import pytest

from tests.guards.tree import files, functions, is_test, short, tree_of

_OPEN_ENDS = re.compile("TO" + r"DO\b|FIX" + r"ME\b|\bXX" + r"X\b|NotImplemented" + "Error|pragma: no " + "cover")
_BARE = re.compile(r"#\s*type:\s*ignore(?!\[)|#\s*no" + r"qa(?!:)")
_MACHINE = re.compile(r"(?<![\w./])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me/\w+|Us" + r"ers)/")
_REGISTRIES = re.compile(
    "|".join(("py" + "pi\\.org", "python" + "hosted", "npm" + "js\\.org", "deb\\.deb" + "ian", "crates" + "\\.io"))
)
_DANGEROUS = re.compile(r"\bpickle\b|(?<![.\w])eval\(|(?<![.\w])exec\(|^\s*(?:import|from) yaml\b|shell=True")
_RAW_HTML = re.compile(r"\|\s*safe\b|\bMarkup\(")


def _lines_with(pattern: re.Pattern[str], *endings: str, tests_too: bool = True) -> Iterator[str]:
    for path in files(*endings):
        if tests_too or not is_test(path):
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
                if pattern.search(line):
                    yield f"{short(path)}:{number}: {line.strip()[:100]}"


class TestCode:
    def test_has_no_open_ends(self) -> None:
        """Nothing is left for later in a comment, and nothing is a stub."""
        assert list(_lines_with(_OPEN_ENDS, ".py", ".md", ".toml", ".yaml", ".html", ".js")) == []

    def test_names_the_rule_it_breaks(self) -> None:
        """An exception from a check says from which."""
        assert list(_lines_with(_BARE, ".py", ".pyi")) == []

    def test_runs_no_text_as_code(self) -> None:
        """No unpickling, no evaluation, no shell, no unsafe YAML."""
        assert list(_lines_with(_DANGEROUS, ".py", tests_too=False)) == []

    def test_opens_no_engine_that_shows_parameters(self) -> None:
        """A driver's error must not quote a customer's row."""
        bare = re.compile(r"create_engine\((?!.*hide_parameters=True)")

        assert list(_lines_with(bare, ".py", tests_too=False)) == []

    def test_never_trusts_text_as_html(self) -> None:
        """Escaping is never switched off for a value."""
        assert list(_lines_with(_RAW_HTML, ".html", ".j2", ".mjml", ".py", tests_too=False)) == []

    def test_does_not_mock_itself(self) -> None:
        """Fakes stand at ports only; our own code is never patched out by name."""
        assert list(_lines_with(re.compile(r"unittest\.mock|mocker\.|MagicMock"), ".py")) == [
            line
            for line in _lines_with(re.compile(r"unittest\.mock|mocker\.|MagicMock"), ".py")
            if "tests/guards" in line
        ]


class TestTree:
    @pytest.mark.parametrize(
        ("what", "pattern"),
        [("paths of a machine", _MACHINE), ("hosts of registries", _REGISTRIES)],
        ids=["paths", "hosts"],
    )
    def test_belongs_to_no_machine(self, what: str, pattern: re.Pattern[str]) -> None:
        """A clone works anywhere: no path of a person's computer, no host of an index."""
        assert list(_lines_with(pattern)) == [], what

    def test_keeps_credentials_out(self) -> None:
        """No token of a real provider lies in the tree, and private keys only for the tests' own loopback servers."""
        secret = re.compile(r"-----BEGIN (?:RSA |EC )?PRIVATE KEY|\bSK[0-9a-f]{32}\b|\bxox[bp]-\w{10,}")

        found = [line for line in _lines_with(secret) if not line.startswith("tests/contracts/tls/")]
        assert found == []


class TestLogCalls:
    def test_use_constant_event_names(self) -> None:
        """Events are words with dots; data goes into fields, where it is masked by its key."""
        import ast

        wrong = []
        for path in files(".py"):
            if is_test(path):
                continue
            for call in (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)):
                target = call.func
                if not (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "log"
                ):
                    continue
                first = call.args[0] if call.args else None
                if not (isinstance(first, ast.Constant) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", str(first.value))):
                    wrong.append(f"{short(path)}:{call.lineno}")

        assert wrong == []

    def test_guards_look_at_real_files(self) -> None:
        """The walk finds the code; an empty list would prove nothing."""
        assert len(files(".py")) > 100
        assert sum(1 for path in files(".py") for _ in functions(path)) > 500
