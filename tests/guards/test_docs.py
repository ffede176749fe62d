"""Pages and code say the same."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest
import typer

from care.base.settings_pages import every_key, toml_template
from care.cli.main import mount
from tests.guards.tree import ROOT, files, short

PAGES = [path for path in files(".md") if path.name != "CHANGELOG.md" and "decisions" not in path.parts]


def _known_commands(app: typer.Typer, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for command in app.registered_commands:
        assert command.callback
        yield (*above, (command.name or command.callback.__name__).replace("_", "-"))
    for group in app.registered_groups:
        assert group.typer_instance
        path = (*above, group.name) if group.name else above
        if group.name:
            yield path
        yield from _known_commands(group.typer_instance, path)


def _named_commands(text: str) -> Iterator[tuple[str, ...]]:
    """Return the words after `care` in code blocks and code spans, up to the first that is no command word."""
    code = re.findall(r"```(?:sh|console|bash)?\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    for piece in code:
        for line in piece.splitlines():
            found = re.match(r"(?:\$ )?(?:\.venv/bin/)?care ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)", line.strip())
            if found:
                yield tuple(found[1].split())


def _name_of(requirement: str) -> str:
    return re.split(r"[\[<>=;~! ]", requirement)[0]


class TestPages:
    def test_that_are_generated_are_up_to_date(self) -> None:
        """`make docs` would change nothing."""
        done = subprocess.run(
            [sys.executable, "scripts/make_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
        )

        assert done.stderr == ""
        assert done.returncode == 0

    @pytest.mark.parametrize("page", PAGES, ids=short)
    def test_name_only_commands_that_exist(self, page) -> None:
        """Whoever copies a line from a page gets an answer."""
        known = set(_known_commands(mount()))
        unknown = [
            " ".join(words)
            for words in _named_commands(page.read_text(encoding="utf-8"))
            if words[:2] not in known and words[:1] not in known
        ]

        assert unknown == []

    @pytest.mark.parametrize("page", PAGES, ids=short)
    def test_link_only_to_files_that_exist(self, page) -> None:
        """No relative link leads nowhere."""
        links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))

        assert [link for link in links if not (page.parent / link).exists()] == []

    def test_name_only_targets_that_the_makefile_has(self) -> None:
        """`make x` in a page works."""
        targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        named = {name for page in PAGES for name in re.findall(r"`make ([a-z]+)", page.read_text(encoding="utf-8"))}

        assert named - targets == set()


class TestSettings:
    def test_are_all_explained(self) -> None:
        """Every key has words, and stands in the commented file and on the page."""
        page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
        template = toml_template()

        assert [key.full_name for key in every_key() if not key.words] == []
        assert [key.full_name for key in every_key() if f"`{key.full_name}`" not in page] == []
        assert [key.full_name for key in every_key() if f"[{key.section}]" not in template] == []


class TestDependencies:
    def test_have_a_line_with_the_reason(self) -> None:
        """Every direct dependency stands in the decision that weighs them."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        wanted = [
            *project["dependencies"],
            *(line for extra in project["optional-dependencies"].values() for line in extra),
        ]
        names = {_name_of(line) for line in wanted}
        text = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")

        assert {name for name in names if f"| {name} |" not in text} == set()

    @pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
    def test_are_pinned_and_hashed(self, path) -> None:
        """Every requirement has one version and at least one hash, and no address."""
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        entries = [line for line in text.splitlines() if line and not line.startswith(("-r ", "#"))]

        assert [line.split()[0] for line in entries if "==" not in line or "--hash=sha256:" not in line] == []
        assert "://" not in text

    def test_are_locked_for_every_set(self) -> None:
        """Each extra has its file, and what it names is in it or in a file it builds on."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        sets = {"core": project["dependencies"], **project["optional-dependencies"]}
        everything = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "requirements").glob("*.txt")).lower()

        assert {name for name in sets if not (ROOT / "requirements" / f"{name}.txt").exists()} == set()
        missing = [
            name
            for name in (_name_of(line).replace(".", "-") for lines in sets.values() for line in lines)
            if not re.search(rf"^{re.escape(name)}==", everything, re.MULTILINE)
        ]
        assert missing == []
